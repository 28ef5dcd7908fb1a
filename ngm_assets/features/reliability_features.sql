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
  FROM daily
),
windows AS (
  SELECT
    *,
    SUM(failed_runs) OVER seven AS failed_7d,
    SUM(decided_runs) OVER seven AS decided_7d,
    SUM(failed_runs) OVER thirty AS failed_30d,
    SUM(decided_runs) OVER thirty AS decided_30d,
    SUM(total_runs) OVER thirty AS total_30d,
    SUM(repair_runs) OVER thirty AS repairs_30d,
    SUM(succeeded_runs) OVER thirty AS succeeded_30d,
    CAST(SUM(succeeded_micros) OVER thirty AS DOUBLE) / 1000000 AS succeeded_seconds_30d,
    COUNT(*) OVER thirty AS active_days_30d,
    day_number - COALESCE(
      MAX(CASE WHEN failed_runs = 0 THEN day_number END) OVER thirty,
      MIN(day_number) OVER thirty - 1
    ) AS consecutive_failed_days,
    LAST_VALUE(failed_runs) OVER before AS prev_failed_runs,
    MAX(CASE WHEN failed_runs > 0 THEN run_date END) OVER ninety AS last_failure
  FROM counted
  WINDOW
    seven AS (PARTITION BY workspace_id, job_id ORDER BY run_date RANGE BETWEEN INTERVAL 6 DAYS PRECEDING AND CURRENT ROW),
    thirty AS (PARTITION BY workspace_id, job_id ORDER BY run_date RANGE BETWEEN INTERVAL 29 DAYS PRECEDING AND CURRENT ROW),
    ninety AS (PARTITION BY workspace_id, job_id ORDER BY run_date RANGE BETWEEN INTERVAL 90 DAYS PRECEDING AND CURRENT ROW),
    before AS (PARTITION BY workspace_id, job_id ORDER BY run_date RANGE BETWEEN INTERVAL 90 DAYS PRECEDING AND INTERVAL 1 DAYS PRECEDING)
),
trailing_days AS (
  SELECT workspace_id, job_id, run_date, EXPLODE(SEQUENCE(0, 29)) AS back
  FROM daily
  WHERE run_date >= :start_date
),
trailing AS (
  SELECT
    t.workspace_id, t.job_id, t.run_date,
    PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY a.duration_sec) AS p95_success_duration_30d
  FROM trailing_days AS t
  JOIN attempts AS a
    ON a.workspace_id = t.workspace_id AND a.job_id = t.job_id AND a.run_date = DATE_ADD(t.run_date, -t.back)
  WHERE a.outcome = 'succeeded'
  GROUP BY t.workspace_id, t.job_id, t.run_date
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
runtime_ages AS (
  SELECT r.workspace_id, r.job_id, r.run_date, MIN(c.change_date) AS first_seen
  FROM attempt_runtimes AS r
  JOIN gold.dim_cluster AS c
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
  TRY_DIVIDE(CAST(w.succeeded_seconds_30d AS DOUBLE), w.succeeded_30d) AS rolling_avg_duration_30d,
  w.failed_30d AS total_failures_30d,
  w.total_30d AS total_runs_30d,
  CAST(w.repairs_30d AS DOUBLE) / w.total_30d AS rolling_repair_rate_30d,
  CAST(w.total_30d AS DOUBLE) / 30 AS runs_per_day_30d,
  w.active_days_30d,
  t.p95_success_duration_30d,
  TRY_DIVIDE(
    TRY_DIVIDE(CAST(w.succeeded_seconds AS DOUBLE), w.succeeded_runs),
    TRY_DIVIDE(CAST(w.succeeded_seconds_30d AS DOUBLE), w.succeeded_30d)
  ) AS duration_ratio_30d,
  w.prev_failed_runs > 0 AS prev_day_failed,
  w.consecutive_failed_days,
  DATEDIFF(w.run_date, w.last_failure) AS days_since_last_failure,
  DATEDIFF(w.run_date, g.first_seen) AS runtime_age_days,
  DATEDIFF(w.run_date, c.changed_on) AS days_since_runtime_change,
  MOD(DATEDIFF(w.run_date, DATE '1970-01-05'), 7) + 1 AS day_of_week,
  MOD(DATEDIFF(w.run_date, DATE '1970-01-05'), 7) >= 5 AS is_weekend
FROM windows AS w
LEFT JOIN trailing AS t ON t.workspace_id = w.workspace_id AND t.job_id = w.job_id AND t.run_date = w.run_date
LEFT JOIN runtime_changes AS c ON c.workspace_id = w.workspace_id AND c.job_id = w.job_id AND c.run_date = w.run_date
LEFT JOIN runtime_ages AS g ON g.workspace_id = w.workspace_id AND g.job_id = w.job_id AND g.run_date = w.run_date
WHERE w.run_date BETWEEN :start_date AND :end_date
