-- Cost features of the days :start_date..:end_date. Days are calendar days; sums of money are exact decimals.
WITH daily AS (
  SELECT
    workspace_id,
    usage_date,
    COALESCE(SUM(CASE WHEN usage_unit = 'DBU' THEN usage_quantity END), 0) AS dbu,
    COALESCE(SUM(CAST(list_cost AS DECIMAL(38, 12))), 0) AS cost,
    COUNT(*) AS records,
    COUNT(*) - COUNT(list_price) AS unpriced,
    SUM(CASE WHEN product_family = 'jobs' THEN CAST(list_cost AS DECIMAL(38, 12)) END) AS jobs,
    SUM(CASE WHEN product_family = 'all_purpose' THEN CAST(list_cost AS DECIMAL(38, 12)) END) AS all_purpose,
    SUM(CASE WHEN product_family = 'sql' THEN CAST(list_cost AS DECIMAL(38, 12)) END) AS sql_warehouses,
    SUM(CASE WHEN product_family = 'dlt' THEN CAST(list_cost AS DECIMAL(38, 12)) END) AS dlt,
    SUM(CASE WHEN product_family = 'serving' THEN CAST(list_cost AS DECIMAL(38, 12)) END) AS serving,
    SUM(CASE WHEN product_family = 'storage' THEN CAST(list_cost AS DECIMAL(38, 12)) END) AS storage,
    SUM(CASE WHEN product_family = 'network' THEN CAST(list_cost AS DECIMAL(38, 12)) END) AS network,
    SUM(CASE WHEN product_family = 'other' THEN CAST(list_cost AS DECIMAL(38, 12)) END) AS other,
    SUM(CASE WHEN is_serverless THEN CAST(list_cost AS DECIMAL(38, 12)) END) AS serverless,
    SUM(CASE WHEN is_job_work AND product_family = 'all_purpose' THEN CAST(list_cost AS DECIMAL(38, 12)) END) AS jobs_on_all_purpose,
    COUNT(CASE WHEN is_job_work AND product_family = 'all_purpose' THEN 1 END) AS job_work_records,
    SUM(
      CASE
        WHEN is_job_work AND product_family = 'all_purpose'
        THEN CAST(CAST(usage_quantity AS DOUBLE) * (list_price - jobs_list_price) AS DECIMAL(38, 12))
      END
    ) AS savings,
    SUM(CASE WHEN owner_tag IS NOT NULL THEN CAST(list_cost AS DECIMAL(38, 12)) END) AS tagged,
    COUNT(DISTINCT sku_name) AS skus,
    COUNT(DISTINCT job_id) AS jobs_named
  FROM gold.fact_usage
  WHERE usage_date BETWEEN DATE_ADD(:start_date, -90) AND :end_date
  GROUP BY workspace_id, usage_date
),
first_usage AS (
  SELECT workspace_id, MIN(usage_date) AS first_day
  FROM gold.fact_usage
  WHERE usage_date <= :end_date
  GROUP BY workspace_id
),
calendar AS (
  SELECT
    workspace_id,
    first_day,
    EXPLODE(SEQUENCE(GREATEST(first_day, CAST(DATE_ADD(:start_date, -90) AS DATE)), :end_date, INTERVAL 1 DAY)) AS moment
  FROM first_usage
),
known AS (
  SELECT
    c.workspace_id,
    c.first_day,
    CAST(c.moment AS DATE) AS day,
    d.* EXCEPT (workspace_id),
    MAX(d.usage_date) OVER (PARTITION BY c.workspace_id ORDER BY CAST(c.moment AS DATE) ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
      AS last_usage
  FROM calendar AS c
  LEFT JOIN daily AS d ON d.workspace_id = c.workspace_id AND d.usage_date = CAST(c.moment AS DATE)
),
spine AS (
  SELECT
    workspace_id,
    day,
    first_day,
    CAST(COALESCE(dbu, 0) AS DECIMAL(38, 18)) AS exact_dbu,
    CAST(COALESCE(cost, 0) AS DECIMAL(38, 12)) AS exact_cost,
    CAST(COALESCE(dbu, 0) AS DOUBLE) AS daily_dbu,
    CAST(COALESCE(cost, 0) AS DOUBLE) AS daily_cost,
    COALESCE(records, 0) AS usage_records,
    COALESCE(unpriced, 0) AS unpriced_records,
    CAST(COALESCE(jobs, 0) AS DOUBLE) AS jobs_cost,
    CAST(COALESCE(all_purpose, 0) AS DOUBLE) AS all_purpose_cost,
    CAST(COALESCE(sql_warehouses, 0) AS DOUBLE) AS sql_cost,
    CAST(COALESCE(dlt, 0) AS DOUBLE) AS dlt_cost,
    CAST(COALESCE(serving, 0) AS DOUBLE) AS serving_cost,
    CAST(COALESCE(storage, 0) AS DOUBLE) AS storage_cost,
    CAST(COALESCE(network, 0) AS DOUBLE) AS network_cost,
    CAST(COALESCE(other, 0) AS DOUBLE) AS other_cost,
    CAST(COALESCE(serverless, 0) AS DOUBLE) AS serverless_cost,
    CAST(COALESCE(jobs_on_all_purpose, 0) AS DOUBLE) AS jobs_on_all_purpose_cost,
    CASE WHEN COALESCE(job_work_records, 0) = 0 THEN CAST(0 AS DOUBLE) ELSE CAST(savings AS DOUBLE) END
      AS potential_job_cluster_savings,
    CASE WHEN COALESCE(job_work_records, 0) = 0 THEN CAST(0 AS DECIMAL(38, 12)) ELSE savings END AS exact_savings,
    CAST(COALESCE(tagged, 0) AS DECIMAL(38, 12)) AS exact_tagged,
    CAST(COALESCE(tagged, 0) AS DOUBLE) AS tagged_cost,
    COALESCE(skus, 0) AS distinct_skus,
    COALESCE(jobs_named, 0) AS distinct_jobs
  FROM known
  WHERE last_usage >= DATE_ADD(day, -30)
),
weekday_offsets AS (
  SELECT workspace_id, day, daily_cost, EXPLODE(ARRAY(7, 14, 21, 28)) AS back
  FROM spine
),
weekday_values AS (
  SELECT o.workspace_id, o.day, o.daily_cost, p.daily_cost AS past
  FROM weekday_offsets AS o
  JOIN spine AS p ON p.workspace_id = o.workspace_id AND p.day = DATE_ADD(o.day, -o.back)
),
weekday_median AS (
  SELECT workspace_id, day, MAX(daily_cost) AS daily_cost, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY past) AS med
  FROM weekday_values
  GROUP BY workspace_id, day
),
weekday_mad AS (
  SELECT v.workspace_id, v.day, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY ABS(v.past - m.med)) AS mad
  FROM weekday_values AS v
  JOIN weekday_median AS m ON m.workspace_id = v.workspace_id AND m.day = v.day
  GROUP BY v.workspace_id, v.day
),
deviation AS (
  SELECT workspace_id, day, ABS(TRY_DIVIDE(daily_cost, med) - 1) AS dev
  FROM weekday_median
  WHERE med <> 0
),
trailing_days AS (
  SELECT workspace_id, day, EXPLODE(SEQUENCE(1, 28)) AS back
  FROM spine
  WHERE day >= :start_date
),
deviation_norm AS (
  SELECT t.workspace_id, t.day, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY d.dev) AS norm
  FROM trailing_days AS t
  JOIN deviation AS d ON d.workspace_id = t.workspace_id AND d.day = DATE_ADD(t.day, -t.back)
  GROUP BY t.workspace_id, t.day
),
month_values AS (
  -- Every day from the first usage on is known: one without a row cost nothing.
  SELECT t.workspace_id, t.day, t.back, COALESCE(p.exact_cost, 0) AS cost
  FROM (
    SELECT workspace_id, day, first_day, EXPLODE(SEQUENCE(0, 29)) AS back
    FROM spine
    WHERE day >= :start_date
  ) AS t
  LEFT JOIN spine AS p ON p.workspace_id = t.workspace_id AND p.day = DATE_ADD(t.day, -t.back)
  WHERE DATE_ADD(t.day, -t.back) >= t.first_day
),
month_levels AS (
  SELECT
    workspace_id,
    day,
    CASE WHEN COUNT(*) = 28 THEN PERCENTILE_CONT(0.2) WITHIN GROUP (ORDER BY CAST(cost AS DOUBLE)) END AS p20,
    CASE WHEN COUNT(*) = 28 THEN PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CAST(cost AS DOUBLE)) END AS p50
  FROM month_values
  WHERE back <= 27
  GROUP BY workspace_id, day
),
month_cover AS (
  SELECT
    v.workspace_id,
    v.day,
    CASE
      WHEN COUNT(*) = 30
      THEN TRY_DIVIDE(CAST(SUM(CAST(LEAST(CAST(v.cost AS DOUBLE), l.p20) AS DECIMAL(38, 12))) AS DOUBLE), 30 * MAX(l.p20))
    END AS used
  FROM month_values AS v
  JOIN month_levels AS l ON l.workspace_id = v.workspace_id AND l.day = v.day
  GROUP BY v.workspace_id, v.day
),
windows AS (
  -- Sums are exact decimals and earlier days are single values, so a row does not depend on the range.
  SELECT
    *,
    CAST(SUM(exact_dbu) OVER seven AS DOUBLE) / COUNT(*) OVER seven AS avg_dbu_7d,
    CAST(SUM(exact_dbu) OVER thirty AS DOUBLE) / COUNT(*) OVER thirty AS avg_dbu_30d,
    COUNT(*) OVER seven_before AS count_7d,
    MAX(daily_dbu) OVER back_1 AS dbu_1,
    MAX(daily_dbu) OVER back_2 AS dbu_2,
    MAX(daily_dbu) OVER back_3 AS dbu_3,
    MAX(daily_dbu) OVER back_4 AS dbu_4,
    MAX(daily_dbu) OVER back_5 AS dbu_5,
    MAX(daily_dbu) OVER back_6 AS dbu_6,
    MAX(daily_dbu) OVER back_7 AS dbu_7,
    CAST(SUM(exact_cost) OVER seven AS DOUBLE) AS cost_sum_7d,
    CAST(SUM(exact_cost) OVER twenty_eight AS DOUBLE) AS cost_sum_28d,
    TRY_DIVIDE(CAST(SUM(exact_tagged) OVER three AS DOUBLE), CAST(SUM(exact_cost) OVER three AS DOUBLE)) AS tagged_share_3d,
    CAST(SUM(CAST(TRY_DIVIDE(tagged_cost, daily_cost) AS DECIMAL(38, 18))) OVER seven AS DOUBLE)
      / NULLIF(COUNT(TRY_DIVIDE(tagged_cost, daily_cost)) OVER seven, 0) AS tagged_share_day_mean_7d,
    TRY_DIVIDE(CAST(SUM(exact_tagged) OVER seven AS DOUBLE), CAST(SUM(exact_cost) OVER seven AS DOUBLE)) AS tagged_share_7d,
    TRY_DIVIDE(CAST(SUM(exact_tagged) OVER twenty_eight AS DOUBLE), CAST(SUM(exact_cost) OVER twenty_eight AS DOUBLE))
      AS tagged_share_28d,
    CASE WHEN COUNT(exact_savings) OVER twenty_eight = COUNT(*) OVER twenty_eight THEN CAST(SUM(exact_savings) OVER twenty_eight AS DOUBLE) END
      AS savings_28d,
    CASE WHEN COUNT(exact_savings) OVER twelve_weeks = COUNT(*) OVER twelve_weeks THEN CAST(SUM(exact_savings) OVER twelve_weeks AS DOUBLE) END
      AS savings_84d,
    LEAST(DATEDIFF(day, first_day) + 1, 84) AS days_84d,
    MAX(daily_cost) OVER back_1 AS cost_lag_1d,
    MAX(daily_cost) OVER back_7 AS cost_lag_7d,
    MAX(daily_cost) OVER back_14 AS cost_lag_14d,
    MAX(daily_cost) OVER back_28 AS cost_lag_28d
  FROM spine
  WINDOW
    seven AS (PARTITION BY workspace_id ORDER BY day RANGE BETWEEN INTERVAL 6 DAYS PRECEDING AND CURRENT ROW),
    thirty AS (PARTITION BY workspace_id ORDER BY day RANGE BETWEEN INTERVAL 29 DAYS PRECEDING AND CURRENT ROW),
    three AS (PARTITION BY workspace_id ORDER BY day RANGE BETWEEN INTERVAL 2 DAYS PRECEDING AND CURRENT ROW),
    twelve_weeks AS (PARTITION BY workspace_id ORDER BY day RANGE BETWEEN INTERVAL 83 DAYS PRECEDING AND CURRENT ROW),
    twenty_eight AS (PARTITION BY workspace_id ORDER BY day RANGE BETWEEN INTERVAL 27 DAYS PRECEDING AND CURRENT ROW),
    seven_before AS (PARTITION BY workspace_id ORDER BY day RANGE BETWEEN INTERVAL 7 DAYS PRECEDING AND INTERVAL 1 DAYS PRECEDING),
    back_1 AS (PARTITION BY workspace_id ORDER BY day RANGE BETWEEN INTERVAL 1 DAYS PRECEDING AND INTERVAL 1 DAYS PRECEDING),
    back_2 AS (PARTITION BY workspace_id ORDER BY day RANGE BETWEEN INTERVAL 2 DAYS PRECEDING AND INTERVAL 2 DAYS PRECEDING),
    back_3 AS (PARTITION BY workspace_id ORDER BY day RANGE BETWEEN INTERVAL 3 DAYS PRECEDING AND INTERVAL 3 DAYS PRECEDING),
    back_4 AS (PARTITION BY workspace_id ORDER BY day RANGE BETWEEN INTERVAL 4 DAYS PRECEDING AND INTERVAL 4 DAYS PRECEDING),
    back_5 AS (PARTITION BY workspace_id ORDER BY day RANGE BETWEEN INTERVAL 5 DAYS PRECEDING AND INTERVAL 5 DAYS PRECEDING),
    back_6 AS (PARTITION BY workspace_id ORDER BY day RANGE BETWEEN INTERVAL 6 DAYS PRECEDING AND INTERVAL 6 DAYS PRECEDING),
    back_7 AS (PARTITION BY workspace_id ORDER BY day RANGE BETWEEN INTERVAL 7 DAYS PRECEDING AND INTERVAL 7 DAYS PRECEDING),
    back_14 AS (PARTITION BY workspace_id ORDER BY day RANGE BETWEEN INTERVAL 14 DAYS PRECEDING AND INTERVAL 14 DAYS PRECEDING),
    back_28 AS (PARTITION BY workspace_id ORDER BY day RANGE BETWEEN INTERVAL 28 DAYS PRECEDING AND INTERVAL 28 DAYS PRECEDING)
),
means AS (
  SELECT *, TRY_DIVIDE(COALESCE(dbu_1, 0) + COALESCE(dbu_2, 0) + COALESCE(dbu_3, 0) + COALESCE(dbu_4, 0) + COALESCE(dbu_5, 0) + COALESCE(dbu_6, 0) + COALESCE(dbu_7, 0), count_7d) AS mean_7d
  FROM windows
),
deviations AS (
  SELECT
    *,
    SQRT(
      TRY_DIVIDE(
        COALESCE((dbu_1 - mean_7d) * (dbu_1 - mean_7d), 0)
        + COALESCE((dbu_2 - mean_7d) * (dbu_2 - mean_7d), 0)
        + COALESCE((dbu_3 - mean_7d) * (dbu_3 - mean_7d), 0)
        + COALESCE((dbu_4 - mean_7d) * (dbu_4 - mean_7d), 0)
        + COALESCE((dbu_5 - mean_7d) * (dbu_5 - mean_7d), 0)
        + COALESCE((dbu_6 - mean_7d) * (dbu_6 - mean_7d), 0)
        + COALESCE((dbu_7 - mean_7d) * (dbu_7 - mean_7d), 0),
        count_7d - 1
      )
    ) AS std_7d
  FROM means
)
SELECT
  w.workspace_id,
  w.day AS usage_date,
  w.daily_dbu,
  w.daily_cost,
  w.usage_records,
  w.unpriced_records,
  w.jobs_cost,
  w.all_purpose_cost,
  w.sql_cost,
  w.dlt_cost,
  w.serving_cost,
  w.storage_cost,
  w.network_cost,
  w.other_cost,
  w.serverless_cost,
  TRY_DIVIDE(w.serverless_cost, w.daily_cost) AS serverless_adoption_ratio,
  w.jobs_on_all_purpose_cost,
  TRY_DIVIDE(w.jobs_on_all_purpose_cost, w.daily_cost) AS all_purpose_inefficiency_ratio,
  w.potential_job_cluster_savings,
  CASE WHEN DATEDIFF(w.day, w.first_day) >= 27 THEN w.savings_28d END AS potential_savings_28d,
  CASE WHEN w.days_84d >= 28 THEN 28 * w.savings_84d / w.days_84d END AS potential_savings_usual_28d,
  CASE WHEN w.days_84d >= 28 THEN TRY_DIVIDE(w.savings_28d, 28 * w.savings_84d / w.days_84d) END AS potential_savings_ratio_28d,
  w.tagged_cost,
  TRY_DIVIDE(w.tagged_cost, w.daily_cost) AS tagged_cost_share,
  w.tagged_share_7d,
  w.tagged_share_28d,
  w.tagged_share_3d - w.tagged_share_7d AS tagged_share_change_3d_7d,
  w.tagged_share_7d - w.tagged_share_28d AS tagged_share_change_7d_28d,
  w.tagged_share_day_mean_7d - w.tagged_share_7d AS tagged_share_day_gap_7d,
  w.distinct_skus,
  w.distinct_jobs,
  w.avg_dbu_7d,
  w.avg_dbu_30d,
  TRY_DIVIDE(100 * (w.daily_dbu - w.dbu_1), w.dbu_1) AS dbu_change_pct_1d,
  TRY_DIVIDE(100 * (w.daily_dbu - w.dbu_7), w.dbu_7) AS dbu_change_pct_7d,
  CASE WHEN w.count_7d >= 3 THEN TRY_DIVIDE(w.daily_dbu - w.mean_7d, w.std_7d) END AS z_score_7d,
  w.cost_sum_7d,
  w.cost_sum_28d,
  w.cost_lag_1d,
  w.cost_lag_7d,
  w.cost_lag_14d,
  w.cost_lag_28d,
  TRY_DIVIDE(4 * w.cost_sum_7d, w.cost_sum_28d) AS cost_momentum_7d_28d,
  l.p50 AS cost_p50_28d,
  l.p20 AS commitment_level_usd,
  c.used AS commitment_use_30d,
  m.med AS cost_weekday_median_28d,
  a.mad AS cost_weekday_mad_28d,
  TRY_DIVIDE(w.daily_cost - m.med, 1.4826 * a.mad) AS cost_robust_z,
  TRY_DIVIDE(w.daily_cost, m.med) AS cost_ratio_weekday,
  n.norm AS cost_ratio_weekday_mad_28d,
  DATEDIFF(w.day, w.first_day) AS days_since_first_usage,
  MOD(DATEDIFF(w.day, DATE '1970-01-05'), 7) + 1 AS day_of_week,
  MOD(DATEDIFF(w.day, DATE '1970-01-05'), 7) >= 5 AS is_weekend,
  DAY(w.day) AS day_of_month,
  CAST(DAY(w.day) AS DOUBLE) / DAY(LAST_DAY(w.day)) AS month_position
FROM deviations AS w
LEFT JOIN weekday_median AS m ON m.workspace_id = w.workspace_id AND m.day = w.day
LEFT JOIN month_levels AS l ON l.workspace_id = w.workspace_id AND l.day = w.day
LEFT JOIN month_cover AS c ON c.workspace_id = w.workspace_id AND c.day = w.day
LEFT JOIN weekday_mad AS a ON a.workspace_id = w.workspace_id AND a.day = w.day
LEFT JOIN deviation_norm AS n ON n.workspace_id = w.workspace_id AND n.day = w.day
WHERE w.day BETWEEN :start_date AND :end_date
