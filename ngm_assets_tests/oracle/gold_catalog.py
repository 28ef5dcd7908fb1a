"""Works out the two tables that describe things: cluster changes and schema snapshots."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from ngm_assets_tests.oracle.reading import Row, day, moment, text, whole

NO_DATE = date(1970, 1, 1)
LEFT_OUT = ("system", "information_schema")
NULLABLE = {"YES": True, "NO": False}
KEY_PARTS = {
    "catalog_name": "table_catalog",
    "schema_name": "table_schema",
    "table_name": "table_name",
    "column_name": "column_name",
}


def cluster_rows(raw: list[Row]) -> tuple[list[Row], list[Row]]:
    """Return the cluster changes, one per moment, and those rejected for a missing key."""
    changes: dict[tuple[str | None, str | None, datetime], Row] = {}
    rejected = []
    for source in raw:
        when = moment(source, "change_time")
        keys: Row = {
            "workspace_id": text(source, "workspace_id"),
            "cluster_id": text(source, "cluster_id"),
            "change_time": when,
        }
        missing = [name for name, value in keys.items() if value is None]
        if missing or when is None:
            dated = when.date() if when else day(source, "change_date") or NO_DATE
            rejected.append(keys | {"change_date": dated, "reason": f"null {missing[0]}"})
        else:
            key = (keys["workspace_id"], keys["cluster_id"], when)
            changes[key] = keys | cluster_facts(source) | {"change_date": when.date()}
    return list(changes.values()), rejected


def cluster_facts(source: Row) -> Row:
    """Return what a change says about its cluster."""
    texts = (
        "cluster_name",
        "owned_by",
        "cluster_source",
        "dbr_version",
        "driver_node_type",
        "worker_node_type",
    )
    numbers = ("worker_count", "min_autoscale_workers", "max_autoscale_workers")
    moments = ("create_time", "delete_time")
    return (
        {name: text(source, name) for name in texts}
        | {name: whole(source, name) for name in numbers}
        | {name: moment(source, name) for name in moments}
    )


def info_schema_rows(columns: list[Row], tables: list[Row]) -> tuple[list[Row], list[Row]]:
    """Return the columns of every snapshot with their table's facts, and those rejected."""
    facts = {table_key(t): t for t in tables}
    found: dict[tuple[Any, ...], Row] = {}
    rejected = []
    for source in columns:
        if (text(source, "table_catalog") or "").lower() in LEFT_OUT:
            continue
        keys: Row = {"snapshot_date": source["snapshot_date"]}
        keys |= {name: text(source, part) for name, part in KEY_PARTS.items()}
        missing = [name for name, value in keys.items() if value is None]
        if missing:
            rejected.append(keys | {"reason": f"null {missing[0]}"})
        else:
            found[tuple(keys.values())] = keys | column_facts(source, facts)
    return list(found.values()), rejected


def table_key(source: Row) -> tuple[Any, ...]:
    """Return what a table of a snapshot is known by."""
    names = ("table_catalog", "table_schema", "table_name")
    return (source["snapshot_date"], *(text(source, name) for name in names))


def column_facts(source: Row, tables: dict[tuple[Any, ...], Row]) -> Row:
    """Return what a snapshot says about a column and its table."""
    table = tables.get(table_key(source), {})
    return {
        "ordinal_position": whole(source, "ordinal_position"),
        "data_type": text(source, "data_type"),
        "full_data_type": text(source, "full_data_type"),
        "is_nullable": NULLABLE.get((text(source, "is_nullable") or "").upper()),
        "comment": text(source, "comment") or None,
        "table_type": text(table, "table_type"),
        "data_source_format": text(table, "data_source_format"),
        "table_owner": text(table, "table_owner"),
        "created": moment(table, "created"),
        "last_altered": moment(table, "last_altered"),
    }
