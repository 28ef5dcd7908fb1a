-- Statements that ended on the days :start_date..:end_date, in their latest version.
WITH checked AS (
  SELECT
    COALESCE(CAST(end_time AS DATE), DATE '1970-01-01') AS query_date,
    *,
    CASE
      WHEN workspace_id IS NULL THEN 'workspace_id is null'
      WHEN statement_id IS NULL THEN 'statement_id is null'
      WHEN start_time IS NULL THEN 'start_time is null'
      WHEN end_time < start_time THEN 'statement ends before it starts'
      WHEN total_duration_ms < 0 THEN 'total_duration_ms is negative'
    END AS reject_reason
  FROM system.query.history
  WHERE end_time >= :start_date AND end_time < DATE_ADD(:end_date, 1)
),
numbered AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY workspace_id, statement_id, query_date
      ORDER BY update_time DESC NULLS LAST, end_time DESC, execution_status DESC NULLS LAST,
        total_duration_ms DESC NULLS LAST, start_time DESC, executed_by DESC NULLS LAST, statement_type DESC NULLS LAST,
        compute.warehouse_id DESC NULLS LAST, compute.type DESC NULLS LAST, execution_duration_ms DESC NULLS LAST,
        compilation_duration_ms DESC NULLS LAST, waiting_at_capacity_duration_ms DESC NULLS LAST,
        waiting_for_compute_duration_ms DESC NULLS LAST, from_result_cache DESC NULLS LAST,
        read_io_cache_percent DESC NULLS LAST, read_bytes DESC NULLS LAST, written_bytes DESC NULLS LAST,
        spilled_local_bytes DESC NULLS LAST, read_files DESC NULLS LAST, pruned_files DESC NULLS LAST,
        read_rows DESC NULLS LAST, produced_rows DESC NULLS LAST
    ) AS version
  FROM checked
  WHERE reject_reason IS NULL
)
SELECT
  workspace_id,
  statement_id,
  query_date,
  start_time,
  end_time,
  update_time,
  execution_status,
  statement_type,
  compute.type AS compute_type,
  compute.warehouse_id AS warehouse_id,
  NULLIF(LOWER(TRIM(executed_by)), '') AS executed_by,
  total_duration_ms,
  execution_duration_ms,
  compilation_duration_ms,
  waiting_at_capacity_duration_ms,
  waiting_for_compute_duration_ms,
  from_result_cache,
  read_io_cache_percent,
  read_bytes,
  written_bytes,
  spilled_local_bytes,
  read_files,
  pruned_files,
  read_rows,
  produced_rows
FROM numbered
WHERE version = 1
