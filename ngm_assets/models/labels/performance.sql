-- What came true of performance features of the days :start_date..:end_date, and what the rules of thumb said.
WITH days AS (
  SELECT
    workspace_id,
    warehouse_id,
    query_date,
    p95_duration_ms,
    FIRST_VALUE(p95_duration_ms) OVER next_week AS p95_next_active_day
  FROM features.performance_features
  WHERE query_date BETWEEN :start_date AND DATE_ADD(:end_date, 7)
  WINDOW next_week AS (
    PARTITION BY workspace_id, warehouse_id ORDER BY query_date
    RANGE BETWEEN INTERVAL 1 DAYS FOLLOWING AND INTERVAL 7 DAYS FOLLOWING
  )
)
SELECT
  workspace_id,
  warehouse_id,
  query_date,
  p95_next_active_day,
  p95_duration_ms AS rule_p95_today
FROM days
WHERE query_date BETWEEN :start_date AND :end_date
