"""Arrow schemas of the eight raw tables the demo writes: names and types of the system tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

TABLES: tuple[str, ...] = (
    "billing/usage",
    "billing/list_prices",
    "access/audit",
    "query/history",
    "lakeflow/job_run_timeline",
    "compute/clusters",
    "information_schema/columns",
    "information_schema/tables",
)

_USAGE_METADATA = (
    "cluster_id job_id warehouse_id instance_pool_id node_type job_run_id notebook_id "
    "dlt_pipeline_id endpoint_name endpoint_id dlt_update_id dlt_maintenance_id run_name job_name "
    "notebook_path central_clean_room_id source_region destination_region app_id app_name "
    "metastore_id private_endpoint_name storage_api_type budget_policy_id ai_runtime_pool_id "
    "ai_runtime_workload_id uc_table_catalog uc_table_schema uc_table_name database_instance_id "
    "sharing_materialization_id schema_id usage_policy_id base_environment_id agent_bricks_id "
    "index_id catalog_id"
)
_SIMPLE = {
    "string": "string",
    "date": "date32",
    "int": "int32",
    "bigint": "int64",
    "double": "float64",
    "boolean": "bool_",
    "tinyint": "int8",
}


def _type(spec: str) -> pa.DataType:
    import pyarrow as pa

    special = {
        "timestamp": lambda: pa.timestamp("us", tz="UTC"),
        "decimal": lambda: pa.decimal128(38, 18),
        "tags": lambda: pa.map_(pa.string(), pa.string()),
        "strings": lambda: pa.list_(pa.string()),
    }
    if spec in special:
        return special[spec]()
    return getattr(pa, _SIMPLE[spec])()


def _record(**fields: str | pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return pa.struct([(name, _type(t) if isinstance(t, str) else t) for name, t in fields.items()])


def _strings(names: str) -> pa.DataType:
    return _record(**dict.fromkeys(names.split(), "string"))


def _schema(text: str, **records: pa.DataType) -> pa.Schema:
    import pyarrow as pa

    fields = []
    for line in text.strip().splitlines():
        names, _, kind = line.partition(":")
        for name in names.split():
            fields.append((name, records[name] if name in records else _type(kind.strip())))
    return pa.schema(fields)


def _product_features() -> pa.DataType:
    return _record(
        jobs_tier="string",
        sql_tier="string",
        dlt_tier="string",
        is_serverless="boolean",
        is_photon="boolean",
        serving_type="string",
        networking=_strings("connectivity_type"),
        ai_runtime=_strings("compute_type"),
        model_serving=_strings("offering_type"),
        ai_gateway=_strings("feature_type"),
        performance_target="string",
        serverless_gpu=_strings("workload_type"),
        agent_bricks=_strings("problem_type workload_type"),
        ai_functions=_strings("ai_function"),
        apps=_strings("compute_size"),
        lakeflow_connect=_strings("task_type"),
    )


def _usage() -> pa.Schema:
    return _schema(
        """
        account_id workspace_id record_id sku_name cloud: string
        usage_start_time usage_end_time: timestamp
        usage_date: date
        custom_tags: tags
        usage_unit: string
        usage_quantity: decimal
        usage_metadata identity_metadata: record
        record_type: string
        ingestion_date: date
        billing_origin_product: string
        product_features: record
        usage_type: string
        """,
        usage_metadata=_strings(_USAGE_METADATA),
        identity_metadata=_strings("run_as created_by owned_by"),
        product_features=_product_features(),
    )


def _list_prices() -> pa.Schema:
    price = _record(default="decimal")
    return _schema(
        """
        account_id: string
        price_start_time price_end_time: timestamp
        sku_name cloud currency_code usage_unit: string
        pricing: record
        """,
        pricing=_record(default="decimal", promotional=price, effective_list=price),
    )


def _audit() -> pa.Schema:
    return _schema(
        """
        account_id workspace_id version: string
        event_time: timestamp
        event_date: date
        source_ip_address user_agent session_id: string
        user_identity: record
        service_name action_name request_id: string
        request_params: tags
        response: record
        audit_level event_id: string
        identity_metadata: record
        """,
        user_identity=_strings("email subject_name"),
        response=_record(status_code="int", error_message="string", result="string"),
        identity_metadata=_strings("run_by run_as acting_resource"),
    )


def _query_history() -> pa.Schema:
    source = _record(
        job_info=_strings("job_id job_run_id job_task_run_id"),
        legacy_dashboard_id="string",
        dashboard_id="string",
        alert_id="string",
        notebook_id="string",
        sql_query_id="string",
        genie_space_id="string",
        pipeline_info=_strings("pipeline_id update_id"),
    )
    return _schema(
        """
        account_id workspace_id statement_id executed_by session_id execution_status: string
        compute: record
        executed_by_user_id statement_text statement_type error_message: string
        client_application client_driver: string
        total_duration_ms waiting_for_compute_duration_ms: bigint
        waiting_at_capacity_duration_ms execution_duration_ms: bigint
        compilation_duration_ms total_task_duration_ms result_fetch_duration_ms: bigint
        start_time end_time update_time: timestamp
        read_partitions pruned_files read_files read_rows produced_rows read_bytes: bigint
        read_io_cache_percent: tinyint
        from_result_cache: boolean
        spilled_local_bytes written_bytes shuffle_read_bytes: bigint
        query_source: record
        executed_as_user_id executed_as: string
        written_rows written_files: bigint
        cache_origin_statement_id: string
        query_tags: tags
        """,
        compute=_strings("type cluster_id warehouse_id"),
        query_source=source,
    )


def _job_run_timeline() -> pa.Schema:
    import pyarrow as pa

    return _schema(
        """
        account_id workspace_id job_id run_id: string
        period_start_time period_end_time: timestamp
        trigger_type result_state run_type run_name: string
        compute_ids: strings
        termination_code: string
        job_parameters: record
        """,
        job_parameters=pa.map_(pa.string(), pa.map_(pa.string(), pa.string())),
    )


def _clusters() -> pa.Schema:
    return _schema(
        """
        account_id workspace_id cluster_id cluster_name owned_by: string
        create_time delete_time: timestamp
        driver_node_type worker_node_type: string
        worker_count min_autoscale_workers max_autoscale_workers auto_termination_minutes: bigint
        enable_elastic_disk: boolean
        tags: tags
        cluster_source: string
        init_scripts: strings
        aws_attributes gcp_attributes: record
        driver_instance_pool_id worker_instance_pool_id dbr_version: string
        change_time: timestamp
        change_date: date
        data_security_mode policy_id: string
        """,
        aws_attributes=_record(first_on_demand="bigint", availability="string", zone_id="string"),
        gcp_attributes=_record(use_preemptible_executors="boolean", availability="string"),
    )


def _columns() -> pa.Schema:
    return _schema(
        """
        table_catalog table_schema table_name column_name: string
        ordinal_position: int
        column_default is_nullable full_data_type data_type: string
        character_maximum_length character_octet_length: bigint
        numeric_precision numeric_precision_radix numeric_scale datetime_precision: int
        interval_type: string
        interval_precision: int
        maximum_cardinality: bigint
        is_identity identity_generation identity_start identity_increment: string
        identity_maximum identity_minimum identity_cycle is_generated: string
        generation_expression is_system_time_period_start is_system_time_period_end: string
        system_time_period_timestamp_generation is_updatable: string
        partition_index: int
        comment: string
        """
    )


def _tables() -> pa.Schema:
    return _schema(
        """
        table_catalog table_schema table_name table_type is_insertable_into: string
        commit_action table_owner comment: string
        created: timestamp
        created_by: string
        last_altered: timestamp
        last_altered_by data_source_format storage_sub_directory storage_path: string
        """
    )


def schema(table: str) -> pa.Schema:
    """Return the Arrow schema of a raw table.

    Args:
        table: One of `TABLES`, for example `billing/usage`.

    Returns:
        The schema; every column is nullable, timestamps are microseconds in UTC. The deep struct
        `query_parameters` of the query history, which nothing reads, is left out.
    """
    makers = (
        _usage,
        _list_prices,
        _audit,
        _query_history,
        _job_run_timeline,
        _clusters,
        _columns,
        _tables,
    )
    return dict(zip(TABLES, makers, strict=True))[table]()
