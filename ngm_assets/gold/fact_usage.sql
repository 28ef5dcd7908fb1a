-- Usage records of the days :start_date..:end_date, each with the one list price that held when it began.
WITH checked AS (
  SELECT
    COALESCE(usage_date, CAST(usage_start_time AS DATE), DATE '1970-01-01') AS usage_date,
    record_id, account_id, workspace_id, sku_name, cloud, usage_start_time, usage_end_time, usage_unit,
    usage_quantity, usage_type, record_type, billing_origin_product, custom_tags, ingestion_date,
    usage_metadata, identity_metadata, product_features,
    CASE
      WHEN record_id IS NULL THEN 'record_id is null'
      WHEN workspace_id IS NULL THEN 'workspace_id is null'
      WHEN sku_name IS NULL THEN 'sku_name is null'
      WHEN usage_start_time IS NULL THEN 'usage_start_time is null'
      WHEN usage_unit IS NULL THEN 'usage_unit is null'
      WHEN usage_quantity IS NULL THEN 'usage_quantity is null'
      WHEN usage_end_time < usage_start_time THEN 'usage ends before it starts'
    END AS reject_reason
  FROM system.billing.usage
  WHERE (usage_date BETWEEN :start_date AND :end_date OR usage_date IS NULL)
    AND (
      COALESCE(usage_date, CAST(usage_start_time AS DATE), DATE '1970-01-01') BETWEEN :start_date AND :end_date
      OR (:undated AND COALESCE(usage_date, CAST(usage_start_time AS DATE)) IS NULL)
    )
),
sound AS (
  SELECT * FROM checked WHERE reject_reason IS NULL
),
repeated AS (
  SELECT record_id, usage_date FROM sound GROUP BY record_id, usage_date HAVING COUNT(*) > 1
),
numbered AS (
  SELECT
    s.*,
    ROW_NUMBER() OVER (
      PARTITION BY s.record_id, s.usage_date
      ORDER BY s.ingestion_date DESC NULLS LAST, s.usage_start_time DESC, s.usage_quantity DESC, s.sku_name DESC,
        s.workspace_id DESC, s.record_type DESC NULLS LAST,
        TO_JSON(STRUCT(
          s.account_id, s.cloud, s.usage_end_time, s.usage_unit, s.usage_type, s.billing_origin_product,
          s.usage_metadata, s.identity_metadata, s.product_features, s.custom_tags
        )) DESC
    ) AS version
  FROM sound AS s
  JOIN repeated AS r ON r.record_id = s.record_id AND r.usage_date = s.usage_date
),
single AS (
  SELECT s.*, 1 AS version
  FROM sound AS s
  LEFT ANTI JOIN repeated AS r ON r.record_id = s.record_id AND r.usage_date = s.usage_date
  UNION ALL
  SELECT * FROM numbered WHERE version = 1
),
records AS (
  SELECT
    *,
    UPPER(sku_name) AS sku_upper,
    UPPER(COALESCE(billing_origin_product, '')) AS product_upper
  FROM single
),
prices AS (
  SELECT DISTINCT
    sku_name, cloud, usage_unit, price_start_time, price_end_time,
    CAST(COALESCE(pricing.effective_list.`default`, pricing.`default`) AS DOUBLE) AS price
  FROM system.billing.list_prices
  WHERE currency_code = :currency
    AND price_start_time IS NOT NULL
    AND COALESCE(pricing.effective_list.`default`, pricing.`default`) IS NOT NULL
),
own_price AS (
  SELECT
    r.record_id, r.usage_date,
    COUNT(*) AS matching_prices,
    MAX(STRUCT(p.price_start_time AS started, p.price AS price)) AS newest
  FROM records AS r
  JOIN prices AS p
    ON p.sku_name = r.sku_name AND p.cloud <=> r.cloud AND p.usage_unit = r.usage_unit
    AND p.price_start_time <= r.usage_start_time
    AND (p.price_end_time IS NULL OR r.usage_start_time < p.price_end_time)
  GROUP BY r.record_id, r.usage_date
),
jobs_price AS (
  SELECT
    r.record_id, r.usage_date,
    MAX(STRUCT(p.price_start_time AS started, p.price AS price)) AS newest
  FROM records AS r
  JOIN prices AS p
    ON p.sku_name = REPLACE(r.sku_name, 'ALL_PURPOSE', 'JOBS') AND p.cloud <=> r.cloud AND p.usage_unit = r.usage_unit
    AND p.price_start_time <= r.usage_start_time
    AND (p.price_end_time IS NULL OR r.usage_start_time < p.price_end_time)
  WHERE r.sku_name LIKE '%ALL_PURPOSE%'
  GROUP BY r.record_id, r.usage_date
),
shared_work AS (
  -- One row per day on which a slice could end that counts, so that slices of other days are not compared.
  SELECT
    record_id, usage_date, workspace_id, usage_metadata.cluster_id AS cluster_id, usage_start_time, usage_end_time,
    EXPLODE(SEQUENCE(0, GREATEST(DATEDIFF(usage_date, CAST(usage_start_time AS DATE)), 0) + 1)) AS days_back
  FROM records
  WHERE sku_name LIKE '%ALL_PURPOSE%'
),
slices AS (
  SELECT workspace_id, EXPLODE(compute_ids) AS cluster_id, period_start_time, period_end_time
  FROM system.lakeflow.job_run_timeline
  WHERE period_end_time > (SELECT MIN(usage_start_time) FROM shared_work)
    AND period_end_time <= DATE_ADD(:end_date, 1)
    AND period_end_time > period_start_time
),
cluster_jobs AS (
  SELECT DISTINCT r.record_id, r.usage_date
  FROM shared_work AS r
  JOIN slices AS s
    ON s.workspace_id = r.workspace_id AND s.cluster_id = r.cluster_id
    AND CAST(s.period_end_time AS DATE) = DATE_ADD(r.usage_date, 1 - r.days_back)
    AND s.period_start_time < r.usage_end_time AND s.period_end_time > r.usage_start_time
    AND s.period_end_time <= DATE_ADD(r.usage_date, 1)
)
SELECT
  r.record_id,
  r.usage_date,
  r.account_id,
  r.workspace_id,
  r.sku_name,
  r.cloud,
  r.usage_start_time,
  r.usage_end_time,
  r.usage_unit,
  r.usage_quantity,
  r.usage_type,
  r.record_type,
  r.billing_origin_product,
  CASE
    WHEN r.sku_upper LIKE '%ALL_PURPOSE%' THEN 'all_purpose'
    WHEN r.sku_upper LIKE '%MODEL_SERVING%' OR r.sku_upper LIKE '%INFERENCE%' OR r.sku_upper LIKE '%FOUNDATION_MODEL%'
      OR r.product_upper IN ('MODEL_SERVING', 'VECTOR_SEARCH', 'FOUNDATION_MODEL_TRAINING') THEN 'serving'
    WHEN r.sku_upper LIKE '%DLT%' OR r.product_upper = 'DLT' THEN 'dlt'
    WHEN r.sku_upper LIKE '%JOBS%' OR r.product_upper = 'JOBS' THEN 'jobs'
    WHEN r.sku_upper LIKE '%SQL%' OR r.product_upper = 'SQL' THEN 'sql'
    WHEN r.sku_upper LIKE '%STORAGE%' OR r.product_upper = 'DEFAULT_STORAGE' THEN 'storage'
    WHEN r.product_upper = 'NETWORKING' OR r.sku_upper LIKE '%NETWORK%' OR r.sku_upper LIKE '%EGRESS%'
      OR r.sku_upper LIKE '%CONNECTIVITY%' THEN 'network'
    ELSE 'other'
  END AS product_family,
  r.product_features.is_serverless AS is_serverless,
  r.product_features.is_photon AS is_photon,
  r.usage_metadata.cluster_id AS cluster_id,
  r.usage_metadata.job_id AS job_id,
  r.usage_metadata.job_run_id AS job_run_id,
  r.usage_metadata.job_name AS job_name,
  r.usage_metadata.warehouse_id AS warehouse_id,
  r.usage_metadata.dlt_pipeline_id AS dlt_pipeline_id,
  r.usage_metadata.endpoint_name AS endpoint_name,
  r.usage_metadata.notebook_id AS notebook_id,
  r.identity_metadata.run_as AS run_as,
  r.custom_tags,
  ARRAY_MAX(SLICE(FILTER(TRANSFORM(:owner_tags, tag -> TRIM(r.custom_tags[tag])), value -> value <> ''), 1, 1)) AS owner_tag,
  o.newest.price AS list_price,
  CAST(r.usage_quantity AS DOUBLE) * o.newest.price AS list_cost,
  COALESCE(o.matching_prices, 0) AS matching_prices,
  j.newest.price AS jobs_list_price,
  r.usage_metadata.job_id IS NOT NULL OR c.record_id IS NOT NULL AS is_job_work,
  r.ingestion_date
FROM records AS r
LEFT JOIN own_price AS o ON o.record_id = r.record_id AND o.usage_date = r.usage_date
LEFT JOIN jobs_price AS j ON j.record_id = r.record_id AND j.usage_date = r.usage_date
LEFT JOIN cluster_jobs AS c ON c.record_id = r.record_id AND c.usage_date = r.usage_date
