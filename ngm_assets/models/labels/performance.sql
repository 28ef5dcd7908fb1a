-- What came true of performance features of the days :start_date..:end_date, and what the rules of thumb said.
WITH days AS (
  SELECT
    *,
    FIRST_VALUE(p95_duration_ms) OVER next_week AS next_p95,
    FIRST_VALUE(p95_concurrency) OVER next_week AS next_p95_concurrency,
    FIRST_VALUE(cache_hit_share) OVER next_week AS next_cache_hit_share,
    FIRST_VALUE(slow_query_rate) OVER next_week AS next_slow_query_rate
  FROM features.performance_features
  WHERE query_date BETWEEN :start_date AND DATE_ADD(:end_date, 7)
  WINDOW next_week AS (
    PARTITION BY workspace_id, warehouse_id ORDER BY query_date
    RANGE BETWEEN INTERVAL 1 DAYS FOLLOWING AND INTERVAL 7 DAYS FOLLOWING
  )
),
coming AS (
  SELECT workspace_id, warehouse_id, query_date, EXPLODE(SEQUENCE(1, 7)) AS ahead
  FROM days
  WHERE query_date <= :end_date
),
weeks AS (
  SELECT
    c.workspace_id,
    c.warehouse_id,
    c.query_date,
    SUM(d.queue_known_count) AS queue_known_count,
    SUM(d.queued_count) AS queued_count,
    SUM(d.high_queue_count) AS high_queue_count,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY d.p95_concurrency) AS p95_concurrency_median,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY d.p95_duration_ms) AS p95_median
  FROM coming AS c
  JOIN days AS d
    ON d.workspace_id = c.workspace_id AND d.warehouse_id = c.warehouse_id AND d.query_date = DATE_ADD(c.query_date, c.ahead)
  GROUP BY c.workspace_id, c.warehouse_id, c.query_date
)
SELECT
  d.workspace_id,
  d.warehouse_id,
  d.query_date,
  d.next_p95 AS p95_next_active_day,
  d.p95_duration_ms AS rule_p95_today,
  CASE
    WHEN w.queue_known_count = 0 THEN NULL
    WHEN 10 * w.high_queue_count > w.queue_known_count THEN 'undersized'
    WHEN w.queued_count = 0 AND 4 * w.p95_concurrency_median < d.peak_concurrency_max_28d THEN 'oversized'
    WHEN w.queue_known_count > 0 THEN 'right_sized'
  END AS size_next_7d,
  CASE
    WHEN d.high_queue_rate_7d > 0.1 THEN 'undersized'
    WHEN d.queued_rate_7d = 0 AND 4 * d.p95_concurrency_median_7d < d.peak_concurrency_max_28d THEN 'oversized'
    WHEN d.high_queue_rate_7d IS NOT NULL THEN 'right_sized'
  END AS rule_size_last_7d,
  d.next_p95_concurrency AS p95_concurrency_next_active_day,
  d.p95_concurrency AS rule_p95_concurrency_today,
  CAST(d.next_cache_hit_share >= 0.3 AS INT) AS cache_hits_next_active_day,
  CAST(d.cache_hit_share >= 0.3 AS INT) AS rule_cache_hits_today,
  CAST(d.next_slow_query_rate > 0.1 AS INT) AS slow_next_active_day,
  CAST(d.slow_query_rate > 0.1 AS INT) AS rule_slow_today,
  CAST(w.p95_median > 1.2 * d.p95_median_4w AS INT) AS p95_regresses_next_7d,
  CAST(d.p95_duration_ms > 1.2 * d.p95_median_4w AS INT) AS rule_p95_above_median
FROM days AS d
LEFT JOIN weeks AS w
  ON w.workspace_id = d.workspace_id AND w.warehouse_id = d.warehouse_id AND w.query_date = d.query_date
WHERE d.query_date BETWEEN :start_date AND :end_date
