"""Turns statements into the raw columns of `query/history`, with running and repeated rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ngm_assets.demo import arrow
from ngm_assets.demo.draws import stream, with_repeats
from ngm_assets.demo.estate import ACCOUNT_ID
from ngm_assets.demo.queries import KINDS, STATES, Statements
from ngm_assets.demo.schemas import schema

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from ngm_assets.demo.draws import Array
    from ngm_assets.demo.estate import Estate

_CLIENTS = ("Databricks SQL Dashboard", "Databricks SQL Editor", "Power BI", "PyDatabricksSql")
_TEXT = (
    "SELECT region, SUM(amount) FROM gold.orders_g GROUP BY region",
    "INSERT INTO silver.events_s SELECT * FROM bronze.events_b",
    "MERGE INTO gold.customers_g USING updates ON target.id = updates.id",
    "CREATE OR REPLACE TABLE gold.daily AS SELECT * FROM silver.orders_s",
    "UPDATE gold.inventory_g SET reserved = 0",
    "SHOW TABLES",
)
_UPDATED_AFTER_US = 20 * arrow.SECOND_US
_OUTCOMES = (
    "total_duration_ms", "waiting_for_compute_duration_ms", "waiting_at_capacity_duration_ms",
    "execution_duration_ms", "compilation_duration_ms", "total_task_duration_ms",
    "result_fetch_duration_ms", "read_partitions", "pruned_files", "read_files", "read_rows",
    "produced_rows", "read_bytes", "read_io_cache_percent", "from_result_cache",
    "spilled_local_bytes", "written_bytes", "shuffle_read_bytes", "written_rows",
    "written_files", "execution_status", "error_message",
)  # fmt: skip


def _volumes(rng: np.random.Generator, s: Statements) -> dict[str, Array]:
    """Return bytes, files and rows: they grow with the statement's own weight, not its waiting."""
    import numpy as np

    n = len(s.start)
    live = ~s.cached
    read = (s.slow * np.exp(rng.normal(18.5, 0.8, n)) * live * (s.kind != 5)).astype(np.int64)
    files = read // 40_000_000 + live
    pruned = (files * rng.gamma(1.2, 2.0, n)).astype(np.int64)
    writes = np.isin(s.kind, (1, 2, 3, 4)) & (s.state == 0)
    written = np.where(writes, (read * rng.uniform(0.05, 0.9, n)).astype(np.int64), 0)
    heavy = 1.0 / (1.0 + np.exp(-(np.log(s.slow) - 2.2 + 0.35 * s.strain)))
    spilled = live & (rng.random(n) < 0.55 * heavy)
    io = np.clip(rng.normal(55.0, 25.0, n), 0, 100).astype(np.int64)
    return {
        "read_bytes": read,
        "read_files": files,
        "pruned_files": pruned,
        "read_partitions": np.minimum(files, rng.integers(0, 60, n)),
        "read_rows": read // 120,
        "produced_rows": (rng.gamma(0.5, 4000.0, n)).astype(np.int64),
        "written_bytes": written,
        "written_rows": written // 130,
        "written_files": np.where(written > 0, written // 60_000_000 + 1, 0),
        "spilled_local_bytes": np.where(spilled, read // 2, 0),
        "shuffle_read_bytes": (read * rng.uniform(0.0, 0.4, n)).astype(np.int64),
        "read_io_cache_percent": np.where(live, io, 0),
    }


def _durations(rng: np.random.Generator, s: Statements) -> dict[str, Array]:
    import numpy as np

    n = len(s.start)
    return {
        "total_duration_ms": s.total,
        "waiting_for_compute_duration_ms": s.waiting_compute,
        "waiting_at_capacity_duration_ms": s.waiting_capacity,
        "execution_duration_ms": s.execution,
        "compilation_duration_ms": s.compilation,
        "total_task_duration_ms": (s.execution * rng.uniform(1.0, 12.0, n)).astype(np.int64),
        "result_fetch_duration_ms": np.where(s.kind == 0, rng.integers(2, 900, n), 0),
    }


def _who(estate: Estate, s: Statements) -> dict[str, pa.Array]:
    names = [p.name for p in estate.principals]
    ids = [str(4_000_000_000 + 7919 * i) for i in range(len(names))]
    return {
        "executed_by": arrow.pick(names, s.user),
        "executed_as": arrow.pick(names, s.user),
        "executed_by_user_id": arrow.pick(ids, s.user),
        "executed_as_user_id": arrow.pick(ids, s.user),
    }


def _sources(rng: np.random.Generator, s: Statements, client: Array) -> dict[str, pa.Array]:
    """Return `query_source`: dashboards and editor queries by id, jobs for serverless compute."""
    import numpy as np
    import pyarrow as pa

    n = len(s.start)
    board = rng.integers(0, 40, n)
    boards = [f"01f0{b:04d}9c1e17d2a4" for b in range(40)]
    queries = [f"{b:08d}-aa11-4c3e-8d10-0242ac120002" for b in range(40)]
    kind = schema("query/history").field("query_source").type.field("job_info").type
    job = np.where(s.warehouse < 0, board % 6, -1)
    info = {"job_id": arrow.pick([str(101 + j) for j in range(6)], job)}
    return {
        "dashboard_id": arrow.pick(boards, np.where(client == 0, board, -1)),
        "sql_query_id": arrow.pick(queries, np.where(client == 1, board, -1)),
        "job_info": pa.StructArray.from_arrays(
            [info[f.name] if f.name in info else pa.nulls(n, f.type) for f in kind],
            fields=list(kind),
            mask=pa.array(job < 0),
        ),
    }


def _finished(estate: Estate, s: Statements, rng: np.random.Generator) -> pa.Table:
    """Return one row per statement, as if all had ended."""
    import numpy as np
    import pyarrow as pa

    n = len(s.start)
    client = np.where(s.warehouse < 0, 3, rng.choice(4, n, p=(0.45, 0.25, 0.2, 0.1)))
    end = s.start + s.total * 1000
    houses = [h.warehouse_id for h in estate.warehouses]
    compute = (s.warehouse >= 0).astype(np.int64)
    columns: dict[str, Any] = {
        "account_id": arrow.constant(ACCOUNT_ID, n),
        "workspace_id": arrow.pick([w.workspace_id for w in estate.workspaces], s.workspace),
        "statement_id": arrow.uuids(rng, n),
        "session_id": arrow.uuids(rng, n),
        "execution_status": arrow.pick(STATES, s.state),
        "compute": {
            "type": arrow.pick(["SERVERLESS_COMPUTE", "WAREHOUSE"], compute),
            "warehouse_id": arrow.pick(houses, s.warehouse),
        },
        "statement_text": arrow.pick(_TEXT, s.kind),
        "statement_type": arrow.pick(KINDS, s.kind),
        "error_message": arrow.pick(["[TABLE_OR_VIEW_NOT_FOUND]"], np.where(s.state == 1, 0, -1)),
        "client_application": arrow.pick(_CLIENTS, client),
        "start_time": arrow.stamps(s.start),
        "end_time": arrow.stamps(end),
        "update_time": arrow.stamps(end + _UPDATED_AFTER_US),
        "from_result_cache": pa.array(s.cached),
        "query_source": _sources(rng, s, client),
        "query_tags": arrow.tag_maps([{}, {"app": "bi"}], np.where(client == 2, 1, -1)),
        **_who(estate, s),
        **_durations(rng, s),
        **_volumes(rng, s),
    }
    return arrow.frame(schema("query/history"), n, columns)


def _running(table: pa.Table, rows: Array) -> pa.Table:
    """Return some statements as they looked while they ran: no end, no outcome, earlier update."""
    import pyarrow as pa
    import pyarrow.compute as pc

    part = table.take(rows)
    seen = pc.add(part["start_time"].cast(pa.int64()), 2 * arrow.SECOND_US)
    columns = {name: part[name] for name in part.schema.names if name not in _OUTCOMES}
    columns["update_time"] = seen.cast(part.schema.field("update_time").type)
    del columns["end_time"]
    return arrow.frame(part.schema, len(rows), columns)


def to_table(estate: Estate, s: Statements, *, seed: int) -> pa.Table:
    """Return the raw query history, sorted by start.

    A small share occurs twice under one `statement_id`: first running (no `end_time`), later
    ended. What runs past the last day has no end yet. A few rows are exact repeats.

    Args:
        estate: The estate.
        s: The statements in order of their start.
        seed: Seed of the estate.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    rng = stream(seed, "query/columns")
    table = _finished(estate, s, rng)
    end = s.start + s.total * 1000
    over = end >= estate.calendar.cut_us
    waiting = (rng.random(len(end)) < 0.004) & (s.total > 2500)
    first = _running(table, np.nonzero(over | waiting)[0])
    ended = table.take(np.nonzero(~over)[0])
    both = pa.concat_tables([first, ended])
    order = pc.sort_indices(
        both, sort_keys=[("start_time", "ascending"), ("update_time", "ascending")]
    )
    table = both.take(order).combine_chunks()
    return table.take(with_repeats(rng, table.num_rows, 0.003))
