"""Works out ended statements in their latest version."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from ngm_assets_tests.oracle.reading import Row, inner, moment, text, whole

LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)

MEASURES = (
    "total_duration_ms",
    "execution_duration_ms",
    "compilation_duration_ms",
    "waiting_at_capacity_duration_ms",
    "waiting_for_compute_duration_ms",
    "read_io_cache_percent",
    "read_bytes",
    "written_bytes",
    "spilled_local_bytes",
    "read_files",
    "pruned_files",
    "read_rows",
    "produced_rows",
)


def statement_rows(raw: list[Row]) -> tuple[list[Row], list[Row]]:
    """Return the ended statements, latest version per day, and the ended rows rejected."""
    versions: dict[tuple[date, str, str], list[Row]] = {}
    rejected = []
    for source in raw:
        if moment(source, "end_time") is None:
            continue
        reason = broken_rule(source)
        statement = statement_row(source)
        if reason:
            keys = ("query_date", "workspace_id", "statement_id")
            rejected.append({c: statement[c] for c in keys} | {"reason": reason})
            continue
        key = (statement["query_date"], statement["workspace_id"], statement["statement_id"])
        versions.setdefault(key, []).append(statement)
    kept = [max(same, key=lambda s: s["update_time"] or LONG_AGO) for same in versions.values()]
    return kept, rejected


def broken_rule(source: Row) -> str | None:
    """Return the hard rule an ended raw statement breaks."""
    for name in ("workspace_id", "statement_id", "start_time"):
        if inner(source, name) is None:
            return f"null {name}"
    start, end = moment(source, "start_time"), moment(source, "end_time")
    if start and end and end < start:
        return "end before start"
    duration = whole(source, "total_duration_ms")
    return "negative total_duration_ms" if duration is not None and duration < 0 else None


def statement_row(source: Row) -> Row:
    """Return the gold row of one ended raw statement."""
    end: datetime | Any = moment(source, "end_time")
    who = (text(source, "executed_by") or "").strip(" ").lower()
    row: Row = {
        "workspace_id": text(source, "workspace_id"),
        "statement_id": text(source, "statement_id"),
        "query_date": end.date(),
        "start_time": moment(source, "start_time"),
        "end_time": end,
        "update_time": moment(source, "update_time"),
        "execution_status": text(source, "execution_status"),
        "statement_type": text(source, "statement_type"),
        "compute_type": text(source, "compute", "type"),
        "warehouse_id": text(source, "compute", "warehouse_id"),
        "executed_by": who or None,
        "from_result_cache": inner(source, "from_result_cache"),
    }
    return row | {name: whole(source, name) for name in MEASURES}
