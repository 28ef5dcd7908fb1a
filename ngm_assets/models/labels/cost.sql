-- What came true of cost features of the days :start_date..:end_date, and what the rules of thumb said.
WITH days AS (
  SELECT
    workspace_id,
    usage_date,
    daily_cost,
    cost_weekday_median_28d,
    MAX(daily_cost) OVER tomorrow AS next_cost,
    MAX(cost_weekday_median_28d) OVER tomorrow AS next_median
  FROM features.cost_features
  WHERE usage_date BETWEEN :start_date AND DATE_ADD(:end_date, 1)
  WINDOW tomorrow AS (
    PARTITION BY workspace_id ORDER BY usage_date RANGE BETWEEN INTERVAL 1 DAYS FOLLOWING AND INTERVAL 1 DAYS FOLLOWING
  )
)
SELECT
  workspace_id,
  usage_date,
  CASE
    WHEN cost_weekday_median_28d IS NOT NULL AND next_median IS NOT NULL
    THEN CAST(daily_cost > 1.5 * cost_weekday_median_28d AND next_cost > 1.2 * next_median AS INT)
  END AS cost_stays_high,
  CAST(daily_cost > 1.5 * cost_weekday_median_28d AS INT) AS rule_above_150_percent
FROM days
WHERE usage_date BETWEEN :start_date AND :end_date
