-- Changes of cluster configurations on the days :start_date..:end_date.
WITH checked AS (
  SELECT
    COALESCE(CAST(change_time AS DATE), change_date, DATE '1970-01-01') AS change_date,
    workspace_id, cluster_id, change_time, cluster_name, owned_by, cluster_source, dbr_version, driver_node_type,
    worker_node_type, worker_count, min_autoscale_workers, max_autoscale_workers, create_time, delete_time,
    CASE
      WHEN workspace_id IS NULL THEN 'workspace_id is null'
      WHEN cluster_id IS NULL THEN 'cluster_id is null'
      WHEN change_time IS NULL THEN 'change_time is null'
    END AS reject_reason
  FROM system.compute.clusters
  WHERE (change_time >= :start_date AND change_time < DATE_ADD(:end_date, 1)) OR (:undated AND change_time IS NULL)
),
numbered AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY workspace_id, cluster_id, change_time
      ORDER BY dbr_version DESC NULLS LAST, worker_count DESC NULLS LAST, max_autoscale_workers DESC NULLS LAST,
        owned_by DESC NULLS LAST, worker_node_type DESC NULLS LAST, delete_time DESC NULLS LAST,
        cluster_name DESC NULLS LAST, cluster_source DESC NULLS LAST, driver_node_type DESC NULLS LAST,
        min_autoscale_workers DESC NULLS LAST, create_time DESC NULLS LAST
    ) AS version
  FROM checked
  WHERE reject_reason IS NULL
)
SELECT
  workspace_id,
  cluster_id,
  change_time,
  change_date,
  cluster_name,
  owned_by,
  cluster_source,
  dbr_version,
  driver_node_type,
  worker_node_type,
  worker_count,
  min_autoscale_workers,
  max_autoscale_workers,
  create_time,
  delete_time
FROM numbered
WHERE version = 1
