-- What came true of job cost features of the days :start_date..:end_date, and what the rule of thumb said.
WITH days AS (
  SELECT
    workspace_id,
    job_id,
    usage_date,
    workspace_tag_28d,
    MAX(CASE WHEN tag_value IS NOT NULL THEN STRUCT(usage_date AS day, tag_value AS tag) END) OVER next_week AS next_tagged
  FROM features.job_cost_features
  WHERE usage_date BETWEEN :start_date AND DATE_ADD(:end_date, 7)
  WINDOW next_week AS (
    PARTITION BY workspace_id, job_id ORDER BY usage_date
    RANGE BETWEEN INTERVAL 1 DAYS FOLLOWING AND INTERVAL 7 DAYS FOLLOWING
  )
)
SELECT
  workspace_id,
  job_id,
  usage_date,
  next_tagged.tag AS tag_next_7d,
  workspace_tag_28d AS rule_workspace_tag
FROM days
WHERE usage_date BETWEEN :start_date AND :end_date
