-- Usage that names a job, per job and day :start_date..:end_date. Days are calendar days; sums of money are exact decimals.
WITH records AS (
  SELECT
    workspace_id,
    job_id,
    usage_date,
    usage_start_time,
    job_name,
    job_run_id,
    is_serverless,
    is_photon,
    product_family,
    usage_unit,
    usage_quantity,
    CAST(list_cost AS DECIMAL(38, 12)) AS cost,
    CASE WHEN TRIM(custom_tags[:team_tag]) <> '' THEN TRIM(custom_tags[:team_tag]) END AS any_tag
  FROM gold.fact_usage
  WHERE usage_date BETWEEN DATE_ADD(:start_date, -27) AND :end_date
),
job_records AS (
  -- On all-purpose compute the tags are the cluster's, not the job's.
  SELECT *, CASE WHEN product_family <> 'all_purpose' THEN any_tag END AS tag
  FROM records
  WHERE job_id IS NOT NULL
),
tag_counts AS (
  SELECT workspace_id, job_id, usage_date, tag, COUNT(*) AS n
  FROM job_records
  WHERE tag IS NOT NULL
  GROUP BY workspace_id, job_id, usage_date, tag
),
tag_ranks AS (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY workspace_id, job_id, usage_date ORDER BY n DESC, tag) AS place
  FROM tag_counts
),
daily AS (
  SELECT
    workspace_id,
    job_id,
    usage_date,
    MAX(CASE WHEN job_name IS NOT NULL THEN STRUCT(usage_start_time AS began, job_name AS name) END) AS latest,
    SUM(cost) AS cost,
    SUM(CASE WHEN is_serverless THEN cost END) AS serverless,
    SUM(CASE WHEN product_family = 'all_purpose' THEN cost END) AS all_purpose,
    SUM(CASE WHEN is_photon THEN cost END) AS photon,
    SUM(CASE WHEN usage_unit = 'DBU' THEN usage_quantity END) AS dbu,
    COUNT(*) AS usage_records,
    COUNT(DISTINCT job_run_id) AS runs
  FROM job_records
  GROUP BY workspace_id, job_id, usage_date
),
tagged AS (
  SELECT d.*, r.tag
  FROM daily AS d
  LEFT JOIN tag_ranks AS r
    ON r.workspace_id = d.workspace_id AND r.job_id = d.job_id AND r.usage_date = d.usage_date AND r.place = 1
),
seen AS (
  -- Days on which a job carried a value, for each of the 28 days from which it is seen.
  SELECT workspace_id, job_id, tag, day, COUNT(*) AS days
  FROM (
    SELECT workspace_id, job_id, tag, DATE_ADD(usage_date, back) AS day
    FROM (SELECT workspace_id, job_id, tag, usage_date, EXPLODE(SEQUENCE(0, 27)) AS back FROM tagged WHERE tag IS NOT NULL)
  )
  WHERE day BETWEEN :start_date AND :end_date
  GROUP BY workspace_id, job_id, tag, day
),
carried AS (
  SELECT workspace_id, day, tag, COUNT(*) AS jobs, SUM(days) AS days
  FROM seen
  GROUP BY workspace_id, day, tag
),
others AS (
  SELECT
    d.workspace_id,
    d.job_id,
    d.usage_date,
    c.tag,
    c.jobs - CASE WHEN s.days IS NULL THEN 0 ELSE 1 END AS jobs,
    c.days - COALESCE(s.days, 0) AS days
  FROM daily AS d
  JOIN carried AS c ON c.workspace_id = d.workspace_id AND c.day = d.usage_date
  LEFT JOIN seen AS s ON s.workspace_id = d.workspace_id AND s.job_id = d.job_id AND s.day = d.usage_date AND s.tag = c.tag
),
usual AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY workspace_id, job_id, usage_date ORDER BY jobs DESC, days DESC, tag) AS place,
    SUM(jobs) OVER (PARTITION BY workspace_id, job_id, usage_date) AS all_jobs
  FROM others
  WHERE jobs > 0
),
workspace_counts AS (
  SELECT workspace_id, any_tag AS tag, usage_date, COUNT(*) AS n
  FROM records
  WHERE any_tag IS NOT NULL
  GROUP BY workspace_id, any_tag, usage_date
),
job_counts AS (
  SELECT workspace_id, job_id, any_tag AS tag, usage_date, COUNT(*) AS n
  FROM job_records
  WHERE any_tag IS NOT NULL
  GROUP BY workspace_id, job_id, any_tag, usage_date
),
workspace_records AS (
  SELECT workspace_id, tag, day, SUM(n) AS n
  FROM (
    SELECT workspace_id, tag, n, DATE_ADD(usage_date, back) AS day
    FROM (SELECT *, EXPLODE(SEQUENCE(0, 27)) AS back FROM workspace_counts)
  )
  WHERE day BETWEEN :start_date AND :end_date
  GROUP BY workspace_id, tag, day
),
own_records AS (
  SELECT workspace_id, job_id, tag, day, SUM(n) AS n
  FROM (
    SELECT workspace_id, job_id, tag, n, DATE_ADD(usage_date, back) AS day
    FROM (SELECT *, EXPLODE(SEQUENCE(0, 27)) AS back FROM job_counts)
  )
  WHERE day BETWEEN :start_date AND :end_date
  GROUP BY workspace_id, job_id, tag, day
),
other_records AS (
  SELECT d.workspace_id, d.job_id, d.usage_date, w.tag, w.n - COALESCE(o.n, 0) AS n
  FROM daily AS d
  JOIN workspace_records AS w ON w.workspace_id = d.workspace_id AND w.day = d.usage_date
  LEFT JOIN own_records AS o ON o.workspace_id = d.workspace_id AND o.job_id = d.job_id AND o.day = d.usage_date AND o.tag = w.tag
),
usual_records AS (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY workspace_id, job_id, usage_date ORDER BY n DESC, tag) AS place
  FROM other_records
  WHERE n > 0
),
account_records AS (
  SELECT tag, day, SUM(n) AS n
  FROM workspace_records
  GROUP BY tag, day
),
named AS (
  SELECT
    d.workspace_id,
    d.job_id,
    d.usage_date,
    a.tag,
    ROW_NUMBER() OVER (PARTITION BY d.workspace_id, d.job_id, d.usage_date ORDER BY LENGTH(a.tag) DESC, a.tag) AS place
  FROM daily AS d
  JOIN account_records AS a ON a.day = d.usage_date
  LEFT JOIN own_records AS o ON o.workspace_id = d.workspace_id AND o.job_id = d.job_id AND o.day = d.usage_date AND o.tag = a.tag
  WHERE LENGTH(a.tag) >= 3 AND INSTR(LOWER(d.latest.name), LOWER(a.tag)) > 0 AND a.n - COALESCE(o.n, 0) > 0
),
windows AS (
  SELECT
    *,
    CAST(SUM(cost) OVER month AS DOUBLE) AS cost_sum_28d,
    SUM(runs) OVER month AS runs_28d,
    COUNT(*) OVER month AS days_active_28d
  FROM tagged
  WINDOW month AS (
    PARTITION BY workspace_id, job_id ORDER BY usage_date RANGE BETWEEN INTERVAL 27 DAYS PRECEDING AND CURRENT ROW
  )
)
SELECT
  w.workspace_id,
  w.job_id,
  w.usage_date,
  w.latest.name AS job_name,
  w.tag AS tag_value,
  m.tag AS name_tag_28d,
  x.tag AS workspace_tag_28d,
  COALESCE(m.tag, x.tag) AS suggested_tag_28d,
  u.tag AS workspace_job_tag_28d,
  TRY_DIVIDE(CAST(u.jobs AS DOUBLE), u.all_jobs) AS workspace_job_tag_share_28d,
  CAST(w.cost AS DOUBLE) AS daily_cost,
  CAST(COALESCE(w.dbu, 0) AS DOUBLE) AS daily_dbu,
  w.usage_records,
  w.runs AS distinct_runs,
  TRY_DIVIDE(CAST(COALESCE(w.serverless, 0) AS DOUBLE), CAST(w.cost AS DOUBLE)) AS serverless_share,
  TRY_DIVIDE(CAST(COALESCE(w.photon, 0) AS DOUBLE), CAST(w.cost AS DOUBLE)) AS photon_share,
  TRY_DIVIDE(CAST(COALESCE(w.all_purpose, 0) AS DOUBLE), CAST(w.cost AS DOUBLE)) AS all_purpose_share,
  w.cost_sum_28d,
  w.runs_28d,
  w.days_active_28d,
  MOD(DATEDIFF(w.usage_date, DATE '1970-01-05'), 7) + 1 AS day_of_week
FROM windows AS w
LEFT JOIN usual AS u
  ON u.workspace_id = w.workspace_id AND u.job_id = w.job_id AND u.usage_date = w.usage_date AND u.place = 1
LEFT JOIN usual_records AS x
  ON x.workspace_id = w.workspace_id AND x.job_id = w.job_id AND x.usage_date = w.usage_date AND x.place = 1
LEFT JOIN named AS m
  ON m.workspace_id = w.workspace_id AND m.job_id = w.job_id AND m.usage_date = w.usage_date AND m.place = 1
WHERE w.usage_date BETWEEN :start_date AND :end_date
