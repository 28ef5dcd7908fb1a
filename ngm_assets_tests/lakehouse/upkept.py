"""A table that needs upkeep, and how the tests of maintenance make, age and read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deltalake import write_deltalake

from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.lakehouse.upkeep import Upkeep
from ngm_assets_tests.lakehouse.tables import (
    DAY,
    NEXT_DAY,
    Rows,
    aged_files,
    batches,
    read,
    write,
)

TIMEOUT = 60
"""Seconds after which what runs beside a test counts as stuck."""


def add(root: Path, *rows: tuple[Any, ...]) -> None:
    """Add rows in files of their own, which this project never does, and others may."""
    write_deltalake(DeltaLakehouse(root).path("some.thing"), batches(rows)(), mode="append")


def scattered(root: Path, parts: int = 3) -> Rows:
    """Make a table with one file on one day and several small ones on another; its rows."""
    write(root, [("a", DAY, 1), ("b", DAY, 2)], DAY, DAY)
    for number in range(parts):
        add(root, (f"c{number}", NEXT_DAY, number), (f"d{number}", NEXT_DAY, number))
    return read(root)


def aged(root: Path, days: float) -> None:
    """Make the table older."""
    aged_files(DeltaLakehouse(root).path("some.thing"), days)


def maintain(root: Path, **more: Any) -> Upkeep:
    """Maintain the table."""
    return DeltaLakehouse(root).maintain("some.thing", **more)


def files(root: Path) -> set[str]:
    """Return all data files on disk, of whatever version."""
    folder = DeltaLakehouse(root).path("some.thing")
    return {str(path) for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts}


def state(root: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}
