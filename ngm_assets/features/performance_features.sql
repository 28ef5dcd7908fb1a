-- Performance features of the days :start_date..:end_date, over statements that ended that day.
WITH statements AS (
  SELECT *
  FROM gold.fact_query_history
  WHERE query_date BETWEEN DATE_ADD(:start_date, -41) AND :end_date AND warehouse_id IS NOT NULL
),
daily AS (
  SELECT
    workspace_id,
    warehouse_id,
    query_date,
    COUNT(*) AS query_count,
    COUNT(CASE WHEN execution_status = 'FINISHED' THEN 1 END) AS finished_count,
    COUNT(CASE WHEN execution_status = 'FAILED' THEN 1 END) AS failed_count,
    COUNT(CASE WHEN execution_status = 'CANCELED' THEN 1 END) AS canceled_count,
    TRY_DIVIDE(
      CAST(SUM(CASE WHEN execution_status = 'FINISHED' THEN total_duration_ms END) AS DOUBLE),
      COUNT(CASE WHEN execution_status = 'FINISHED' THEN total_duration_ms END)
    ) AS avg_duration_ms,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CASE WHEN execution_status = 'FINISHED' THEN CAST(total_duration_ms AS DOUBLE) END) AS p50_duration_ms,
    PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY CASE WHEN execution_status = 'FINISHED' THEN CAST(total_duration_ms AS DOUBLE) END) AS p95_duration_ms,
    PERCENTILE_CONT(0.99) WITHIN GROUP (ORDER BY CASE WHEN execution_status = 'FINISHED' THEN CAST(total_duration_ms AS DOUBLE) END) AS p99_duration_ms,
    MAX(CASE WHEN execution_status = 'FINISHED' THEN total_duration_ms END) AS max_duration_ms,
    COUNT(CASE WHEN execution_status = 'FINISHED' THEN total_duration_ms END) AS timed_count,
    COUNT(CASE WHEN execution_status = 'FINISHED' AND total_duration_ms > 60000 THEN 1 END) AS slow_count,
    TRY_DIVIDE(CAST(COUNT(CASE WHEN spilled_local_bytes > 0 THEN 1 END) AS DOUBLE), COUNT(spilled_local_bytes)) AS spill_rate,
    TRY_DIVIDE(
      CAST(SUM(CASE WHEN total_duration_ms IS NOT NULL THEN waiting_at_capacity_duration_ms END) AS DOUBLE),
      SUM(CASE WHEN waiting_at_capacity_duration_ms IS NOT NULL THEN total_duration_ms END)
    ) AS queue_share,
    COUNT(CASE WHEN total_duration_ms IS NOT NULL THEN waiting_at_capacity_duration_ms END) AS queue_known_count,
    COUNT(CASE WHEN total_duration_ms IS NOT NULL AND waiting_at_capacity_duration_ms > 0 THEN 1 END) AS queued_count,
    COUNT(CASE WHEN waiting_at_capacity_duration_ms > 0.1 * total_duration_ms THEN 1 END) AS high_queue_count,
    CAST(SUM(read_bytes) AS BIGINT) AS total_bytes_read,
    CAST(SUM(written_bytes) AS BIGINT) AS total_bytes_written,
    COUNT(from_result_cache) AS cache_known_count,
    COUNT(CASE WHEN from_result_cache THEN 1 END) AS cache_hit_count,
    TRY_DIVIDE(CAST(SUM(read_io_cache_percent) AS DOUBLE), COUNT(read_io_cache_percent)) AS avg_io_cache_percent,
    TRY_DIVIDE(
      CAST(SUM(pruned_files) AS DOUBLE), COALESCE(SUM(pruned_files), 0) + COALESCE(SUM(read_files), 0)
    ) AS pruning_ratio,
    COUNT(DISTINCT DATE_TRUNC('MINUTE', end_time)) AS active_minutes,
    COUNT(DISTINCT executed_by) AS distinct_users
  FROM statements
  GROUP BY workspace_id, warehouse_id, query_date
),
moments AS (
  SELECT
    workspace_id, warehouse_id, query_date, start_time AS moment, 1 AS is_start,
    CASE WHEN start_time < end_time THEN 1 ELSE 0 END AS step
  FROM statements
  WHERE query_date >= DATE_ADD(:start_date, -28)
  UNION ALL
  SELECT workspace_id, warehouse_id, query_date, end_time AS moment, 0 AS is_start, -1 AS step
  FROM statements
  WHERE query_date >= DATE_ADD(:start_date, -28) AND start_time < end_time
),
running AS (
  SELECT
    workspace_id, warehouse_id, query_date, is_start,
    SUM(step) OVER (
      PARTITION BY workspace_id, warehouse_id, query_date ORDER BY moment, is_start
      RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS level
  FROM moments
),
concurrency AS (
  SELECT
    workspace_id, warehouse_id, query_date,
    CAST(MAX(level) AS BIGINT) AS peak_concurrency,
    PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY CAST(level AS DOUBLE)) AS p95_concurrency
  FROM running
  WHERE is_start = 1
  GROUP BY workspace_id, warehouse_id, query_date
),
days AS (
  SELECT d.*, c.peak_concurrency, c.p95_concurrency
  FROM daily AS d
  LEFT JOIN concurrency AS c
    ON c.workspace_id = d.workspace_id AND c.warehouse_id = d.warehouse_id AND c.query_date = d.query_date
),
trailing_days AS (
  SELECT workspace_id, warehouse_id, query_date, EXPLODE(SEQUENCE(0, 41)) AS back
  FROM daily
  WHERE query_date >= :start_date
),
past AS (
  SELECT t.workspace_id, t.warehouse_id, t.query_date, t.back, d.p50_duration_ms, d.p95_duration_ms, d.p95_concurrency
  FROM trailing_days AS t
  JOIN days AS d
    ON d.workspace_id = t.workspace_id AND d.warehouse_id = t.warehouse_id AND d.query_date = DATE_ADD(t.query_date, -t.back)
),
median AS (
  SELECT
    workspace_id, warehouse_id, query_date,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CASE WHEN back BETWEEN 1 AND 28 THEN p95_duration_ms END) AS p95_median_28d,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CASE WHEN back <= 27 THEN p95_duration_ms END) AS p95_median_4w,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CASE WHEN back <= 6 THEN p95_concurrency END) AS p95_concurrency_median_7d,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CASE WHEN back BETWEEN 1 AND 28 THEN p95_concurrency END) AS p95_concurrency_median_28d,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CASE WHEN back <= 6 THEN p50_duration_ms END) AS p50_median_7d,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CASE WHEN back <= 6 THEN p95_duration_ms END) AS p95_median_7d,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CASE WHEN back >= 14 THEN p50_duration_ms END) AS p50_median_2w_ago,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CASE WHEN back >= 14 THEN p95_duration_ms END) AS p95_median_2w_ago,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CASE WHEN back >= 14 THEN LN(1 + p95_duration_ms) END) AS log_p95_median_2w_ago,
    COUNT(CASE WHEN back >= 14 THEN p95_duration_ms END) AS days_2w_ago
  FROM past
  GROUP BY workspace_id, warehouse_id, query_date
),
spread AS (
  SELECT
    p.workspace_id, p.warehouse_id, p.query_date,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY ABS(LN(1 + p.p95_duration_ms) - m.log_p95_median_2w_ago)) AS log_p95_mad_2w_ago
  FROM past AS p
  JOIN median AS m
    ON m.workspace_id = p.workspace_id AND m.warehouse_id = p.warehouse_id AND m.query_date = p.query_date
  WHERE p.back >= 14
  GROUP BY p.workspace_id, p.warehouse_id, p.query_date
),
norms AS (
  SELECT
    m.workspace_id, m.warehouse_id, m.query_date, m.p95_median_28d, m.p95_median_4w,
    m.p95_concurrency_median_7d, m.p95_concurrency_median_28d, m.p50_median_7d, m.p95_median_7d,
    CASE WHEN m.days_2w_ago >= 5 THEN m.p50_median_2w_ago END AS p50_median_2w_ago,
    CASE WHEN m.days_2w_ago >= 5 THEN m.p95_median_2w_ago END AS p95_median_2w_ago,
    CASE WHEN m.days_2w_ago >= 5 THEN m.log_p95_median_2w_ago END AS log_p95_median_2w_ago,
    CASE WHEN s.log_p95_mad_2w_ago > 0.000001 THEN s.log_p95_mad_2w_ago END AS log_p95_mad_2w_ago
  FROM median AS m
  LEFT JOIN spread AS s
    ON s.workspace_id = m.workspace_id AND s.warehouse_id = m.warehouse_id AND s.query_date = m.query_date
),
windows AS (
  SELECT
    *,
    AVG(query_count) OVER seven AS avg_query_count_7d,
    TRY_DIVIDE(CAST(SUM(CAST(p95_duration_ms AS DECIMAL(38, 12))) OVER seven AS DOUBLE), COUNT(p95_duration_ms) OVER seven) AS p95_avg_7d,
    TRY_DIVIDE(CAST(SUM(slow_count) OVER seven AS DOUBLE), SUM(timed_count) OVER seven) AS slow_query_rate_7d,
    TRY_DIVIDE(CAST(SUM(slow_count) OVER before AS DOUBLE), SUM(timed_count) OVER before) AS slow_query_rate_28d,
    TRY_DIVIDE(CAST(SUM(queued_count) OVER seven AS DOUBLE), SUM(queue_known_count) OVER seven) AS queued_rate_7d,
    TRY_DIVIDE(CAST(SUM(high_queue_count) OVER seven AS DOUBLE), SUM(queue_known_count) OVER seven) AS high_queue_rate_7d,
    TRY_DIVIDE(CAST(SUM(high_queue_count) OVER before AS DOUBLE), SUM(queue_known_count) OVER before) AS high_queue_rate_28d,
    TRY_DIVIDE(CAST(SUM(cache_hit_count) OVER seven AS DOUBLE), SUM(cache_known_count) OVER seven) AS cache_hit_share_7d,
    TRY_DIVIDE(CAST(SUM(cache_hit_count) OVER before AS DOUBLE), SUM(cache_known_count) OVER before) AS cache_hit_share_28d,
    TRY_DIVIDE(CAST(SUM(CAST(p95_concurrency AS DECIMAL(38, 12))) OVER seven AS DOUBLE), COUNT(p95_concurrency) OVER seven) AS p95_concurrency_avg_7d,
    MAX(p95_concurrency) OVER seven AS p95_concurrency_max_7d,
    MAX(peak_concurrency) OVER month AS peak_concurrency_max_28d,
    MAX(p95_duration_ms) OVER one_back AS p95_lag_1d,
    MAX(p95_duration_ms) OVER six_back AS p95_lag_6d,
    MAX(p95_duration_ms) OVER seven_back AS p95_lag_7d,
    MAX(query_count) OVER one_back AS query_count_lag_1d,
    MAX(query_count) OVER six_back AS query_count_lag_6d,
    MAX(query_count) OVER seven_back AS query_count_lag_7d,
    MAX(p95_concurrency) OVER one_back AS p95_concurrency_lag_1d,
    MAX(p95_concurrency) OVER six_back AS p95_concurrency_lag_6d,
    COUNT(*) OVER before AS days_active_28d
  FROM days
  WINDOW
    seven AS (PARTITION BY workspace_id, warehouse_id ORDER BY query_date RANGE BETWEEN INTERVAL 6 DAYS PRECEDING AND CURRENT ROW),
    month AS (PARTITION BY workspace_id, warehouse_id ORDER BY query_date RANGE BETWEEN INTERVAL 27 DAYS PRECEDING AND CURRENT ROW),
    one_back AS (PARTITION BY workspace_id, warehouse_id ORDER BY query_date RANGE BETWEEN INTERVAL 1 DAYS PRECEDING AND INTERVAL 1 DAYS PRECEDING),
    six_back AS (PARTITION BY workspace_id, warehouse_id ORDER BY query_date RANGE BETWEEN INTERVAL 6 DAYS PRECEDING AND INTERVAL 6 DAYS PRECEDING),
    seven_back AS (PARTITION BY workspace_id, warehouse_id ORDER BY query_date RANGE BETWEEN INTERVAL 7 DAYS PRECEDING AND INTERVAL 7 DAYS PRECEDING),
    before AS (PARTITION BY workspace_id, warehouse_id ORDER BY query_date RANGE BETWEEN INTERVAL 28 DAYS PRECEDING AND INTERVAL 1 DAYS PRECEDING)
)
SELECT
  w.workspace_id,
  w.warehouse_id,
  w.query_date,
  w.query_count,
  w.finished_count,
  w.failed_count,
  w.canceled_count,
  CAST(w.failed_count AS DOUBLE) / w.query_count AS error_rate,
  CAST(w.canceled_count AS DOUBLE) / w.query_count AS cancel_rate,
  w.avg_duration_ms,
  w.p50_duration_ms,
  w.p95_duration_ms,
  w.p99_duration_ms,
  w.max_duration_ms,
  TRY_DIVIDE(CAST(w.slow_count AS DOUBLE), w.timed_count) AS slow_query_rate,
  w.spill_rate,
  w.queue_share,
  TRY_DIVIDE(CAST(w.high_queue_count AS DOUBLE), w.queue_known_count) AS high_queue_rate,
  w.queue_known_count,
  w.queued_count,
  w.high_queue_count,
  w.total_bytes_read,
  w.total_bytes_written,
  TRY_DIVIDE(CAST(w.total_bytes_read AS DOUBLE), w.total_bytes_written) AS read_write_ratio,
  TRY_DIVIDE(CAST(w.cache_hit_count AS DOUBLE), w.cache_known_count) AS cache_hit_share,
  w.avg_io_cache_percent,
  w.pruning_ratio,
  w.peak_concurrency,
  w.p95_concurrency,
  w.active_minutes,
  w.distinct_users,
  w.avg_query_count_7d,
  w.slow_query_rate_7d,
  w.slow_query_rate_28d,
  w.queued_rate_7d,
  w.high_queue_rate_7d,
  w.high_queue_rate_28d,
  w.cache_hit_share_7d,
  w.cache_hit_share_28d,
  w.p95_concurrency_avg_7d,
  w.p95_concurrency_max_7d,
  w.peak_concurrency_max_28d,
  m.p95_concurrency_median_7d,
  m.p95_concurrency_median_28d,
  TRY_DIVIDE(m.p95_concurrency_median_7d, w.peak_concurrency_max_28d) AS concurrency_share_of_peak,
  w.p95_avg_7d,
  m.p95_median_28d,
  m.p95_median_4w,
  TRY_DIVIDE(w.p95_duration_ms, m.p95_median_28d) AS p95_ratio_28d,
  m.p50_median_2w_ago,
  m.p95_median_2w_ago,
  TRY_DIVIDE(w.p50_duration_ms, m.p50_median_2w_ago) AS p50_ratio_2w_ago,
  TRY_DIVIDE(w.p95_duration_ms, m.p95_median_2w_ago) AS p95_ratio_2w_ago,
  TRY_DIVIDE(m.p50_median_7d, m.p50_median_2w_ago) AS p50_week_ratio_2w_ago,
  TRY_DIVIDE(m.p95_median_7d, m.p95_median_2w_ago) AS p95_week_ratio_2w_ago,
  (LN(1 + w.p95_duration_ms) - m.log_p95_median_2w_ago) / (1.4826 * m.log_p95_mad_2w_ago) AS p95_robust_z_2w_ago,
  w.p95_lag_1d,
  w.p95_lag_6d,
  w.p95_lag_7d,
  w.query_count_lag_1d,
  w.query_count_lag_6d,
  w.query_count_lag_7d,
  w.p95_concurrency_lag_1d,
  w.p95_concurrency_lag_6d,
  w.days_active_28d,
  MOD(DATEDIFF(w.query_date, DATE '1970-01-05'), 7) + 1 AS day_of_week,
  MOD(DATEDIFF(w.query_date, DATE '1970-01-05'), 7) >= 5 AS is_weekend
FROM windows AS w
LEFT JOIN norms AS m
  ON m.workspace_id = w.workspace_id AND m.warehouse_id = w.warehouse_id AND m.query_date = w.query_date
WHERE w.query_date BETWEEN :start_date AND :end_date
