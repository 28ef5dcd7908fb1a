"""A small table to write into, and the ways the tests write and read it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from ngm_assets.lakehouse.contract import Column, TableContract
from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.raw.convert import file_list, open_duckdb

DAY = date(2024, 3, 4)
NEXT_DAY = date(2024, 3, 5)
LATER = date(2024, 3, 9)
UNDATED = date(1970, 1, 1)
ID = Column(name="id", type="string", nullable=False, doc="Key.")
DATED = Column(name="day", type="date", nullable=False, doc="Partition.")
VALUE = Column(name="value", type="bigint", doc="What was written.")

Rows = list[tuple[str, date, int]]


def contract(*columns: Column) -> TableContract:
    """Return the contract of the table `some.thing`, with further columns."""
    return TableContract(
        name="thing",
        schema_name="some",
        description="A thing.",
        key=("id", "day"),
        partition="day",
        columns=(ID, DATED, VALUE, *columns),
    )


THING = contract()


def batches(
    rows: Iterable[tuple[Any, ...]], of: TableContract = THING
) -> Callable[[], pa.RecordBatchReader]:
    """Return what `overwrite` takes: a function that returns a new reader at each call."""
    fixed = list(rows)

    def read() -> pa.RecordBatchReader:
        columns: list[tuple[Any, ...]] = list(zip(*fixed, strict=True))
        schema = of.arrow_schema()
        arrays = columns or [()] * len(schema)
        table = pa.table(
            [pa.array(column, f.type) for column, f in zip(arrays, schema, strict=True)],
            schema=schema,
        )
        return table.to_reader()

    return read


def write(root: Path, rows: Iterable[tuple[Any, ...]], start: date, end: date, **more: Any) -> None:
    """Overwrite partitions of the table by rows of (id, day, value)."""
    DeltaLakehouse(root).overwrite(THING, batches(rows), start, end, **more)


def read(root: Path) -> Rows:
    """Return the table's rows in order."""
    return read_files(DeltaLakehouse(root).files(THING.full_name, "day", None, None))


def read_files(files: list[str]) -> Rows:
    """Return the rows of some data files of the table, in order."""
    if not files:
        return []
    scan = (
        f"read_parquet({file_list(files)}, hive_partitioning = true, hive_types = {{'day': DATE}})"
    )
    with open_duckdb() as connection:
        return connection.execute(f"SELECT id, day, value FROM {scan} ORDER BY ALL").fetchall()


def aged_files(folder: Path, days: float) -> None:
    """Make a table older: its files, and the moments at which some left it."""
    then = time.time() - days * 86_400
    for log in folder.glob("_delta_log/*.json"):
        actions = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        for action in actions:
            if "remove" in action:
                action["remove"]["deletionTimestamp"] -= int(days * 86_400_000)
        log.write_text("".join(json.dumps(action) + "\n" for action in actions), encoding="utf-8")
    for path in folder.rglob("*.parquet"):
        os.utime(path, (then, then))
