-- Reliability features of the days :start_date..:end_date, over attempts that ended that day.
WITH attempts AS (
  SELECT *, CAST(UNIX_MICROS(end_time) - UNIX_MICROS(start_time) AS DECIMAL(38, 0)) AS duration_micros
  FROM gold.fact_job_run_timeline
  WHERE run_date BETWEEN DATE_ADD(:start_date, -90) AND :end_date AND job_id IS NOT NULL
),
daily AS (
  SELECT
    workspace_id,
    job_id,
    run_date,
    COUNT(*) AS total_runs,
    COUNT(CASE WHEN outcome = 'succeeded' OR outcome = 'failure' THEN 1 END) AS decided_runs,
    COUNT(CASE WHEN outcome = 'succeeded' THEN 1 END) AS succeeded_runs,
    COUNT(CASE WHEN outcome = 'failure' THEN 1 END) AS failed_runs,
    COUNT(CASE WHEN result_state = 'TIMED_OUT' THEN 1 END) AS timeout_runs,
    COUNT(CASE WHEN outcome = 'cancelled' THEN 1 END) AS cancelled_runs,
    COUNT(CASE WHEN outcome = 'skipped' THEN 1 END) AS skipped_runs,
    COUNT(CASE WHEN attempt > 1 THEN 1 END) AS repair_runs,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CASE WHEN outcome = 'succeeded' THEN duration_sec END) AS p50_duration_sec,
    PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY CASE WHEN outcome = 'succeeded' THEN duration_sec END) AS p95_duration_sec,
    SUM(CASE WHEN outcome = 'succeeded' THEN duration_micros END) AS succeeded_micros,
    SUM(CASE WHEN outcome = 'succeeded' THEN duration_micros * duration_micros END) AS succeeded_micros_squared,
    MAX(duration_sec) AS max_duration_sec
  FROM attempts
  GROUP BY workspace_id, job_id, run_date
),
window_ends AS (
  -- A day's own window ends today; the norm that a day is held against ended the day before.
  SELECT workspace_id, job_id, run_date AS window_end FROM daily WHERE run_date >= DATE_ADD(:start_date, -29)
  UNION
  SELECT workspace_id, job_id, DATE_ADD(run_date, -1) AS window_end FROM daily WHERE run_date >= DATE_ADD(:start_date, -29)
),
window_days AS (
  SELECT workspace_id, job_id, window_end, EXPLODE(SEQUENCE(0, 29)) AS back
  FROM window_ends
),
trailing AS (
  SELECT
    t.workspace_id, t.job_id, t.window_end,
    PERCENTILE_CONT(ARRAY(0.5, 0.95)) WITHIN GROUP (ORDER BY a.duration_sec) AS quantiles
  FROM window_days AS t
  JOIN attempts AS a
    ON a.workspace_id = t.workspace_id AND a.job_id = t.job_id AND a.run_date = DATE_ADD(t.window_end, -t.back)
  WHERE a.outcome = 'succeeded'
  GROUP BY t.workspace_id, t.job_id, t.window_end
),
judged AS (
  SELECT
    d.*,
    CASE
      WHEN d.max_duration_sec > 1.2 * ELEMENT_AT(n.quantiles, 2) THEN 1
      WHEN d.timeout_runs > 0 AND n.quantiles IS NOT NULL THEN 1
      WHEN n.quantiles IS NOT NULL THEN 0
    END AS breached,
    TRY_DIVIDE(d.max_duration_sec, ELEMENT_AT(n.quantiles, 2)) AS max_duration_ratio
  FROM daily AS d
  LEFT JOIN trailing AS n
    ON n.workspace_id = d.workspace_id AND n.job_id = d.job_id AND n.window_end = DATE_ADD(d.run_date, -1)
),
counted AS (
  -- Sums of whole microseconds are exact, so a row does not depend on the range it is computed in.
  SELECT
    *,
    CAST(succeeded_micros AS DOUBLE) / 1000000 AS succeeded_seconds,
    SQRT(
      TRY_DIVIDE(
        CAST(
          CAST(succeeded_runs AS DECIMAL(38, 0)) * CAST(succeeded_micros_squared AS DECIMAL(38, 0))
          - CAST(succeeded_micros AS DECIMAL(38, 0)) * CAST(succeeded_micros AS DECIMAL(38, 0)) AS DOUBLE
        ),
        succeeded_runs * (succeeded_runs - 1)
      )
    ) / 1000000 AS std_duration_sec,
    ROW_NUMBER() OVER (PARTITION BY workspace_id, job_id ORDER BY run_date) AS day_number
  FROM judged
),
windows AS (
  SELECT
    *,
    SUM(failed_runs) OVER seven AS failed_7d,
    SUM(succeeded_runs) OVER seven AS succeeded_7d,
    SUM(decided_runs) OVER seven AS decided_7d,
    SUM(failed_runs) OVER thirty AS failed_30d,
    SUM(decided_runs) OVER thirty AS decided_30d,
    SUM(total_runs) OVER thirty AS total_30d,
    SUM(repair_runs) OVER thirty AS repairs_30d,
    SUM(succeeded_runs) OVER thirty AS succeeded_30d,
    CAST(SUM(succeeded_micros) OVER thirty AS DOUBLE) / 1000000 AS succeeded_seconds_30d,
    COUNT(*) OVER thirty AS active_days_30d,
    SUM(timeout_runs) OVER thirty AS timeouts_30d,
    SUM(breached) OVER thirty AS breached_30d,
    COUNT(breached) OVER thirty AS judged_days_30d,
    day_number - COALESCE(
      MAX(CASE WHEN failed_runs = 0 THEN day_number END) OVER thirty,
      MIN(day_number) OVER thirty - 1
    ) AS consecutive_failed_days,
    LAST_VALUE(failed_runs) OVER before AS prev_failed_runs,
    LAST_VALUE(p50_duration_sec) IGNORE NULLS OVER before AS prev_p50_duration_sec,
    LAST_VALUE(p50_duration_sec) IGNORE NULLS OVER thirty AS latest_p50_duration_sec,
    MAX(CASE WHEN failed_runs > 0 THEN run_date END) OVER ninety AS last_failure
  FROM counted
  WINDOW
    seven AS (PARTITION BY workspace_id, job_id ORDER BY run_date RANGE BETWEEN INTERVAL 6 DAYS PRECEDING AND CURRENT ROW),
    thirty AS (PARTITION BY workspace_id, job_id ORDER BY run_date RANGE BETWEEN INTERVAL 29 DAYS PRECEDING AND CURRENT ROW),
    ninety AS (PARTITION BY workspace_id, job_id ORDER BY run_date RANGE BETWEEN INTERVAL 90 DAYS PRECEDING AND CURRENT ROW),
    before AS (PARTITION BY workspace_id, job_id ORDER BY run_date RANGE BETWEEN INTERVAL 90 DAYS PRECEDING AND INTERVAL 1 DAYS PRECEDING)
),
failures AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY workspace_id, job_id, run_date ORDER BY end_time DESC, run_id DESC, attempt DESC) AS place
  FROM attempts
  WHERE outcome = 'failure' AND run_date >= DATE_ADD(:start_date, -29)
),
retry_days AS (
  SELECT workspace_id, job_id, run_id, attempt, run_date, end_time, EXPLODE(SEQUENCE(0, 1)) AS ahead
  FROM failures
),
candidates AS (
  SELECT
    f.workspace_id, f.job_id, f.run_id, f.attempt, f.run_date,
    a.run_date AS known_on,
    CAST(a.outcome = 'succeeded' AS INT) AS worked,
    ROW_NUMBER() OVER (
      PARTITION BY f.workspace_id, f.job_id, f.run_id, f.attempt
      ORDER BY a.end_time, a.run_id, a.attempt
    ) AS rank
  FROM retry_days AS f
  JOIN attempts AS a
    ON a.workspace_id = f.workspace_id AND a.job_id = f.job_id
    AND CAST(a.start_time AS DATE) = DATE_ADD(f.run_date, f.ahead)
    AND a.start_time >= f.end_time AND a.end_time > f.end_time
    AND UNIX_MICROS(a.start_time) - UNIX_MICROS(f.end_time) <= 86400000000
  WHERE a.outcome = 'succeeded' OR a.outcome = 'failure'
),
retries AS (
  -- The retry of a failure is what ended first of all that began within 24 h of it: known for good once it ended.
  SELECT * FROM candidates WHERE rank = 1
),
retry_windows AS (
  SELECT workspace_id, job_id, known_on, worked, DATE_ADD(run_date, ahead) AS window_end
  FROM (
    SELECT workspace_id, job_id, run_date, known_on, worked, EXPLODE(SEQUENCE(0, 29)) AS ahead
    FROM retries
  )
),
trailing_retries AS (
  SELECT workspace_id, job_id, window_end, COUNT(*) AS retries_30d, SUM(worked) AS worked_30d
  FROM retry_windows
  WHERE known_on <= window_end AND window_end >= :start_date
  GROUP BY workspace_id, job_id, window_end
),
last_failures AS (
  SELECT
    f.workspace_id, f.job_id, f.run_date, f.attempt, f.duration_sec,
    r.known_on IS NULL AS is_open
  FROM failures AS f
  LEFT JOIN retries AS r
    ON r.workspace_id = f.workspace_id AND r.job_id = f.job_id AND r.run_id = f.run_id AND r.attempt = f.attempt
    AND r.known_on = f.run_date
  WHERE f.place = 1 AND f.run_date >= :start_date
),
last_attempts AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY workspace_id, job_id, run_date ORDER BY end_time DESC, run_id DESC, attempt DESC) AS place
  FROM attempts
  WHERE run_date >= :start_date
),
attempt_clusters AS (
  SELECT workspace_id, job_id, run_date, end_time, EXPLODE(compute_ids) AS cluster_id
  FROM last_attempts
  WHERE place = 1
),
attempt_runtimes AS (
  SELECT
    a.workspace_id, a.job_id, a.run_date, a.end_time, a.cluster_id, c.dbr_version,
    ROW_NUMBER() OVER (
      PARTITION BY a.workspace_id, a.job_id, a.run_date
      ORDER BY c.change_time DESC, a.cluster_id DESC
    ) AS place
  FROM attempt_clusters AS a
  JOIN gold.dim_cluster AS c
    ON c.workspace_id = a.workspace_id AND c.cluster_id = a.cluster_id AND c.change_time <= a.end_time
    AND c.change_date >= DATE_ADD(a.run_date, -90) AND c.dbr_version IS NOT NULL
),
version_changes AS (
  SELECT
    workspace_id, cluster_id, change_time, change_date, dbr_version,
    LAG(dbr_version) OVER (PARTITION BY workspace_id, cluster_id ORDER BY change_time) AS version_before,
    LAG(change_date) OVER (PARTITION BY workspace_id, cluster_id ORDER BY change_time) AS date_before
  FROM gold.dim_cluster
  WHERE dbr_version IS NOT NULL AND change_date BETWEEN DATE_ADD(:start_date, -90) AND :end_date
),
runtime_changes AS (
  SELECT r.workspace_id, r.job_id, r.run_date, MAX(v.change_date) AS changed_on
  FROM attempt_runtimes AS r
  JOIN version_changes AS v
    ON v.workspace_id = r.workspace_id AND v.cluster_id = r.cluster_id AND v.dbr_version = r.dbr_version
    AND v.version_before <> v.dbr_version AND v.date_before >= DATE_ADD(r.run_date, -90)
    AND v.change_time <= r.end_time
  WHERE r.place = 1
  GROUP BY r.workspace_id, r.job_id, r.run_date
),
version_days AS (
  SELECT DISTINCT dbr_version, change_date
  FROM gold.dim_cluster
  WHERE dbr_version IS NOT NULL AND change_date BETWEEN DATE_ADD(:start_date, -90) AND :end_date
),
runtime_ages AS (
  SELECT r.workspace_id, r.job_id, r.run_date, MIN(c.change_date) AS first_seen
  FROM attempt_runtimes AS r
  JOIN version_days AS c
    ON c.dbr_version = r.dbr_version AND c.change_date BETWEEN DATE_ADD(r.run_date, -90) AND r.run_date
  WHERE r.place = 1
  GROUP BY r.workspace_id, r.job_id, r.run_date
)
SELECT
  w.workspace_id,
  w.job_id,
  w.run_date,
  w.total_runs,
  w.decided_runs,
  w.succeeded_runs,
  w.failed_runs,
  w.timeout_runs,
  w.cancelled_runs,
  w.skipped_runs,
  w.repair_runs,
  TRY_DIVIDE(CAST(w.succeeded_runs AS DOUBLE), w.decided_runs) AS success_rate,
  TRY_DIVIDE(CAST(w.failed_runs AS DOUBLE), w.decided_runs) AS failure_rate,
  TRY_DIVIDE(CAST(w.succeeded_seconds AS DOUBLE), w.succeeded_runs) AS avg_duration_sec,
  w.p50_duration_sec,
  w.p95_duration_sec,
  TRY_DIVIDE(w.std_duration_sec, TRY_DIVIDE(CAST(w.succeeded_seconds AS DOUBLE), w.succeeded_runs)) AS duration_cv,
  w.max_duration_sec,
  TRY_DIVIDE(CAST(w.failed_7d AS DOUBLE), w.decided_7d) AS failure_rate_7d,
  TRY_DIVIDE(CAST(w.failed_30d AS DOUBLE), w.decided_30d) AS rolling_failure_rate_30d,
  TRY_DIVIDE(CAST(w.succeeded_7d AS DOUBLE), w.decided_7d) AS success_rate_7d,
  TRY_DIVIDE(CAST(w.succeeded_seconds_30d AS DOUBLE), w.succeeded_30d) AS rolling_avg_duration_30d,
  w.failed_30d AS total_failures_30d,
  w.total_30d AS total_runs_30d,
  CAST(w.repairs_30d AS DOUBLE) / w.total_30d AS rolling_repair_rate_30d,
  CAST(w.total_30d AS DOUBLE) / 30 AS runs_per_day_30d,
  w.active_days_30d,
  ELEMENT_AT(t.quantiles, 1) AS p50_success_duration_30d,
  ELEMENT_AT(t.quantiles, 2) AS p95_success_duration_30d,
  w.prev_p50_duration_sec,
  TRY_DIVIDE(w.latest_p50_duration_sec, ELEMENT_AT(t.quantiles, 1)) AS latest_p50_ratio_30d,
  w.max_duration_ratio,
  w.breached > 0 AS breached,
  w.breached_30d,
  TRY_DIVIDE(CAST(w.breached_30d AS DOUBLE), w.judged_days_30d) AS breach_rate_30d,
  w.timeouts_30d,
  TRY_DIVIDE(
    TRY_DIVIDE(CAST(w.succeeded_seconds AS DOUBLE), w.succeeded_runs),
    TRY_DIVIDE(CAST(w.succeeded_seconds_30d AS DOUBLE), w.succeeded_30d)
  ) AS duration_ratio_30d,
  w.prev_failed_runs > 0 AS prev_day_failed,
  w.consecutive_failed_days,
  DATEDIFF(w.run_date, w.last_failure) AS days_since_last_failure,
  f.is_open AS last_failure_open,
  f.attempt AS last_failure_attempt,
  f.duration_sec AS last_failure_duration_sec,
  COALESCE(y.retries_30d, 0) AS retries_30d,
  TRY_DIVIDE(CAST(y.worked_30d AS DOUBLE), y.retries_30d) AS retry_success_rate_30d,
  r.dbr_version AS runtime_version,
  DATEDIFF(w.run_date, g.first_seen) AS runtime_age_days,
  DATEDIFF(w.run_date, c.changed_on) AS days_since_runtime_change,
  MOD(DATEDIFF(w.run_date, DATE '1970-01-05'), 7) + 1 AS day_of_week,
  MOD(DATEDIFF(w.run_date, DATE '1970-01-05'), 7) >= 5 AS is_weekend
FROM windows AS w
LEFT JOIN trailing AS t ON t.workspace_id = w.workspace_id AND t.job_id = w.job_id AND t.window_end = w.run_date
LEFT JOIN last_failures AS f ON f.workspace_id = w.workspace_id AND f.job_id = w.job_id AND f.run_date = w.run_date
LEFT JOIN trailing_retries AS y ON y.workspace_id = w.workspace_id AND y.job_id = w.job_id AND y.window_end = w.run_date
LEFT JOIN attempt_runtimes AS r
  ON r.workspace_id = w.workspace_id AND r.job_id = w.job_id AND r.run_date = w.run_date AND r.place = 1
LEFT JOIN runtime_changes AS c ON c.workspace_id = w.workspace_id AND c.job_id = w.job_id AND c.run_date = w.run_date
LEFT JOIN runtime_ages AS g ON g.workspace_id = w.workspace_id AND g.job_id = w.job_id AND g.run_date = w.run_date
WHERE w.run_date BETWEEN :start_date AND :end_date
