"""A table whose files go missing says so, and what is stored again mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ngm_assets.engine.base import Query
from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets.errors import DataError
from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.raw.landing import Landing
from ngm_assets_tests.lakehouse.tables import DAY, NEXT_DAY, THING, batches

ROWS = [{"id": "a", "day": DAY, "value": 1}, {"id": "a", "day": NEXT_DAY, "value": 2}]
ALL = Query("SELECT id, day, value FROM some.thing ORDER BY day, id", {})


@pytest.fixture
def engine(tmp_path: Path) -> DuckDBEngine:
    """Return an engine over a table of two days, of which one has lost its file."""
    lake, landing = DeltaLakehouse(tmp_path / "lake"), Landing(tmp_path / "landing")
    made = DuckDBEngine(lake, landing, {THING.full_name: THING}, tmp_path / "scratch")
    made.store(THING, ROWS, DAY, NEXT_DAY)
    (lost,) = lake.path(THING.full_name).glob(f"day={NEXT_DAY}/*.parquet")
    lost.unlink()
    return made


def test_a_lost_data_file_is_named_with_its_day_and_a_way_out(engine: DuckDBEngine) -> None:
    with pytest.raises(DataError, match=str(NEXT_DAY)) as caught:
        engine.rows(ALL)
    assert f"day={NEXT_DAY}" in caught.value.where
    assert "materialise" in caught.value.mend


def test_the_same_rows_stored_again_replace_a_lost_data_file(engine: DuckDBEngine) -> None:
    assert engine.store(THING, ROWS, DAY, NEXT_DAY) == (NEXT_DAY,)
    assert engine.rows(ALL) == ROWS


def test_a_day_that_has_no_rows_any_more_is_mended_too(engine: DuckDBEngine) -> None:
    assert engine.store(THING, ROWS[:1], DAY, NEXT_DAY) == (NEXT_DAY,)
    assert engine.rows(ALL) == ROWS[:1]


def test_a_day_that_is_overwritten_is_mended(engine: DuckDBEngine) -> None:
    fresh = batches([("a", NEXT_DAY, 3)])
    engine.lakehouse.overwrite(THING, fresh, NEXT_DAY, NEXT_DAY)
    assert [row["value"] for row in engine.rows(ALL)] == [1, 3]


def test_a_log_with_a_gap_is_named_with_a_way_out(engine: DuckDBEngine) -> None:
    engine.store(THING, ROWS, DAY, NEXT_DAY)
    log = engine.lakehouse.path(THING.full_name) / "_delta_log"
    sorted(log.glob("*.json"))[1].unlink()
    for read in (
        lambda: engine.rows(ALL),
        lambda: engine.store(THING, ROWS, DAY, DAY),
        lambda: engine.lakehouse.version(THING.full_name),
    ):
        with pytest.raises(DataError, match=THING.full_name) as caught:
            read()
        assert (caught.value.where, "materialise" in caught.value.mend) == (str(log), True)
