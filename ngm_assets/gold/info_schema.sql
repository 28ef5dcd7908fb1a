-- Columns of every table in the snapshots of :start_date..:end_date, with their table's facts.
WITH checked AS (
  SELECT
    COALESCE(snapshot_date, DATE '1970-01-01') AS snapshot_date,
    table_catalog AS catalog_name,
    table_schema AS schema_name,
    table_name,
    column_name,
    ordinal_position, data_type, full_data_type, is_nullable, comment,
    CASE
      WHEN snapshot_date IS NULL THEN 'snapshot_date is null'
      WHEN table_catalog IS NULL THEN 'table_catalog is null'
      WHEN table_schema IS NULL THEN 'table_schema is null'
      WHEN table_name IS NULL THEN 'table_name is null'
      WHEN column_name IS NULL THEN 'column_name is null'
    END AS reject_reason
  FROM system.information_schema.columns
  WHERE (snapshot_date BETWEEN :start_date AND :end_date OR (:undated AND snapshot_date IS NULL))
    AND (table_catalog IS NULL OR LOWER(table_catalog) NOT IN ('system', 'information_schema'))
),
numbered_columns AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY snapshot_date, catalog_name, schema_name, table_name, column_name
      ORDER BY ordinal_position NULLS LAST, full_data_type NULLS LAST, is_nullable NULLS LAST, comment NULLS LAST
    ) AS version
  FROM checked
  WHERE reject_reason IS NULL
),
numbered_tables AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY snapshot_date, table_catalog, table_schema, table_name
      ORDER BY last_altered DESC NULLS LAST, created DESC NULLS LAST, table_owner NULLS LAST, table_type NULLS LAST
    ) AS version
  FROM system.information_schema.tables
  WHERE snapshot_date BETWEEN :start_date AND :end_date
)
SELECT
  c.snapshot_date,
  c.catalog_name,
  c.schema_name,
  c.table_name,
  c.column_name,
  c.ordinal_position,
  c.data_type,
  c.full_data_type,
  CASE UPPER(c.is_nullable) WHEN 'YES' THEN TRUE WHEN 'TRUE' THEN TRUE WHEN 'NO' THEN FALSE WHEN 'FALSE' THEN FALSE END
    AS is_nullable,
  NULLIF(TRIM(c.comment), '') AS comment,
  t.table_type,
  t.data_source_format,
  t.table_owner,
  t.created,
  t.last_altered
FROM numbered_columns AS c
LEFT JOIN numbered_tables AS t
  ON t.version = 1 AND t.snapshot_date = c.snapshot_date AND t.table_catalog = c.catalog_name
  AND t.table_schema = c.schema_name AND t.table_name = c.table_name
WHERE c.version = 1
