-- Quality features of the snapshots of :start_date..:end_date. The schema information_schema is left out.
WITH columns AS (
  SELECT *
  FROM gold.info_schema
  WHERE snapshot_date BETWEEN DATE_ADD(:start_date, -56) AND :end_date AND LOWER(schema_name) <> 'information_schema'
),
snapshots AS (
  SELECT
    catalog_name, snapshot_date,
    LAG(snapshot_date) OVER (PARTITION BY catalog_name ORDER BY snapshot_date) AS previous_date
  FROM (SELECT DISTINCT catalog_name, snapshot_date FROM columns)
),
pairs AS (
  SELECT catalog_name, snapshot_date, previous_date
  FROM snapshots
  WHERE previous_date >= DATE_ADD(snapshot_date, -28)
),
now_columns AS (
  SELECT p.catalog_name, p.snapshot_date, c.schema_name, c.table_name, c.column_name, c.full_data_type
  FROM pairs AS p
  JOIN columns AS c ON c.catalog_name = p.catalog_name AND c.snapshot_date = p.snapshot_date
),
then_columns AS (
  SELECT p.catalog_name, p.snapshot_date, c.schema_name, c.table_name, c.column_name, c.full_data_type
  FROM pairs AS p
  JOIN columns AS c ON c.catalog_name = p.catalog_name AND c.snapshot_date = p.previous_date
),
moves AS (
  SELECT
    COALESCE(n.catalog_name, o.catalog_name) AS catalog_name, COALESCE(n.snapshot_date, o.snapshot_date) AS snapshot_date,
    COALESCE(n.schema_name, o.schema_name) AS schema_name, COALESCE(n.table_name, o.table_name) AS table_name,
    CASE WHEN o.column_name IS NULL THEN 1 ELSE 0 END AS added,
    CASE WHEN n.column_name IS NULL THEN 1 ELSE 0 END AS dropped,
    CASE
      WHEN n.column_name IS NOT NULL AND o.column_name IS NOT NULL AND NOT (n.full_data_type <=> o.full_data_type) THEN 1 ELSE 0
    END AS retyped
  FROM now_columns AS n
  FULL OUTER JOIN then_columns AS o
    ON o.catalog_name = n.catalog_name AND o.snapshot_date = n.snapshot_date AND o.schema_name = n.schema_name
    AND o.table_name = n.table_name AND o.column_name = n.column_name
),
moves_of_tables AS (
  SELECT
    catalog_name, snapshot_date, schema_name, table_name, COUNT(*) AS columns_of_either,
    SUM(added) AS added, SUM(dropped) AS dropped, SUM(retyped) AS retyped
  FROM moves
  GROUP BY catalog_name, snapshot_date, schema_name, table_name
),
column_moves AS (
  SELECT
    catalog_name, snapshot_date,
    SUM(added) AS added, SUM(dropped) AS dropped, SUM(retyped) AS retyped, SUM(columns_of_either) AS columns_of_either,
    CAST(COUNT(CASE WHEN added + dropped + retyped > 0 THEN 1 END) AS DOUBLE) / COUNT(*) AS changed_table_share
  FROM moves_of_tables
  GROUP BY catalog_name, snapshot_date
),
table_moves AS (
  SELECT
    COALESCE(n.catalog_name, o.catalog_name) AS catalog_name, COALESCE(n.snapshot_date, o.snapshot_date) AS snapshot_date,
    COUNT(CASE WHEN o.table_name IS NULL THEN 1 END) AS added,
    COUNT(CASE WHEN n.table_name IS NULL THEN 1 END) AS dropped
  FROM (SELECT DISTINCT catalog_name, snapshot_date, schema_name, table_name FROM now_columns) AS n
  FULL OUTER JOIN (SELECT DISTINCT catalog_name, snapshot_date, schema_name, table_name FROM then_columns) AS o
    ON o.catalog_name = n.catalog_name AND o.snapshot_date = n.snapshot_date AND o.schema_name = n.schema_name
    AND o.table_name = n.table_name
  GROUP BY COALESCE(n.catalog_name, o.catalog_name), COALESCE(n.snapshot_date, o.snapshot_date)
),
tables AS (
  SELECT
    catalog_name, snapshot_date, schema_name, table_name,
    MAX(UPPER(table_type)) AS table_type,
    MAX(UPPER(data_source_format)) AS data_source_format,
    MAX(last_altered) AS last_altered
  FROM columns
  GROUP BY catalog_name, snapshot_date, schema_name, table_name
),
shape AS (
  SELECT
    catalog_name, snapshot_date,
    COUNT(DISTINCT schema_name) AS schema_count,
    COUNT(*) AS column_count,
    CAST(COUNT(CASE WHEN is_nullable THEN 1 END) AS DOUBLE) / COUNT(*) AS nullable_column_ratio,
    CAST(COUNT(comment) AS DOUBLE) / COUNT(*) AS comment_coverage
  FROM columns
  GROUP BY catalog_name, snapshot_date
),
ages AS (
  SELECT
    *,
    GREATEST(
      CAST(0 AS DOUBLE),
      24 * (CAST(DATEDIFF(snapshot_date, DATE '1970-01-01') AS DOUBLE) + 1) - CAST(UNIX_MICROS(last_altered) AS DOUBLE) / 3600000000
    ) AS hours_since_alter
  FROM tables
),
table_shape AS (
  SELECT
    catalog_name, snapshot_date,
    COUNT(*) AS table_count,
    TRY_DIVIDE(CAST(COUNT(CASE WHEN data_source_format = 'DELTA' THEN 1 END) AS DOUBLE), COUNT(data_source_format)) AS delta_table_share,
    TRY_DIVIDE(CAST(COUNT(CASE WHEN table_type LIKE '%VIEW%' THEN 1 END) AS DOUBLE), COUNT(table_type)) AS view_share,
    TRY_DIVIDE(CAST(COUNT(CASE WHEN last_altered IS NOT NULL AND hours_since_alter <= 24 THEN 1 END) AS DOUBLE), COUNT(last_altered))
      AS tables_altered_share_1d,
    TRY_DIVIDE(CAST(COUNT(CASE WHEN last_altered IS NOT NULL AND hours_since_alter <= 168 THEN 1 END) AS DOUBLE), COUNT(last_altered))
      AS tables_altered_share_7d,
    TRY_DIVIDE(CAST(COUNT(CASE WHEN last_altered IS NOT NULL AND hours_since_alter <= 720 THEN 1 END) AS DOUBLE), COUNT(last_altered))
      AS tables_altered_share_30d,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CASE WHEN last_altered IS NOT NULL THEN hours_since_alter END)
      AS median_hours_since_alter
  FROM ages
  GROUP BY catalog_name, snapshot_date
),
daily AS (
  SELECT
    s.catalog_name,
    s.snapshot_date,
    t.added AS tables_added_1d,
    t.dropped AS tables_dropped_1d,
    c.added AS columns_added_1d,
    c.dropped AS columns_dropped_1d,
    c.retyped AS columns_retyped_1d,
    c.added + c.dropped + c.retyped AS column_changes_1d,
    CAST(c.added + c.dropped + c.retyped AS DOUBLE) / c.columns_of_either AS column_change_share_1d,
    c.changed_table_share AS changed_table_share_1d,
    p.column_count,
    q.table_count,
    CASE WHEN c.added + c.dropped + c.retyped > 0 THEN s.snapshot_date END AS change_day
  FROM snapshots AS s
  LEFT JOIN column_moves AS c ON c.catalog_name = s.catalog_name AND c.snapshot_date = s.snapshot_date
  LEFT JOIN table_moves AS t ON t.catalog_name = s.catalog_name AND t.snapshot_date = s.snapshot_date
  LEFT JOIN shape AS p ON p.catalog_name = s.catalog_name AND p.snapshot_date = s.snapshot_date
  LEFT JOIN table_shape AS q ON q.catalog_name = s.catalog_name AND q.snapshot_date = s.snapshot_date
),
windows AS (
  SELECT
    *,
    SUM(tables_added_1d) OVER seven AS tables_added_7d,
    SUM(tables_dropped_1d) OVER seven AS tables_dropped_7d,
    SUM(columns_added_1d) OVER seven AS columns_added_7d,
    SUM(columns_dropped_1d) OVER seven AS columns_dropped_7d,
    SUM(columns_retyped_1d) OVER seven AS columns_retyped_7d,
    SUM(tables_added_1d) OVER month AS tables_added_28d,
    SUM(tables_dropped_1d) OVER month AS tables_dropped_28d,
    SUM(columns_added_1d) OVER month AS columns_added_28d,
    SUM(columns_dropped_1d) OVER month AS columns_dropped_28d,
    SUM(columns_retyped_1d) OVER month AS columns_retyped_28d,
    SUM(column_changes_1d) OVER seven AS column_changes_7d,
    COUNT(change_day) OVER month AS change_days,
    COUNT(column_changes_1d) OVER month AS compared_days,
    MIN(change_day) OVER month AS first_change,
    MAX(change_day) OVER month AS last_change,
    MAX(column_change_share_1d) OVER before AS column_change_share_max_28d,
    MAX(changed_table_share_1d) OVER before AS changed_table_share_max_28d,
    COUNT(*) OVER before AS days_before,
    SUM(table_count) OVER before AS table_count_sum,
    SUM(table_count * table_count) OVER before AS table_count_squares,
    SUM(column_count) OVER before AS column_count_sum,
    SUM(column_count * column_count) OVER before AS column_count_squares
  FROM daily
  WINDOW
    seven AS (PARTITION BY catalog_name ORDER BY snapshot_date RANGE BETWEEN INTERVAL 6 DAYS PRECEDING AND CURRENT ROW),
    month AS (PARTITION BY catalog_name ORDER BY snapshot_date RANGE BETWEEN INTERVAL 27 DAYS PRECEDING AND CURRENT ROW),
    before AS (PARTITION BY catalog_name ORDER BY snapshot_date RANGE BETWEEN INTERVAL 28 DAYS PRECEDING AND INTERVAL 1 DAYS PRECEDING)
),
norms AS (
  SELECT
    *,
    TRY_DIVIDE(CAST(table_count_sum AS DOUBLE), days_before) AS table_count_mean,
    SQRT(
      TRY_DIVIDE(
        CAST(
          CAST(days_before AS DECIMAL(38, 0)) * CAST(table_count_squares AS DECIMAL(38, 0))
          - CAST(table_count_sum AS DECIMAL(38, 0)) * CAST(table_count_sum AS DECIMAL(38, 0)) AS DOUBLE
        ),
        days_before * (days_before - 1)
      )
    ) AS table_count_std,
    TRY_DIVIDE(CAST(column_count_sum AS DOUBLE), days_before) AS column_count_mean,
    SQRT(
      TRY_DIVIDE(
        CAST(
          CAST(days_before AS DECIMAL(38, 0)) * CAST(column_count_squares AS DECIMAL(38, 0))
          - CAST(column_count_sum AS DECIMAL(38, 0)) * CAST(column_count_sum AS DECIMAL(38, 0)) AS DOUBLE
        ),
        days_before * (days_before - 1)
      )
    ) AS column_count_std
  FROM windows
),
alterations AS (
  SELECT catalog_name, schema_name, table_name, last_altered, MIN(snapshot_date) AS seen_first, MAX(snapshot_date) AS seen_last
  FROM tables
  WHERE last_altered IS NOT NULL
  GROUP BY catalog_name, schema_name, table_name, last_altered
),
seen AS (
  SELECT a.catalog_name, a.snapshot_date, a.schema_name, a.table_name, a.hours_since_alter, h.last_altered
  FROM ages AS a
  JOIN alterations AS h
    ON h.catalog_name = a.catalog_name AND h.schema_name = a.schema_name AND h.table_name = a.table_name
    AND h.seen_first <= a.snapshot_date AND h.seen_last >= DATE_ADD(a.snapshot_date, -56)
  WHERE a.snapshot_date >= :start_date AND a.last_altered IS NOT NULL
),
gaps AS (
  SELECT
    catalog_name, snapshot_date, schema_name, table_name, hours_since_alter,
    UNIX_MICROS(last_altered) - UNIX_MICROS(LAG(last_altered) OVER (
      PARTITION BY catalog_name, snapshot_date, schema_name, table_name ORDER BY last_altered
    )) AS gap_micros
  FROM seen
),
known_gaps AS (
  SELECT *, CAST(gap_micros AS DOUBLE) / 3600000000 AS gap_hours
  FROM gaps
  WHERE gap_micros IS NOT NULL
),
overdue AS (
  SELECT
    catalog_name, snapshot_date, schema_name, table_name,
    MAX(hours_since_alter) > PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY gap_hours) AS is_overdue,
    MAX(hours_since_alter) + 24 > PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY gap_hours) AS is_due,
    1 - LEAST(CAST(1 AS DOUBLE), CAST(24 AS DOUBLE) * COUNT(gap_hours) / (CAST(SUM(CAST(gap_micros AS DECIMAL(38, 0))) AS DOUBLE) / 3600000000))
      AS chance_of_rest
  FROM known_gaps
  GROUP BY catalog_name, snapshot_date, schema_name, table_name
  HAVING COUNT(gap_hours) >= 3
),
overdue_share AS (
  SELECT
    catalog_name, snapshot_date,
    CAST(COUNT(CASE WHEN is_overdue THEN 1 END) AS DOUBLE) / COUNT(*) AS overdue_table_share,
    CAST(COUNT(CASE WHEN is_due THEN 1 END) AS DOUBLE) / COUNT(*) AS due_table_share_1d,
    CAST(SUM(CASE WHEN is_overdue THEN CAST(chance_of_rest AS DECIMAL(38, 12)) ELSE 0 END) AS DOUBLE) / COUNT(*) AS staying_overdue_share_1d,
    CAST(SUM(CASE WHEN is_due AND NOT is_overdue THEN CAST(chance_of_rest AS DECIMAL(38, 12)) ELSE 0 END) AS DOUBLE) / COUNT(*)
      AS turning_overdue_share_1d
  FROM overdue
  GROUP BY catalog_name, snapshot_date
)
SELECT
  w.catalog_name,
  w.snapshot_date,
  s.schema_count,
  t.table_count,
  s.column_count,
  s.nullable_column_ratio,
  CAST(s.column_count AS DOUBLE) / t.table_count AS avg_columns_per_table,
  s.comment_coverage,
  t.delta_table_share,
  t.view_share,
  w.tables_added_1d,
  w.tables_dropped_1d,
  w.columns_added_1d,
  w.columns_dropped_1d,
  w.columns_retyped_1d,
  w.tables_added_7d,
  w.tables_dropped_7d,
  w.columns_added_7d,
  w.columns_dropped_7d,
  w.columns_retyped_7d,
  w.tables_added_28d,
  w.tables_dropped_28d,
  w.columns_added_28d,
  w.columns_dropped_28d,
  w.columns_retyped_28d,
  w.column_changes_7d,
  w.column_changes_1d,
  w.column_change_share_1d,
  w.changed_table_share_1d,
  w.column_change_share_max_28d,
  w.changed_table_share_max_28d,
  w.column_change_share_1d - w.column_change_share_max_28d AS column_change_excess_28d,
  w.changed_table_share_1d - w.changed_table_share_max_28d AS changed_table_excess_28d,
  w.table_count_mean AS table_count_mean_28d,
  w.table_count_std AS table_count_std_28d,
  CASE WHEN w.days_before >= 3 THEN TRY_DIVIDE(w.table_count - w.table_count_mean, w.table_count_std) END AS table_count_z_28d,
  TRY_DIVIDE(CAST(w.table_count AS DOUBLE), w.table_count_mean) AS table_count_ratio_28d,
  w.column_count_mean AS column_count_mean_28d,
  w.column_count_std AS column_count_std_28d,
  CASE WHEN w.days_before >= 3 THEN TRY_DIVIDE(w.column_count - w.column_count_mean, w.column_count_std) END AS column_count_z_28d,
  TRY_DIVIDE(CAST(w.column_count AS DOUBLE), w.column_count_mean) AS column_count_ratio_28d,
  CASE WHEN w.compared_days > 0 THEN w.change_days END AS change_days_28d,
  DATEDIFF(w.snapshot_date, w.last_change) AS days_since_last_change,
  TRY_DIVIDE(CAST(DATEDIFF(w.last_change, w.first_change) AS DOUBLE), w.change_days - 1) AS days_between_changes_28d,
  t.tables_altered_share_1d,
  t.tables_altered_share_7d,
  t.tables_altered_share_30d,
  t.median_hours_since_alter,
  o.overdue_table_share,
  o.due_table_share_1d,
  o.staying_overdue_share_1d,
  o.turning_overdue_share_1d,
  MOD(DATEDIFF(w.snapshot_date, DATE '1970-01-05'), 7) + 1 AS day_of_week,
  MOD(DATEDIFF(w.snapshot_date, DATE '1970-01-05'), 7) >= 5 AS is_weekend
FROM norms AS w
JOIN shape AS s ON s.catalog_name = w.catalog_name AND s.snapshot_date = w.snapshot_date
JOIN table_shape AS t ON t.catalog_name = w.catalog_name AND t.snapshot_date = w.snapshot_date
LEFT JOIN overdue_share AS o ON o.catalog_name = w.catalog_name AND o.snapshot_date = w.snapshot_date
WHERE w.snapshot_date BETWEEN :start_date AND :end_date
