"""The Arrow schemas of the raw tables, as far as the awkward landings fill them."""

from __future__ import annotations

import pyarrow as pa

TEXT = pa.string()
WHEN = pa.timestamp("us", tz="UTC")
LONG = pa.int64()
MONEY = pa.decimal128(38, 18)
TAGS = pa.map_(TEXT, TEXT)


def struct(**fields: pa.DataType) -> pa.StructType:
    """Return a struct type."""
    return pa.struct([pa.field(name, kind) for name, kind in fields.items()])


def texts(*names: str) -> list[pa.Field[pa.StringType]]:
    """Return text columns."""
    return [pa.field(name, TEXT) for name in names]


USAGE = pa.schema(
    [
        *texts("account_id", "workspace_id", "record_id", "sku_name", "cloud"),
        ("usage_start_time", WHEN),
        ("usage_end_time", WHEN),
        ("usage_date", pa.date32()),
        ("custom_tags", TAGS),
        ("usage_unit", TEXT),
        ("usage_quantity", MONEY),
        (
            "usage_metadata",
            struct(
                cluster_id=TEXT,
                job_id=TEXT,
                warehouse_id=TEXT,
                node_type=TEXT,
                job_run_id=TEXT,
                notebook_id=TEXT,
                dlt_pipeline_id=TEXT,
                endpoint_name=TEXT,
                job_name=TEXT,
            ),
        ),
        ("identity_metadata", struct(run_as=TEXT, created_by=TEXT, owned_by=TEXT)),
        ("record_type", TEXT),
        ("ingestion_date", pa.date32()),
        ("billing_origin_product", TEXT),
        (
            "product_features",
            struct(jobs_tier=TEXT, is_serverless=pa.bool_(), is_photon=pa.bool_()),
        ),
        ("usage_type", TEXT),
    ]
)

PRICES = pa.schema(
    [
        ("account_id", TEXT),
        ("price_start_time", WHEN),
        ("price_end_time", WHEN),
        *texts("sku_name", "cloud", "currency_code", "usage_unit"),
        (
            "pricing",
            struct(
                default=MONEY,
                promotional=struct(default=MONEY),
                effective_list=struct(default=MONEY),
            ),
        ),
    ]
)

AUDIT = pa.schema(
    [
        *texts("account_id", "workspace_id", "version"),
        ("event_time", WHEN),
        ("event_date", pa.date32()),
        *texts("source_ip_address", "user_agent", "session_id"),
        ("user_identity", struct(email=TEXT, subject_name=TEXT)),
        *texts("service_name", "action_name", "request_id"),
        ("request_params", TAGS),
        ("response", struct(status_code=pa.int32(), error_message=TEXT, result=TEXT)),
        *texts("audit_level", "event_id"),
    ]
)

HISTORY = pa.schema(
    [
        *texts("account_id", "workspace_id", "statement_id", "executed_by", "execution_status"),
        ("compute", struct(type=TEXT, cluster_id=TEXT, warehouse_id=TEXT)),
        *texts("statement_text", "statement_type", "error_message"),
        ("total_duration_ms", LONG),
        ("waiting_for_compute_duration_ms", LONG),
        ("waiting_at_capacity_duration_ms", LONG),
        ("execution_duration_ms", LONG),
        ("compilation_duration_ms", LONG),
        ("start_time", WHEN),
        ("end_time", WHEN),
        ("update_time", WHEN),
        ("pruned_files", LONG),
        ("read_files", LONG),
        ("read_rows", LONG),
        ("produced_rows", LONG),
        ("read_bytes", LONG),
        ("read_io_cache_percent", pa.int8()),
        ("from_result_cache", pa.bool_()),
        ("spilled_local_bytes", LONG),
        ("written_bytes", LONG),
    ]
)

TIMELINE = pa.schema(
    [
        *texts("account_id", "workspace_id", "job_id", "run_id"),
        ("period_start_time", WHEN),
        ("period_end_time", WHEN),
        *texts("trigger_type", "result_state", "run_type", "run_name"),
        ("compute_ids", pa.list_(TEXT)),
        ("termination_code", TEXT),
    ]
)

CLUSTERS = pa.schema(
    [
        *texts("account_id", "workspace_id", "cluster_id", "cluster_name", "owned_by"),
        ("create_time", WHEN),
        ("delete_time", WHEN),
        *texts("driver_node_type", "worker_node_type"),
        ("worker_count", LONG),
        ("min_autoscale_workers", LONG),
        ("max_autoscale_workers", LONG),
        *texts("cluster_source", "dbr_version"),
        ("change_time", WHEN),
        ("change_date", pa.date32()),
    ]
)

COLUMNS = pa.schema(
    [
        *texts("table_catalog", "table_schema", "table_name", "column_name"),
        ("ordinal_position", pa.int32()),
        *texts("is_nullable", "full_data_type", "data_type", "comment"),
    ]
)

TABLES = pa.schema(
    [
        *texts("table_catalog", "table_schema", "table_name", "table_type", "table_owner"),
        ("created", WHEN),
        ("last_altered", WHEN),
        *texts("data_source_format", "storage_path"),
    ]
)

SCHEMAS = {
    "billing/usage": USAGE,
    "billing/list_prices": PRICES,
    "access/audit": AUDIT,
    "query/history": HISTORY,
    "lakeflow/job_run_timeline": TIMELINE,
    "compute/clusters": CLUSTERS,
    "information_schema/columns": COLUMNS,
    "information_schema/tables": TABLES,
}

NARROW_DROPS = {
    "billing/usage": {"account_id", "usage_type", "identity_metadata", "custom_tags"},
    "billing/list_prices": {"account_id"},
    "access/audit": {"account_id", "session_id", "user_agent", "audit_level", "event_date"},
    "query/history": {"waiting_for_compute_duration_ms", "written_bytes", "statement_text"},
    "lakeflow/job_run_timeline": {"account_id", "trigger_type", "run_name", "termination_code"},
    "compute/clusters": {"worker_count", "delete_time", "owned_by", "change_date"},
    "information_schema/columns": {"comment"},
    "information_schema/tables": {"data_source_format", "storage_path"},
}

NARROW_STRUCTS = {
    "usage_metadata": ("job_id", "cluster_id"),
    "product_features": ("is_serverless",),
    "pricing": ("effective_list", "default"),
    "user_identity": ("email",),
    "response": ("error_message", "status_code"),
    "compute": ("warehouse_id",),
}
