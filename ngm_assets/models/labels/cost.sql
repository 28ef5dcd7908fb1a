-- What came true of cost features of the days :start_date..:end_date, and what the rules of thumb said.
-- From its first usage on every day of a workspace is known up to the last day of gold: one without a row cost nothing.
WITH gold_known AS (
  SELECT MAX(usage_date) AS last_day
  FROM gold.fact_usage
),
ahead AS (
  SELECT
    workspace_id,
    usage_date,
    CAST(daily_cost AS DECIMAL(38, 12)) AS cost,
    CAST(tagged_cost AS DECIMAL(38, 12)) AS tagged,
    CAST(potential_job_cluster_savings AS DECIMAL(38, 12)) AS savings,
    daily_cost,
    cost_weekday_median_28d
  FROM features.cost_features
  WHERE usage_date BETWEEN :start_date AND DATE_ADD(:end_date, 30)
),
windows AS (
  SELECT
    *,
    MAX(daily_cost) OVER tomorrow AS next_cost,
    MAX(cost_weekday_median_28d) OVER tomorrow AS next_median,
    CAST(COALESCE(SUM(cost) OVER next_week, 0) AS DOUBLE) AS cost_next_7d,
    CAST(COALESCE(SUM(tagged) OVER next_week, 0) AS DOUBLE) AS tagged_next_7d,
    CAST(COALESCE(SUM(savings) OVER next_month, 0) AS DOUBLE) AS savings_next_28d,
    COUNT(*) OVER next_month - COUNT(savings) OVER next_month AS unknown_savings_next_28d
  FROM ahead
  WINDOW
    tomorrow AS (PARTITION BY workspace_id ORDER BY usage_date RANGE BETWEEN INTERVAL 1 DAYS FOLLOWING AND INTERVAL 1 DAYS FOLLOWING),
    next_week AS (PARTITION BY workspace_id ORDER BY usage_date RANGE BETWEEN INTERVAL 1 DAYS FOLLOWING AND INTERVAL 7 DAYS FOLLOWING),
    next_month AS (PARTITION BY workspace_id ORDER BY usage_date RANGE BETWEEN INTERVAL 1 DAYS FOLLOWING AND INTERVAL 28 DAYS FOLLOWING)
),
today AS (
  SELECT
    workspace_id,
    usage_date,
    days_since_first_usage,
    cost_sum_7d,
    potential_savings_28d,
    tagged_share_7d,
    commitment_level_usd,
    commitment_use_30d
  FROM features.cost_features
  WHERE usage_date BETWEEN :start_date AND :end_date
),
committed AS (
  -- A day without a row would use nothing of a commitment.
  SELECT t.workspace_id, t.usage_date, SUM(CAST(LEAST(a.daily_cost, t.commitment_level_usd) AS DECIMAL(38, 12))) AS used_next_30d
  FROM today AS t
  JOIN ahead AS a
    ON a.workspace_id = t.workspace_id AND a.usage_date > t.usage_date AND a.usage_date <= DATE_ADD(t.usage_date, 30)
  WHERE t.commitment_level_usd IS NOT NULL
  GROUP BY t.workspace_id, t.usage_date
)
SELECT
  t.workspace_id,
  t.usage_date,
  CASE
    WHEN w.cost_weekday_median_28d IS NOT NULL AND w.next_median IS NOT NULL
    THEN CAST(w.daily_cost > 1.5 * w.cost_weekday_median_28d AND w.next_cost > 1.2 * w.next_median AS INT)
  END AS cost_stays_high,
  CAST(w.daily_cost > 1.5 * w.cost_weekday_median_28d AS INT) AS rule_above_150_percent,
  CASE WHEN DATE_ADD(t.usage_date, 7) <= g.last_day THEN w.cost_next_7d END AS cost_next_7d,
  CASE WHEN t.days_since_first_usage >= 6 THEN t.cost_sum_7d END AS rule_cost_last_7d,
  CASE
    WHEN DATE_ADD(t.usage_date, 28) <= g.last_day AND w.unknown_savings_next_28d = 0 THEN w.savings_next_28d
  END AS savings_next_28d,
  t.potential_savings_28d AS rule_savings_last_28d,
  -- Where corrections of other days outweigh a part of the usage there is no share.
  CASE
    WHEN DATE_ADD(t.usage_date, 7) <= g.last_day AND w.tagged_next_7d BETWEEN 0 AND w.cost_next_7d
    THEN TRY_DIVIDE(w.tagged_next_7d, w.cost_next_7d)
  END AS tagged_share_next_7d,
  t.tagged_share_7d AS rule_tagged_share_last_7d,
  CASE
    WHEN DATE_ADD(t.usage_date, 30) <= g.last_day AND t.commitment_level_usd IS NOT NULL
    THEN CAST(
      CAST(COALESCE(c.used_next_30d, 0) AS DOUBLE) - 30 * t.commitment_level_usd * (1 - CAST(:commitment_discount AS DOUBLE)) >= 0.01 AS INT
    )
  END AS commitment_pays_next_30d,
  CASE
    WHEN t.days_since_first_usage >= 29
    THEN CAST(
      COALESCE(30 * t.commitment_level_usd * (t.commitment_use_30d - (1 - CAST(:commitment_discount AS DOUBLE))), 0) >= 0.01 AS INT
    )
  END AS rule_commitment_paid_last_30d
FROM today AS t
JOIN windows AS w ON w.workspace_id = t.workspace_id AND w.usage_date = t.usage_date
CROSS JOIN gold_known AS g
LEFT JOIN committed AS c ON c.workspace_id = t.workspace_id AND c.usage_date = t.usage_date
