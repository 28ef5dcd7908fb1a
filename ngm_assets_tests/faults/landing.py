"""Parquet in the landing that is corrupt, cut off, empty or of wrong types; and very much of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ngm_assets_tests.faults.home import Workshop
from ngm_assets_tests.faults.kills import after_fault
from ngm_assets_tests.faults.refusals import refused
from ngm_assets_tests.faults.storage import Case

if TYPE_CHECKING:
    import pyarrow as pa

USAGE = "billing/usage"
GOOD_TABLES = ("gold.fact_query_history", "gold.fact_query_history_rejects")


def broken_files(shop: Workshop) -> Iterator[Case]:
    """Break the newest file of a raw table in several ways, one after the other, and mend it."""
    stage = shop.stages["gold"]
    good = sorted((shop.landing / USAGE).rglob("*.parquet"))[-1]
    kept = shop.root / "good.parquet"
    shutil.copy(good, kept)
    for name, spoil in WAYS.items():
        shop.restore(stage.begin)
        good.unlink()
        spoil(kept, good)
        try:
            verdict = refused(shop, stage, [good.name, str(good)], changed=GOOD_TABLES)
        finally:
            shutil.copy(kept, good)
        yield name, verdict + after_fault(shop, stage)
    for name in ("a file without rows", "a file that is still being written"):
        extra = good.with_name("extra.parquet" if "rows" in name else "_extra.parquet")
        shop.restore(stage.begin)
        (_no_rows if "rows" in name else _cut_off)(kept, extra)
        try:
            yield name, after_fault(shop, stage)
        finally:
            extra.unlink()


def _garbled(source: Path, target: Path) -> None:
    """Overwrite half of the data with noise; the footer stays whole."""
    content = bytearray(source.read_bytes())
    middle = len(content) // 2
    for place in range(middle // 8, middle):
        content[place] = place * 131 % 251
    target.write_bytes(content)


def _cut_off(source: Path, target: Path) -> None:
    content = source.read_bytes()
    target.write_bytes(content[: len(content) * 2 // 3])


def _empty(source: Path, target: Path) -> None:
    target.write_bytes(b"")


def _no_parquet(source: Path, target: Path) -> None:
    target.write_text("record_id,usage_quantity\n1,2\n", encoding="utf-8")


def _changed(change: Callable[[pa.Table], pa.Table]) -> Callable[[Path, Path], None]:
    def spoil(source: Path, target: Path) -> None:
        import pyarrow.parquet as pq

        table = pq.ParquetFile(source).read(use_threads=False)
        pq.write_table(change(table), target)

    return spoil


def _quantity(values: Callable[[int], pa.Array]) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        place = table.column_names.index("usage_quantity")
        return table.set_column(place, "usage_quantity", values(table.num_rows))

    return change


def _words(rows: int) -> pa.Array:
    import pyarrow as pa

    return pa.array(["much"] * rows)


def _lists(rows: int) -> pa.Array:
    import pyarrow as pa

    return pa.array([[1.0]] * rows)


_no_rows = _changed(lambda table: table.slice(0, 0))
WAYS: dict[str, Callable[[Path, Path], None]] = {
    "corrupt": _garbled,
    "truncated": _cut_off,
    "empty": _empty,
    "no Parquet at all": _no_parquet,
    "numbers as words": _changed(_quantity(_words)),
    "numbers as lists": _changed(_quantity(_lists)),
    "a required column gone": _changed(lambda table: table.drop_columns(["record_id"])),
}


@contextmanager
def replaced(shop: Workshop, folder: str) -> Iterator[tuple[Path, Path]]:
    """Move a raw table away as long as the block lasts; yield the old folder and the new one."""
    here, away = shop.landing / folder, shop.root / "away"
    here.rename(away)
    here.mkdir()
    try:
        yield away, here
    finally:
        shutil.rmtree(here)
        away.rename(here)
