-- What came true of quality features of the days :start_date..:end_date, and what the rules of thumb said.
WITH days AS (
  SELECT
    catalog_name,
    snapshot_date,
    column_changes_7d,
    SUM(columns_added_1d + columns_dropped_1d + columns_retyped_1d) OVER next_week AS changes_next_7d
  FROM features.quality_features
  WHERE snapshot_date BETWEEN :start_date AND DATE_ADD(:end_date, 7)
  WINDOW next_week AS (
    PARTITION BY catalog_name ORDER BY snapshot_date
    RANGE BETWEEN INTERVAL 1 DAYS FOLLOWING AND INTERVAL 7 DAYS FOLLOWING
  )
)
SELECT
  catalog_name,
  snapshot_date,
  CAST(changes_next_7d > 0 AS INT) AS schema_changes_next_7d,
  CAST(column_changes_7d > 0 AS INT) AS rule_changed_last_7d
FROM days
WHERE snapshot_date BETWEEN :start_date AND :end_date
