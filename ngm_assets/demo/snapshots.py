"""Daily snapshots of the information schema: one file of columns and one of tables per day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ngm_assets.demo import arrow
from ngm_assets.demo.catalogs import TYPES, histories
from ngm_assets.demo.draws import stream, two_state
from ngm_assets.demo.incidents import of_kind
from ngm_assets.demo.schemas import schema
from ngm_assets.demo.write import write_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import pyarrow as pa

    from ngm_assets.demo.catalogs import ColumnLife, History, TableLife
    from ngm_assets.demo.draws import Array
    from ngm_assets.demo.estate import Estate
    from ngm_assets.demo.incidents import Incident

_FULL = {
    "DECIMAL": "decimal(18,2)", "TIMESTAMP": "timestamp", "DATE": "date", "BOOLEAN": "boolean"
}  # fmt: skip
_PRECISION = {"BIGINT": 64, "INT": 32, "DECIMAL": 18, "DOUBLE": 53}


@dataclass(frozen=True)
class Lives:
    """All tables and columns of all catalogs, with the days on which each one is there.

    `columns` and `tables` hold one row per life; `altered` (tables, days) the microseconds of the
    last change known at the end of a day.
    """

    columns: pa.Table
    column_days: Array
    tables: pa.Table
    table_days: Array
    altered: Array


def _flat(parts: Sequence[History]) -> tuple[list[TableLife], list[tuple[TableLife, ColumnLife]]]:
    tables = [t for h in parts for t in h.tables]
    columns = [(h.tables[c.table], c) for h in parts for c in h.columns]
    return tables, columns


def _column_table(columns: Sequence[tuple[TableLife, ColumnLife]]) -> pa.Table:
    import pyarrow as pa

    n = len(columns)
    kinds = [c.kind for _, c in columns]
    no = arrow.constant("NO", n)
    values: dict[str, Any] = {
        "table_catalog": [t.catalog for t, _ in columns],
        "table_schema": [t.schema for t, _ in columns],
        "table_name": [t.name for t, _ in columns],
        "column_name": [c.name for _, c in columns],
        "ordinal_position": [c.position for _, c in columns],
        "is_nullable": ["YES" if c.nullable else "NO" for _, c in columns],
        "full_data_type": [_FULL.get(k, k.lower()) for k in kinds],
        "data_type": [k if k in TYPES else "STRING" for k in kinds],
        "numeric_precision": [_PRECISION.get(k) for k in kinds],
        "numeric_precision_radix": [10 if k == "DECIMAL" else None for k in kinds],
        "numeric_scale": [2 if k == "DECIMAL" else None for k in kinds],
        "is_identity": no,
        "is_generated": no,
        "is_system_time_period_start": no,
        "is_system_time_period_end": no,
        "is_updatable": arrow.constant("YES", n),
        "comment": [f"The {c.name} of {t.name}" if c.commented else None for t, c in columns],
    }
    values = {k: v if isinstance(v, pa.Array) else pa.array(v) for k, v in values.items()}
    return arrow.frame(schema("information_schema/columns"), n, values)


def _table_table(estate: Estate, tables: Sequence[TableLife], owners: Array) -> pa.Table:
    n = len(tables)
    origin = estate.calendar.origin_us
    names = [p.name for p in estate.principals]
    born = _array([t.since for t in tables]) * arrow.DAY_US + origin + 9 * arrow.HOUR_US
    views = [t.schema == "information_schema" for t in tables]
    plain = [("EXTERNAL", "PARQUET") if i % 9 == 4 else ("MANAGED", "DELTA") for i in range(n)]
    view = ("VIEW", "UNKNOWN_DATA_SOURCE_FORMAT")
    kinds, formats = zip(*(view if v else plain[i] for i, v in enumerate(views)), strict=True)
    codes = _array(list(range(n)))
    values: dict[str, Any] = {
        "table_catalog": arrow.pick([t.catalog for t in tables], codes),
        "table_schema": arrow.pick([t.schema for t in tables], codes),
        "table_name": arrow.pick([t.name for t in tables], codes),
        "table_type": arrow.pick(kinds, codes),
        "is_insertable_into": arrow.pick(["NO" if v else "YES" for v in views], codes),
        "commit_action": arrow.constant("PRESERVE", n),
        "table_owner": arrow.pick(names, owners),
        "comment": arrow.pick([t.name if i % 3 else None for i, t in enumerate(tables)], codes),
        "created": arrow.stamps(born),
        "created_by": arrow.pick(names, owners),
        "last_altered_by": arrow.pick(names, owners),
        "data_source_format": arrow.pick(formats, codes),
    }
    return arrow.frame(schema("information_schema/tables"), n, values)


def _array(values: Sequence[int]) -> Array:
    import numpy as np

    return np.asarray(values, dtype=np.int64)


def _there(since: Array, until: Array, days: int) -> Array:
    import numpy as np

    day = np.arange(days)
    return (day >= since[:, None]) & (day < until[:, None])


def _altered(rng: np.random.Generator, estate: Estate, tables: Sequence[TableLife]) -> Array:
    """Return the last change of every table as known at the end of every day, in microseconds."""
    import numpy as np

    days = estate.calendar.days
    shape = (len(tables), days)
    rhythm = np.asarray([t.rhythm for t in tables])[:, None]
    stalled = two_state(rng, shape, enter=0.012, leave=0.3)
    touched = (rng.random(shape) < rhythm) & ~stalled
    for number, t in enumerate(tables):
        touched[number, [d for d in t.changed if d < days]] = True
        if 0 <= t.since < days:
            touched[number, t.since] = True
    habit = rng.uniform(1.0, 22.0, (len(tables), 1))
    hour = np.clip(habit + rng.normal(0.0, 0.4, shape), 0.0, 23.9)
    hour = np.where(np.arange(days) == np.asarray([t.since for t in tables])[:, None], 9.0, hour)
    moment = estate.calendar.origin_us + np.arange(days) * arrow.DAY_US
    moment = moment + (hour * arrow.HOUR_US).astype(np.int64)
    earlier = estate.calendar.origin_us - rng.integers(1, 28, len(tables)) * arrow.DAY_US
    known = np.where(touched, moment, 0)
    known[:, 0] = np.maximum(known[:, 0], earlier)
    return np.asarray(np.maximum.accumulate(known, axis=1))


def lives(estate: Estate, incidents: Sequence[Incident], *, seed: int) -> Lives:
    """Draw everything the snapshots show; `last_altered` never precedes `created`."""
    import numpy as np

    tables, columns = _flat(histories(estate, incidents, seed=seed))
    rng = stream(seed, "information_schema/altered")
    days = estate.calendar.days
    owners = rng.integers(0, len(estate.principals) - 1, len(tables))
    born = _array([t.since for t in tables])
    altered = _altered(rng, estate, tables)
    floor = estate.calendar.origin_us + born * arrow.DAY_US + 9 * arrow.HOUR_US
    return Lives(
        columns=_column_table(columns),
        column_days=_there(
            _array([c.since for _, c in columns]), _array([c.until for _, c in columns]), days
        ),
        tables=_table_table(estate, tables, owners),
        table_days=_there(born, _array([t.until for t in tables]), days),
        altered=np.maximum(altered, floor[:, None]),
    )


def missing_days(estate: Estate, incidents: Sequence[Incident], *, seed: int) -> set[int]:
    """Return the days without a snapshot: one per 50 days, none near the end or an upheaval."""
    rng = stream(seed, "information_schema/missing")
    near = {i.first + k for i in of_kind(incidents, "mass_schema_change") for k in (-1, 0, 1)}
    free = [d for d in range(10, estate.calendar.days - 6) if d not in near]
    count = max(1, estate.calendar.days // 50)
    return {free[int(i)] for i in rng.permutation(len(free))[:count]}


def write_snapshots(
    estate: Estate, incidents: Sequence[Incident], folder: Path, *, seed: int
) -> tuple[int, int]:
    """Write the snapshots of all days and return the rows of columns and of tables.

    Args:
        estate: The estate.
        incidents: Planted incidents.
        folder: The folder `information_schema` of the landing.
        seed: Seed of the estate.
    """
    import numpy as np

    all_lives = lives(estate, incidents, seed=seed)
    skipped = missing_days(estate, incidents, seed=seed)
    place = all_lives.tables.schema.get_field_index("last_altered")
    totals = [0, 0]
    for day in range(estate.calendar.days):
        if day in skipped:
            continue
        part = f"snapshot_date={estate.calendar.day(day).isoformat()}"
        columns = all_lives.columns.take(np.nonzero(all_lives.column_days[:, day])[0])
        write_file(columns, folder / "columns" / part / "part-0.parquet")
        rows = np.nonzero(all_lives.table_days[:, day])[0]
        moved = arrow.stamps(all_lives.altered[rows, day])
        tables = all_lives.tables.take(rows).set_column(place, "last_altered", moved)
        write_file(tables, folder / "tables" / part / "part-0.parquet")
        totals[0] += columns.num_rows
        totals[1] += tables.num_rows
    return totals[0], totals[1]
