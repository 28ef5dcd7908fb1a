"""Writes small Parquet files into a landing and reads raw tables the way queries do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ngm_assets.engine.base import Query
from ngm_assets.errors import DataError
from ngm_assets_tests.estate import open_estate

AUDIT = "system.access.audit"
QUERIES = "system.query.history"
USAGE = "system.billing.usage"
SLICES = "system.lakeflow.job_run_timeline"
COLUMNS = "system.information_schema.columns"

WHEN = pa.timestamp("us", tz="UTC")
IDENTITY = pa.struct([("email", pa.string()), ("subject_name", pa.string())])
PERSON = {"email": "ann@example.com", "subject_name": None}
MOMENT = 1_709_553_600_000_000
"""2024-03-04 12:00:00 UTC in microseconds."""


def audit(*ids: str, **columns: pa.Array) -> pa.Table:
    """Return audit events with the required columns only; keyword columns are added or replace."""
    count = len(ids)
    found = {
        "event_id": pa.array(ids, pa.string()),
        "event_time": pa.array([MOMENT] * count, WHEN),
        "action_name": pa.array(["getTable"] * count, pa.string()),
        "user_identity": pa.array([PERSON] * count, IDENTITY),
    }
    return pa.table(found | columns)


def statements(*ids: str, **columns: pa.Array) -> pa.Table:
    """Return statements with the required columns only; keyword columns are added or replace."""
    count = len(ids)
    found = {
        "workspace_id": pa.array(["1"] * count, pa.string()),
        "statement_id": pa.array(ids, pa.string()),
        "execution_status": pa.array(["FINISHED"] * count, pa.string()),
        "start_time": pa.array([MOMENT] * count, WHEN),
        "end_time": pa.array([MOMENT + 5_000_000] * count, WHEN),
        "total_duration_ms": pa.array([5000] * count, pa.int64()),
    }
    return pa.table(found | columns)


def snapshot(*tables: str, **columns: pa.Array) -> pa.Table:
    """Return one column of each table as a snapshot has it, without the snapshot's date."""
    count = len(tables)
    found = {
        "table_catalog": pa.array(["main"] * count),
        "table_schema": pa.array(["s"] * count),
        "table_name": pa.array(tables, pa.string()),
        "column_name": pa.array(["c"] * count),
    }
    return pa.table(found | columns)


def put(landing: Path, table: str, place: str, rows: pa.Table, **options: Any) -> Path:
    """Write a file of a raw table at a place below its folder."""
    file = landing / table.removeprefix("system.").replace(".", "/") / place
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, file, **options)
    return file


def read(landing: Path, table: str, home: Path | None = None) -> list[dict[str, Any]]:
    """Return all rows of a raw table, as a query sees them."""
    engine = open_estate(landing, home or landing.parent / "home").engine
    return engine.rows(Query(f"SELECT * FROM {table}", {}))


def values(landing: Path, table: str, column: str) -> list[Any]:
    """Return one column of a raw table, sorted."""
    return sorted((row[column] for row in read(landing, table)), key=repr)


def refusal(landing: Path, table: str) -> DataError:
    """Return the error a query over a raw table ends with."""
    try:
        found = read(landing, table)
    except DataError as error:
        return error
    message = f"{table} was read: {found}"
    raise AssertionError(message)
