"""Raw rows are counted per day as gold dates them, so that a late one shows on its day alone."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from ngm_assets.engine.sql import table_names
from ngm_assets.gold.arrivals import raw_count_sql
from ngm_assets.gold.quality import source_counts
from ngm_assets.gold.tables import FOLDER, gold_contracts
from ngm_assets.monitoring.quality.raw_counts import raw_counts
from ngm_assets.overlays import read_yaml
from ngm_assets_tests.estate import open_estate
from ngm_assets_tests.landings import awkward_landing
from ngm_assets_tests.raw.files import MOMENT, QUERIES, WHEN, put, statements

DAY = date(2024, 3, 4)
MICROSECONDS = 86_400_000_000
HISTORY = "fact_query_history"


def on(number: int, *ids: str) -> pa.Table:
    """Return statements that ended so many days after the first."""
    shift = pa.array([MOMENT + number * MICROSECONDS] * len(ids), WHEN)
    return statements(*ids, start_time=shift, end_time=shift)


def counted(folder: Path) -> dict[str, dict[date, int]]:
    """Return the counts of a week."""
    platform = open_estate(folder / "landing", folder / "home")
    return raw_counts(platform, DAY, DAY + timedelta(days=6))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder whose landing holds statements of three days."""
    for number, ids in enumerate([("a", "b"), ("c",), ("d", "e", "f")]):
        put(tmp_path / "landing", QUERIES, f"{number}.parquet", on(number, *ids))
    return tmp_path


def test_every_gold_table_is_counted_by_day(folder: Path) -> None:
    found = counted(folder)
    assert set(found) == set(gold_contracts())
    assert found.pop(HISTORY) == {DAY: 2, DAY + timedelta(1): 1, DAY + timedelta(2): 3}
    assert all(counts == {} for counts in found.values())


def test_the_same_files_give_the_same_counts(folder: Path) -> None:
    assert counted(folder) == counted(folder)


@pytest.mark.parametrize("late", ["new", "c"], ids=["new row", "later state of a row"])
def test_a_late_row_changes_its_day_and_no_other(folder: Path, late: str) -> None:
    before = counted(folder)
    put(folder / "landing", QUERIES, "late.parquet", on(1, late))
    after = counted(folder)
    assert after.pop(HISTORY) == before.pop(HISTORY) | {DAY + timedelta(1): 2}
    assert after == before


def test_a_row_that_gold_rejects_counts_too(folder: Path) -> None:
    keyless = on(1, "x").set_column(1, "statement_id", pa.array([None], pa.string()))
    put(folder / "landing", QUERIES, "late.parquet", keyless)
    assert counted(folder)[HISTORY][DAY + timedelta(1)] == 2


def test_rows_outside_the_days_do_not_count(folder: Path) -> None:
    before = counted(folder)
    put(folder / "landing", QUERIES, "old.parquet", on(-1, "x"))
    put(folder / "landing", QUERIES, "new.parquet", on(7, "x"))
    assert counted(folder) == before


def test_a_file_that_cannot_be_read_leaves_its_own_table_out(folder: Path) -> None:
    before = counted(folder)
    place = folder / "landing" / "query" / "history" / "bad.parquet"
    place.write_bytes(b"no parquet")
    assert counted(folder) == {name: days for name, days in before.items() if name != HISTORY}


def test_there_are_at_least_as_many_rows_as_keys_on_the_same_days(tmp_path: Path) -> None:
    start, end = date(2023, 11, 20), date(2023, 12, 29)
    awkward_landing(tmp_path / "landing", seed=4, days=40, start=start)
    platform = open_estate(tmp_path / "landing", tmp_path / "home")
    found = raw_counts(platform, start, end)
    for name, contract in gold_contracts().items():
        keys = source_counts(platform.engine, contract, start, end)
        assert keys
        assert all(found[name][day] >= count for day, count in keys.items())
    assert sum(found["fact_usage"].values()) > 0


@pytest.mark.parametrize("name", gold_contracts())
def test_the_first_source_of_each_gold_table_is_counted(name: str) -> None:
    sql = raw_count_sql(read_yaml(FOLDER / "source_counts.yaml")[name])
    assert table_names(sql) == gold_contracts()[name].sources[:1]
