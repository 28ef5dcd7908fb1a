-- What came true of quality features of the days :start_date..:end_date, and what the rules of thumb said.
WITH snapshots AS (
  SELECT
    *,
    SUM(column_changes_1d) OVER next_week AS changes_next_7d,
    MAX(overdue_table_share) OVER tomorrow AS overdue_tomorrow,
    MAX(column_count) OVER yesterday AS columns_yesterday,
    MIN(column_count) OVER next_week AS fewest_columns,
    MAX(column_count) OVER next_week AS most_columns
  FROM features.quality_features
  WHERE snapshot_date BETWEEN DATE_ADD(:start_date, -1) AND DATE_ADD(:end_date, 7)
  WINDOW
    next_week AS (
      PARTITION BY catalog_name ORDER BY snapshot_date
      RANGE BETWEEN INTERVAL 1 DAYS FOLLOWING AND INTERVAL 7 DAYS FOLLOWING
    ),
    tomorrow AS (
      PARTITION BY catalog_name ORDER BY snapshot_date
      RANGE BETWEEN INTERVAL 1 DAYS FOLLOWING AND INTERVAL 1 DAYS FOLLOWING
    ),
    yesterday AS (
      PARTITION BY catalog_name ORDER BY snapshot_date
      RANGE BETWEEN INTERVAL 1 DAYS PRECEDING AND INTERVAL 1 DAYS PRECEDING
    )
)
SELECT
  catalog_name,
  snapshot_date,
  CAST(changes_next_7d > 0 AS INT) AS schema_changes_next_7d,
  CAST(column_changes_7d > 0 AS INT) AS rule_changed_last_7d,
  overdue_tomorrow AS overdue_share_next_day,
  overdue_table_share AS rule_overdue_share_today,
  CAST(
    10 * fewest_columns >= 11 * columns_yesterday OR 10 * most_columns <= 9 * columns_yesterday AS INT
  ) AS shape_stays_changed_next_7d,
  CAST(
    ABS(table_count - table_count_mean_28d) > 3 * table_count_std_28d
    OR ABS(column_count - column_count_mean_28d) > 3 * column_count_std_28d AS INT
  ) AS rule_count_beyond_3_deviations
FROM snapshots
WHERE snapshot_date BETWEEN :start_date AND :end_date
