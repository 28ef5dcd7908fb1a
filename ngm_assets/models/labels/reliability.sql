-- What came true of reliability features of the days :start_date..:end_date, and what the rules of thumb said.
WITH days AS (
  SELECT
    workspace_id,
    job_id,
    run_date,
    rolling_failure_rate_30d,
    FIRST_VALUE(failed_runs) OVER next_week AS failed_next_active_day
  FROM features.reliability_features
  WHERE run_date BETWEEN :start_date AND DATE_ADD(:end_date, 7)
  WINDOW next_week AS (
    PARTITION BY workspace_id, job_id ORDER BY run_date
    RANGE BETWEEN INTERVAL 1 DAYS FOLLOWING AND INTERVAL 7 DAYS FOLLOWING
  )
)
SELECT
  workspace_id,
  job_id,
  run_date,
  CAST(failed_next_active_day > 0 AS INT) AS fails_next_active_day,
  rolling_failure_rate_30d AS rule_trailing_failure_rate
FROM days
WHERE run_date BETWEEN :start_date AND :end_date
