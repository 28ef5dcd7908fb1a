"""The raw files have the columns and types of the system tables."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ngm_assets.demo.schemas import TABLES
from ngm_assets_tests.demo.conftest import Landing

MAP = "map<string, string>"
DOCUMENTED = {
    "billing/usage": f"""account_id string, workspace_id string, record_id string, sku_name string,
        cloud string, usage_start_time timestamp, usage_end_time timestamp, usage_date date,
        custom_tags {MAP}, usage_unit string, usage_quantity decimal, usage_metadata struct,
        identity_metadata struct, record_type string, ingestion_date date,
        billing_origin_product string, product_features struct, usage_type string""",
    "billing/list_prices": """account_id string, price_start_time timestamp,
        price_end_time timestamp, sku_name string, cloud string, currency_code string,
        usage_unit string, pricing struct""",
    "access/audit": f"""account_id string, workspace_id string, version string,
        event_time timestamp, event_date date, source_ip_address string, user_agent string,
        session_id string, user_identity struct, service_name string, action_name string,
        request_id string, request_params {MAP}, response struct, audit_level string,
        event_id string, identity_metadata struct""",
    "query/history": f"""account_id string, workspace_id string, statement_id string,
        executed_by string, session_id string, execution_status string, compute struct,
        executed_by_user_id string, statement_text string, statement_type string,
        error_message string, client_application string, client_driver string,
        total_duration_ms int64, waiting_for_compute_duration_ms int64,
        waiting_at_capacity_duration_ms int64, execution_duration_ms int64,
        compilation_duration_ms int64, total_task_duration_ms int64,
        result_fetch_duration_ms int64, start_time timestamp, end_time timestamp,
        update_time timestamp, read_partitions int64, pruned_files int64, read_files int64,
        read_rows int64, produced_rows int64, read_bytes int64, read_io_cache_percent int8,
        from_result_cache bool, spilled_local_bytes int64, written_bytes int64,
        shuffle_read_bytes int64, query_source struct, executed_as_user_id string,
        executed_as string, written_rows int64, written_files int64,
        cache_origin_statement_id string, query_tags {MAP}""",
    "lakeflow/job_run_timeline": """account_id string, workspace_id string, job_id string,
        run_id string, period_start_time timestamp, period_end_time timestamp,
        trigger_type string, result_state string, run_type string, run_name string,
        compute_ids list, termination_code string, job_parameters map""",
    "compute/clusters": f"""account_id string, workspace_id string, cluster_id string,
        cluster_name string, owned_by string, create_time timestamp, delete_time timestamp,
        driver_node_type string, worker_node_type string, worker_count int64,
        min_autoscale_workers int64, max_autoscale_workers int64,
        auto_termination_minutes int64, enable_elastic_disk bool, tags {MAP},
        cluster_source string, init_scripts list, aws_attributes struct, gcp_attributes struct,
        driver_instance_pool_id string, worker_instance_pool_id string, dbr_version string,
        change_time timestamp, change_date date, data_security_mode string, policy_id string""",
    "information_schema/columns": """table_catalog string, table_schema string,
        table_name string, column_name string, ordinal_position int32, column_default string,
        is_nullable string, full_data_type string, data_type string,
        character_maximum_length int64, character_octet_length int64, numeric_precision int32,
        numeric_precision_radix int32, numeric_scale int32, datetime_precision int32,
        interval_type string, interval_precision int32, maximum_cardinality int64,
        is_identity string, identity_generation string, identity_start string,
        identity_increment string, identity_maximum string, identity_minimum string,
        identity_cycle string, is_generated string, generation_expression string,
        is_system_time_period_start string, is_system_time_period_end string,
        system_time_period_timestamp_generation string, is_updatable string,
        partition_index int32, comment string""",
    "information_schema/tables": """table_catalog string, table_schema string,
        table_name string, table_type string, is_insertable_into string, commit_action string,
        table_owner string, comment string, created timestamp, created_by string,
        last_altered timestamp, last_altered_by string, data_source_format string,
        storage_sub_directory string, storage_path string""",
}
TYPES = {
    "timestamp": "timestamp[us, tz=UTC]",
    "date": "date32[day]",
    "decimal": "decimal128(38, 18)",
}
NESTED = {
    ("billing/usage", "usage_metadata"): (
        "cluster_id job_id warehouse_id node_type job_run_id notebook_id dlt_pipeline_id "
        "endpoint_name job_name"
    ),
    ("billing/usage", "identity_metadata"): "run_as created_by owned_by",
    ("billing/usage", "product_features"): (
        "jobs_tier sql_tier dlt_tier is_serverless is_photon serving_type"
    ),
    ("billing/list_prices", "pricing"): "default promotional effective_list",
    ("access/audit", "user_identity"): "email subject_name",
    ("access/audit", "response"): "status_code error_message result",
    ("access/audit", "identity_metadata"): "run_by run_as acting_resource",
    ("query/history", "compute"): "type cluster_id warehouse_id",
}


def documented(table: str) -> list[tuple[str, str]]:
    """Return the documented (name, Arrow type) of a table's columns."""
    parts = [p.split(" ", 1) for p in re.split(r",\s+(?!string>)", DOCUMENTED[table])]
    return [(name.strip(), TYPES.get(kind, kind)) for name, kind in parts]


def short(kind: pa.DataType) -> str:
    """Return a type's name, nested ones without their contents except maps of strings."""
    text = str(kind)
    if text.startswith("map") and "map" not in text[3:]:
        return MAP
    return re.sub(r"^(struct|list|map)<.*>$", r"\1", text, flags=re.DOTALL)


@pytest.mark.parametrize("table", TABLES)
def test_names_and_types_are_those_of_the_system_table(landing: Landing, table: str) -> None:
    for file in (landing.folder / table).rglob("*.parquet"):
        found = [(f.name, short(f.type)) for f in pq.read_schema(file)]
        assert found == documented(table), file


@pytest.mark.parametrize(("table", "column"), NESTED)
def test_structs_hold_the_fields_that_are_read(landing: Landing, table: str, column: str) -> None:
    file = next((landing.folder / table).rglob("*.parquet"))
    fields = {f.name for f in pq.read_schema(file).field(column).type}
    assert set(NESTED[table, column].split()) <= fields


def test_prices_and_run_parameters_are_nested_as_documented(landing: Landing) -> None:
    prices = pq.read_schema(next((landing.folder / "billing/list_prices").rglob("*.parquet")))
    inner = prices.field("pricing").type
    money = pa.decimal128(38, 18)
    assert inner.field("default").type == money
    assert inner.field("effective_list").type.field("default").type == money
    runs = pq.read_schema(next((landing.folder / TABLES[4]).rglob("*.parquet")))
    params = runs.field("job_parameters").type
    assert pa.types.is_map(params)
    assert pa.types.is_map(params.item_type)


def test_files_lie_in_folders_by_month_or_by_snapshot_day(landing: Landing) -> None:
    months = {p.parent.name for p in (landing.folder / "access/audit").rglob("*.parquet")}
    assert months == {"month=2026-04", "month=2026-05", "month=2026-06"}
    days = {p.name for p in (landing.folder / "information_schema/columns").iterdir()}
    assert "snapshot_date=2026-06-28" in days
    assert days == {p.name for p in (landing.folder / "information_schema/tables").iterdir()}


def test_required_columns_of_the_information_schema_are_never_null(landing: Landing) -> None:
    required = (
        "table_catalog table_schema table_name column_name ordinal_position is_nullable "
        "full_data_type data_type is_identity is_generated is_updatable"
    )
    empty = " or ".join(f"{name} is null" for name in required.split())
    assert landing.one(f"select count(*) from columns where {empty}") == 0
    required = "table_type table_owner created created_by last_altered data_source_format"
    empty = " or ".join(f"{name} is null" for name in required.split())
    assert landing.one(f"select count(*) from tables where {empty}") == 0
