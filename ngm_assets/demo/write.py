"""Writes raw tables as Parquet into a folder that appears whole or not at all."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ngm_assets.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

MARK = "_incidents.json"


def write_file(table: pa.Table, path: Path) -> None:
    """Write one Parquet file (zstd), creating its folders; equal tables give equal bytes."""
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd")


def write_months(table: pa.Table, by: str, folder: Path) -> None:
    """Write one file per month of a date column, in folders `month=YYYY-MM`.

    Args:
        table: Rows in the order they are to be kept within a month.
        by: Name of a date or timestamp column without nulls.
        folder: The folder of the raw table.
    """
    import pyarrow.compute as pc

    months = pc.strftime(table[by].cast("date32").cast("timestamp[s]"), format="%Y-%m")
    for month in sorted(months.unique().to_pylist()):
        part = table.filter(pc.equal(months, month))
        write_file(part, folder / f"month={month}" / "part-0.parquet")


def _check(landing: Path) -> None:
    if not landing.exists():
        return
    if not landing.is_dir():
        raise ConfigError(
            "the landing path is a file",
            where=str(landing),
            mend="give the path of a folder that may be created",
        )
    if any(landing.iterdir()) and not (landing / MARK).is_file():
        raise ConfigError(
            "the landing folder holds data that the demo did not write",
            where=str(landing),
            mend=f"choose another folder; only a folder with {MARK} is replaced",
        )


@contextmanager
def replacing(landing: Path) -> Iterator[Path]:
    """Give a hidden sibling folder to write into, and put it in the landing's place at the end.

    A landing that the demo wrote before is replaced. If the body fails, the landing stays as it
    was and the sibling is removed; after a kill, the next run removes it.

    Args:
        landing: The folder that will hold the raw tables.

    Raises:
        ConfigError: The landing is a file, or holds something that the demo did not write.
    """
    _check(landing)
    fresh = landing.parent / f".{landing.name}.partial"
    old = landing.parent / f".{landing.name}.replaced"
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        yield fresh
        if landing.exists():
            landing.rename(old)
        try:
            fresh.rename(landing)
        except OSError:
            if old.exists():
                old.rename(landing)
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
