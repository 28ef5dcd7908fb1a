"""Rows made by the logic are stored like those of a query: only days that differ are replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ngm_assets.engine.base import Engine, Query, Window
from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets.errors import DataError
from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.raw.landing import Landing
from ngm_assets_tests.engine.sessions import need_java, unity_engine
from ngm_assets_tests.lakehouse.tables import DAY, LATER, NEXT_DAY, THING

ROWS = [{"id": "a", "day": DAY, "value": 1}, {"id": "a", "day": NEXT_DAY, "value": 2}]


@pytest.fixture(params=["duckdb", "spark"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """Return each engine over an empty place."""
    contracts = {THING.full_name: THING}
    if request.param == "duckdb":
        lake, landing = DeltaLakehouse(tmp_path / "a lake"), Landing(tmp_path / "landing")
        return DuckDBEngine(lake, landing, contracts, tmp_path / "scratch")
    need_java()
    return unity_engine(request.getfixturevalue("spark"), tmp_path, contracts=contracts)


def stored(engine: Engine) -> list[dict[str, Any]]:
    """Return the rows of the table."""
    return engine.rows(Query("SELECT id, day, value FROM some.thing ORDER BY day, id", {}))


def test_the_days_that_differ_are_replaced_and_the_others_left_alone(engine: Engine) -> None:
    assert engine.store(THING, ROWS, DAY, NEXT_DAY) == (DAY, NEXT_DAY)
    assert stored(engine) == ROWS
    assert engine.store(THING, ROWS, DAY, NEXT_DAY) == ()
    other = [ROWS[0], ROWS[1] | {"value": 3}]
    assert engine.store(THING, other, DAY, NEXT_DAY) == (NEXT_DAY,)
    assert stored(engine) == other
    assert engine.store(THING, [], NEXT_DAY, LATER) == (NEXT_DAY,)
    assert stored(engine) == other[:1]


def test_a_column_that_is_not_named_is_null(engine: Engine) -> None:
    engine.store(THING, [{"id": "a", "day": DAY}], DAY, DAY)
    assert engine.rows(Query("SELECT value FROM some.thing", {}, Window(DAY, DAY))) == [
        {"value": None}
    ]


@pytest.mark.parametrize(
    "bad",
    [
        {"id": None, "day": DAY},
        {"id": "a", "day": DAY, "value": "many"},
        {"id": "a", "day": DAY, "other": 1},
        {"id": "a", "day": DAY, "value": float("inf")},
    ],
)
def test_a_row_that_breaks_the_contract_is_refused_and_nothing_is_written(
    tmp_path: Path, bad: dict[str, Any]
) -> None:
    lake, landing = DeltaLakehouse(tmp_path / "a lake"), Landing(tmp_path / "landing")
    engine = DuckDBEngine(lake, landing, {THING.full_name: THING}, tmp_path / "scratch")
    with pytest.raises(DataError):
        engine.store(THING, [*ROWS, bad], DAY, NEXT_DAY)
    assert not lake.exists("some.thing")
