"""Copies a landing without some of its rows, chosen by the day they speak of."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from ngm_assets_tests.oracle.reading import parquet_files, snapshot_of

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMES = {
    "access/audit": "event_time",
    "query/history": "end_time",
    "lakeflow/job_run_timeline": "period_end_time",
    "compute/clusters": "change_time",
}
SNAPSHOTS = ("information_schema/columns", "information_schema/tables")

Keep = Callable[[int, date], bool]
"""Told a row's number in its file and its day; rows without a day and prices are always kept."""


def trim(landing: Path, target: Path, keep: Keep) -> None:
    """Copy a landing, leaving out the rows that are not to be kept.

    A slice of a job run that ends at midnight belongs to the day that ends there.
    """
    for file in parquet_files(landing):
        place = file.relative_to(landing)
        copy = target / place
        copy.parent.mkdir(parents=True, exist_ok=True)
        table = "/".join(place.parts[:2])
        if table == "billing/list_prices":
            shutil.copyfile(file, copy)
            continue
        rows = pq.ParquetFile(file).read()
        mask = [
            day is None or keep(number, day)
            for number, day in enumerate(days_of(table, rows, snapshot_of(file)))
        ]
        pq.write_table(rows.filter(pa.array(mask, pa.bool_())), copy)


def days_of(table: str, rows: pa.Table, snapshot: date | None) -> Iterator[date | None]:
    """Yield the day of every row of a raw file."""
    if table in SNAPSHOTS:
        yield from [snapshot] * rows.num_rows
    elif table == "billing/usage":
        starts = moments(rows, "usage_start_time")
        for day, start in zip(rows["usage_date"].to_pylist(), starts, strict=True):
            yield day or (start and start.date())
    else:
        early = timedelta(microseconds=int(table == "lakeflow/job_run_timeline"))
        for moment in moments(rows, TIMES[table]):
            yield moment and (moment - early).date()


def moments(rows: pa.Table, name: str) -> list[datetime | None]:
    """Return a timestamp column in UTC, whatever its unit and zone."""
    column = rows[name].cast(pa.timestamp("us", tz=rows[name].type.tz), safe=False)
    return [
        None if m is None else m.replace(tzinfo=UTC) if m.tzinfo is None else m.astimezone(UTC)
        for m in column.to_pylist()
    ]
