-- What came true of reliability features of the days :start_date..:end_date, and what the rules of thumb said.
WITH days AS (
  SELECT *
  FROM features.reliability_features
  WHERE run_date BETWEEN DATE_ADD(:start_date, -13) AND DATE_ADD(:end_date, 20)
),
ahead AS (
  SELECT
    workspace_id,
    job_id,
    run_date,
    runtime_version,
    rolling_failure_rate_30d,
    p50_success_duration_30d,
    p95_success_duration_30d,
    breach_rate_30d,
    retry_success_rate_30d,
    success_rate_7d,
    FIRST_VALUE(failed_runs) OVER next_week AS failed_next_active_day,
    FIRST_VALUE(max_duration_sec) OVER next_week AS longest_next_active_day,
    FIRST_VALUE(timeout_runs) OVER next_week AS timeouts_next_active_day,
    FIRST_VALUE(p50_duration_sec) IGNORE NULLS OVER next_week AS p50_next_success_day,
    SUM(succeeded_runs) OVER next_week AS succeeded_next_7d,
    SUM(decided_runs) OVER next_week AS decided_next_7d
  FROM days
  WINDOW next_week AS (
    PARTITION BY workspace_id, job_id ORDER BY run_date
    RANGE BETWEEN INTERVAL 1 DAYS FOLLOWING AND INTERVAL 7 DAYS FOLLOWING
  )
),
attempts AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY workspace_id, job_id, run_date ORDER BY end_time DESC, run_id DESC, attempt DESC) AS place,
    ROW_NUMBER() OVER (
      PARTITION BY workspace_id, job_id, run_date, outcome ORDER BY end_time DESC, run_id DESC, attempt DESC
    ) AS place_in_outcome
  FROM gold.fact_job_run_timeline
  WHERE run_date BETWEEN :start_date AND DATE_ADD(:end_date, 2) AND job_id IS NOT NULL
),
failure_days AS (
  SELECT workspace_id, job_id, run_date, end_time, EXPLODE(SEQUENCE(0, 1)) AS later
  FROM attempts
  WHERE outcome = 'failure' AND place_in_outcome = 1
),
retries AS (
  SELECT
    f.workspace_id, f.job_id, f.run_date,
    a.run_date AS known_on,
    CAST(a.outcome = 'succeeded' AS INT) AS worked,
    ROW_NUMBER() OVER (
      PARTITION BY f.workspace_id, f.job_id, f.run_date ORDER BY a.end_time, a.run_id, a.attempt
    ) AS rank
  FROM failure_days AS f
  JOIN attempts AS a
    ON a.workspace_id = f.workspace_id AND a.job_id = f.job_id
    AND CAST(a.start_time AS DATE) = DATE_ADD(f.run_date, f.later)
    AND a.start_time >= f.end_time AND a.end_time > f.end_time
    AND UNIX_MICROS(a.start_time) - UNIX_MICROS(f.end_time) <= 86400000000
  WHERE a.outcome = 'succeeded' OR a.outcome = 'failure'
),
versions AS (
  SELECT
    workspace_id, cluster_id, change_date, dbr_version,
    LAG(dbr_version) OVER (PARTITION BY workspace_id, cluster_id ORDER BY change_time) AS version_before
  FROM gold.dim_cluster
  WHERE dbr_version IS NOT NULL AND change_date <= DATE_ADD(:end_date, 7)
),
job_clusters AS (
  SELECT workspace_id, job_id, run_date, EXPLODE(compute_ids) AS cluster_id
  FROM attempts
  WHERE place = 1
),
job_cluster_days AS (
  SELECT workspace_id, job_id, run_date, cluster_id, EXPLODE(SEQUENCE(1, 7)) AS later
  FROM job_clusters
),
day_pairs AS (
  SELECT workspace_id, job_id, run_date, runtime_version, EXPLODE(SEQUENCE(1, 7)) AS later
  FROM ahead
  WHERE runtime_version IS NOT NULL
),
changes AS (
  SELECT j.workspace_id, j.job_id, j.run_date, v.change_date AS changed_on
  FROM job_cluster_days AS j
  JOIN versions AS v
    ON v.workspace_id = j.workspace_id AND v.cluster_id = j.cluster_id
    AND v.change_date = DATE_ADD(j.run_date, j.later) AND v.version_before <> v.dbr_version
  UNION ALL
  SELECT p.workspace_id, p.job_id, p.run_date, d.run_date AS changed_on
  FROM day_pairs AS p
  JOIN days AS d
    ON d.workspace_id = p.workspace_id AND d.job_id = p.job_id
    AND d.run_date = DATE_ADD(p.run_date, p.later) AND d.runtime_version <> p.runtime_version
),
first_changes AS (
  SELECT workspace_id, job_id, run_date, MIN(changed_on) AS changed_on
  FROM changes
  GROUP BY workspace_id, job_id, run_date
),
change_days AS (
  SELECT workspace_id, job_id, run_date, changed_on, EXPLODE(SEQUENCE(-14, 13)) AS step
  FROM first_changes
),
migrations AS (
  SELECT
    c.workspace_id, c.job_id, c.run_date,
    SUM(CASE WHEN c.step < 0 THEN d.failed_runs ELSE 0 END) AS failed_before,
    SUM(CASE WHEN c.step < 0 THEN d.decided_runs ELSE 0 END) AS decided_before,
    SUM(CASE WHEN c.step >= 0 THEN d.failed_runs ELSE 0 END) AS failed_after,
    SUM(CASE WHEN c.step >= 0 THEN d.decided_runs ELSE 0 END) AS decided_after
  FROM change_days AS c
  JOIN days AS d
    ON d.workspace_id = c.workspace_id AND d.job_id = c.job_id AND d.run_date = DATE_ADD(c.changed_on, c.step)
  GROUP BY c.workspace_id, c.job_id, c.run_date
)
SELECT
  a.workspace_id,
  a.job_id,
  a.run_date,
  CAST(a.failed_next_active_day > 0 AS INT) AS fails_next_active_day,
  a.rolling_failure_rate_30d AS rule_trailing_failure_rate,
  a.p50_next_success_day,
  a.p50_success_duration_30d AS rule_trailing_p50_duration,
  CASE
    WHEN a.p95_success_duration_30d IS NOT NULL
    THEN CAST(a.longest_next_active_day > 1.2 * a.p95_success_duration_30d OR a.timeouts_next_active_day > 0 AS INT)
  END AS breaches_next_active_day,
  a.breach_rate_30d AS rule_trailing_breach_rate,
  CASE WHEN r.known_on BETWEEN DATE_ADD(a.run_date, 1) AND DATE_ADD(a.run_date, 2) THEN r.worked END AS next_retry_succeeds,
  a.retry_success_rate_30d AS rule_trailing_retry_success_rate,
  100 * TRY_DIVIDE(CAST(a.succeeded_next_7d AS DOUBLE), a.decided_next_7d) AS health_next_7d,
  100 * a.success_rate_7d AS rule_trailing_health,
  -- failed_after / decided_after - failed_before / decided_before > 0.05, in whole numbers.
  CASE
    WHEN m.decided_before > 0 AND m.decided_after > 0
    THEN CAST(
      20 * (m.failed_after * m.decided_before - m.failed_before * m.decided_after)
      > m.decided_before * m.decided_after AS INT
    )
  END AS fails_more_after_runtime_change
FROM ahead AS a
LEFT JOIN retries AS r
  ON r.workspace_id = a.workspace_id AND r.job_id = a.job_id AND r.run_date = a.run_date AND r.rank = 1
LEFT JOIN migrations AS m
  ON m.workspace_id = a.workspace_id AND m.job_id = a.job_id AND m.run_date = a.run_date
WHERE a.run_date BETWEEN :start_date AND :end_date
