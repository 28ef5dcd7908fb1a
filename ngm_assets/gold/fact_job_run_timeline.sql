-- Run attempts that ended on the days :start_date..:end_date, put together from hourly slices.
-- Both slicing styles (from run start, on the clock hour) work: only order and results matter.
WITH checked AS (
  SELECT
    COALESCE(CAST(period_end_time AS DATE), CAST(period_start_time AS DATE), DATE '1970-01-01') AS run_date,
    *,
    CASE
      WHEN workspace_id IS NULL THEN 'workspace_id is null'
      WHEN run_id IS NULL THEN 'run_id is null'
      WHEN period_start_time IS NULL THEN 'period_start_time is null'
      WHEN period_end_time IS NULL AND result_state IS NOT NULL THEN 'a result without an end'
      WHEN period_end_time < period_start_time THEN 'slice ends before it starts'
    END AS reject_reason,
    CAST(NULL AS INT) AS attempt
  FROM system.lakeflow.job_run_timeline
  WHERE period_end_time IS NULL OR period_end_time < DATE_ADD(:end_date, 1)
),
ended_runs AS (
  SELECT DISTINCT workspace_id, run_id
  FROM checked
  WHERE reject_reason IS NULL AND period_end_time IS NOT NULL AND result_state IS NOT NULL
    AND run_date BETWEEN :start_date AND :end_date
),
slices AS (
  SELECT DISTINCT
    s.workspace_id, s.job_id, s.run_id, s.run_date, s.period_start_time, s.period_end_time, s.result_state,
    s.termination_code, s.trigger_type, s.run_type, s.run_name, s.compute_ids
  FROM checked AS s
  JOIN ended_runs AS e ON e.workspace_id = s.workspace_id AND e.run_id = s.run_id
  WHERE s.reject_reason IS NULL AND s.period_end_time IS NOT NULL
),
numbered AS (
  SELECT
    s.*,
    1 + COUNT(s.result_state) OVER (
      PARTITION BY s.workspace_id, s.run_id
      ORDER BY s.period_end_time, s.period_start_time, s.result_state NULLS FIRST, s.termination_code NULLS FIRST
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS attempt
  FROM slices AS s
),
attempts AS (
  SELECT
    workspace_id, run_id, attempt,
    MAX(job_id) AS job_id,
    MIN(period_start_time) AS start_time,
    MAX(period_end_time) AS end_time,
    MAX(result_state) AS result_state,
    MAX(CASE WHEN result_state IS NOT NULL THEN termination_code END) AS termination_code,
    MAX(run_type) AS run_type,
    MAX(run_name) AS run_name,
    MAX(trigger_type) AS trigger_type,
    ARRAY_SORT(FILTER(ARRAY_DISTINCT(FLATTEN(COLLECT_LIST(compute_ids))), id -> id IS NOT NULL)) AS compute_ids,
    COUNT(*) AS slices
  FROM numbered
  GROUP BY workspace_id, run_id, attempt
)
SELECT
  workspace_id,
  job_id,
  run_id,
  attempt,
  CAST(end_time AS DATE) AS run_date,
  start_time,
  end_time,
  CAST(UNIX_MICROS(end_time) - UNIX_MICROS(start_time) AS DOUBLE) / 1000000 AS duration_sec,
  result_state,
  CASE
    WHEN result_state = 'SUCCEEDED' THEN 'succeeded'
    WHEN result_state IN ('FAILED', 'ERROR', 'TIMED_OUT') THEN 'failure'
    WHEN result_state = 'CANCELLED' THEN 'cancelled'
    WHEN result_state = 'SKIPPED' THEN 'skipped'
    ELSE 'other'
  END AS outcome,
  termination_code,
  run_type,
  run_name,
  trigger_type,
  COALESCE(compute_ids, ARRAY()) AS compute_ids,
  slices
FROM attempts
WHERE result_state IS NOT NULL AND CAST(end_time AS DATE) BETWEEN :start_date AND :end_date
