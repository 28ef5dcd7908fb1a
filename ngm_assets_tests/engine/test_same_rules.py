"""Both engines keep the same rules: windows, parameters, whole partitions or nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from operator import methodcaller
from pathlib import Path

import pytest

from ngm_assets.engine.base import Engine, Mapped, Query, Window
from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets.engine.spark import SparkEngine
from ngm_assets.errors import ComputeError, DataError
from ngm_assets.lakehouse.contract import Column
from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.raw.landing import Landing
from ngm_assets_tests.comparing import plain
from ngm_assets_tests.engine.sessions import unity_engine
from ngm_assets_tests.lakehouse.tables import DAY, LATER, NEXT_DAY, THING, UNDATED, contract

EVER = Window()
THREE = (
    "SELECT 'a' AS id, DATE '2024-03-04' AS day, 1 AS value UNION ALL "
    "SELECT 'a', DATE '2024-03-05', 2 UNION ALL SELECT 'a', DATE '2024-03-09', 3"
)
NONE = "SELECT 'a' AS id, DATE '2024-03-04' AS day, 1 AS value WHERE FALSE"
VIEW = {"some.view": "SELECT id, MAX(value) AS most FROM some.thing GROUP BY id"}


@pytest.fixture(params=["duckdb", "spark"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """Return an engine over a table with a row on each of three days."""
    empty = empty_engine(request, tmp_path)
    empty.overwrite(THING, [Query(THREE, {})], DAY, LATER)
    return empty


def empty_engine(request: pytest.FixtureRequest, folder: Path) -> Engine:
    """Return an engine that has nothing to read yet."""
    contracts = {"some.thing": THING, "some.other": THING}
    if request.param == "spark":
        spark = request.getfixturevalue("spark")
        return unity_engine(spark, folder / "a lake", contracts=contracts, views=VIEW)
    lake, landing = DeltaLakehouse(folder / "a lake"), Landing(folder / "landing")
    return DuckDBEngine(lake, landing, contracts, folder / "scratch", VIEW)


def values(engine: Engine, window: Window = EVER, sql: str = "") -> list[int]:
    """Return the values a query over the table finds."""
    text = sql or "SELECT value FROM some.thing ORDER BY value"
    return [row["value"] for row in engine.rows(Query(text, {}, window))]


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (None, None, [1, 2, 3]),
        (None, NEXT_DAY, [1, 2]),
        (NEXT_DAY, None, [2, 3]),
        (NEXT_DAY, NEXT_DAY, [2]),
        (date(2024, 3, 6), date(2024, 3, 8), []),
    ],
)
def test_a_query_reads_only_the_days_of_its_window(
    engine: Engine, start: date | None, end: date | None, found: list[int]
) -> None:
    assert values(engine, Window(start, end)) == found
    both = "SELECT a.value FROM some.thing AS a JOIN some.thing ON a.day = thing.day ORDER BY 1"
    assert values(engine, Window(start, end), both) == found


def test_a_view_reads_through_the_window(engine: Engine) -> None:
    query = Query("SELECT most AS value FROM some.view", {}, Window(end=NEXT_DAY))
    assert engine.rows(query) == [{"value": 2}]


def test_a_range_is_replaced_whole_and_its_neighbours_stay(engine: Engine) -> None:
    new = "SELECT 'b' AS id, DATE '2024-03-05' AS day, 9 AS value"
    engine.overwrite(THING, [Query(new, {})], DAY, NEXT_DAY)
    assert values(engine) == [3, 9]
    engine.overwrite(THING, [Query(NONE, {})], NEXT_DAY, NEXT_DAY)
    assert values(engine) == [3]
    engine.overwrite(THING, [Query(NONE, {})], date(2023, 1, 1), date(2023, 1, 9))
    assert values(engine) == [3]


def test_single_days_are_replaced_along_with_a_range(engine: Engine) -> None:
    old = "SELECT 'x' AS id, DATE '1970-01-01' AS day, 0 AS value"
    engine.overwrite(THING, [Query(old, {})], DAY, DAY, also=(UNDATED,))
    assert values(engine) == [0, 2, 3]
    engine.overwrite(THING, [Query(NONE, {})], NEXT_DAY, NEXT_DAY, also=(UNDATED,))
    assert values(engine) == [3]


def test_a_table_may_be_written_from_itself(engine: Engine) -> None:
    more = "SELECT id, day, value + 10 AS value FROM some.thing"
    engine.overwrite(THING, [Query(more, {})], DAY, LATER)
    assert values(engine) == [11, 12, 13]


def test_a_new_column_reads_as_null_in_old_partitions(engine: Engine) -> None:
    wider = contract(Column(name="note", type="string", doc="A note."))
    new = "SELECT 'a' AS id, DATE '2024-03-05' AS day, 2 AS value, 'new' AS note"
    engine.overwrite(wider, [Query(new, {})], NEXT_DAY, NEXT_DAY)
    kept = {"some.thing": wider}
    if isinstance(engine, DuckDBEngine | SparkEngine):
        engine.contracts = kept
    rows = engine.rows(Query("SELECT note FROM some.thing ORDER BY day", {}))
    assert [row["note"] for row in rows] == [None, "new", None]


def test_a_column_of_another_type_is_refused(engine: Engine) -> None:
    text = Column(name="value", type="string", doc="Now a text.")
    changed = THING.model_copy(update={"columns": (*THING.columns[:2], text)})
    with pytest.raises(DataError, match="value"):
        engine.overwrite(changed, [Query("SELECT * FROM some.thing", {})], DAY, LATER)
    assert values(engine) == [1, 2, 3]


def test_parameters_are_values_and_never_text_of_the_query(engine: Engine) -> None:
    query = Query(
        "SELECT :name AS name, ARRAY_CONTAINS(:names, 'b') AS has, CAST(DATE_ADD(:day, 1) AS DATE) "
        "AS next, ':not_a_parameter' AS colon, :half * 2 AS one, ARRAY_CONTAINS(:none, 'b') AS no",
        {
            "name": "'; DROP TABLE x; -- \\' {x} ü",
            "names": ["a", "b"],
            "none": [],
            "day": DAY,
            "half": 0.5,
            "not_used": 1,
        },
    )
    assert engine.rows(query) == [
        {
            "name": "'; DROP TABLE x; -- \\' {x} ü",
            "has": True,
            "next": NEXT_DAY,
            "colon": ":not_a_parameter",
            "one": 1.0,
            "no": False,
        }
    ]


def test_moments_are_in_utc_whatever_the_session_was_set_to(engine: Engine) -> None:
    moment = "CAST('2024-03-31 02:30:00' AS TIMESTAMP)"
    sql = f"SELECT {moment} AS moment, HOUR({moment}) AS hour"
    (row,) = engine.rows(Query(sql, {}))
    assert plain(row["moment"]) == datetime(2024, 3, 31, 2, 30, tzinfo=UTC)
    assert row["hour"] == 2


def test_a_table_that_was_never_written_reads_as_empty(engine: Engine) -> None:
    assert not engine.holds("some.other")
    assert engine.holds("some.thing")
    assert engine.rows(Query("SELECT * FROM some.other", {})) == []
    assert engine.frame(Query("SELECT * FROM some.other", {})).columns[0] == "id"


def test_a_raw_table_that_is_not_there_is_empty_here_and_an_error_on_databricks(
    engine: Engine,
) -> None:
    query = Query("SELECT * FROM system.access.audit", {})
    assert not engine.holds("system.access.audit")
    if isinstance(engine, SparkEngine):
        with pytest.raises(DataError, match="may not be read"):
            engine.rows(query)
    else:
        assert engine.rows(query) == []


def test_a_table_without_rows_is_not_a_missing_one(engine: Engine) -> None:
    other = THING.model_copy(update={"name": "other"})
    engine.overwrite(other, [Query(NONE, {})], DAY, DAY)
    assert engine.rows(Query("SELECT COUNT(*) AS n FROM some.other", {})) == [{"n": 0}]


def test_a_query_that_fails_is_a_compute_error_that_names_the_tables(engine: Engine) -> None:
    with pytest.raises(ComputeError) as caught:
        values(engine, sql="SELECT nothing FROM some.thing")
    assert caught.value.where == "some.thing"
    assert "nothing" in caught.value.what
    assert caught.value.mend


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("SELECT NULL AS id, DATE '2024-03-04' AS day, 1 AS value", id="null key"),
        pytest.param("SELECT 'a' AS id, DATE '2024-03-04' AS day, 'x' AS value", id="no number"),
        pytest.param("SELECT 'a' AS id, DATE '2024-03-04' AS day", id="column missing"),
        pytest.param("SELECT 'a' AS id, DATE '2025-01-01' AS day, 1 AS value", id="another day"),
        pytest.param("SELECT 'a' AS id, CAST(NULL AS DATE) AS day, 1 AS value", id="no day"),
    ],
)
def test_a_query_whose_rows_do_not_fit_writes_nothing(engine: Engine, bad: str) -> None:
    with pytest.raises(ComputeError):
        engine.overwrite(THING, [Query(bad, {})], DAY, LATER)
    assert values(engine) == [1, 2, 3]


def made(sql: str, **columns: object) -> Mapped:
    """Return a query whose rows are changed by a function that travels to other processes."""
    return Mapped(Query(sql, {}), methodcaller("assign", **columns))


def test_only_the_days_that_come_out_differently_are_replaced(engine: Engine) -> None:
    same = [made(THREE)]
    assert engine.refresh(THING, same, DAY, LATER) == ()
    parts = [
        made("SELECT 'a' AS id, DATE '2024-03-04' AS day", value=1),
        made("SELECT 'a' AS id, DATE '2024-03-05' AS day", value=20),
    ]
    assert engine.refresh(THING, parts, DAY, LATER) == (NEXT_DAY, LATER)
    assert values(engine) == [1, 20]
    assert engine.refresh(THING, parts, DAY, LATER) == ()


def test_a_refresh_minds_only_its_own_days(engine: Engine) -> None:
    assert engine.refresh(THING, [], NEXT_DAY, NEXT_DAY) == (NEXT_DAY,)
    assert values(engine) == [1, 3]


def test_columns_that_are_ignored_make_no_difference_but_are_written(engine: Engine) -> None:
    parts = [made("SELECT 'a' AS id, DATE '2024-03-04' AS day", value=7)]
    assert engine.refresh(THING, parts, DAY, DAY, ignoring=("value",)) == ()
    assert values(engine) == [1, 2, 3]
    parts = [made("SELECT 'b' AS id, DATE '2024-03-04' AS day", value=7)]
    assert engine.refresh(THING, parts, DAY, DAY, ignoring=("value",)) == (DAY,)
    assert values(engine) == [2, 3, 7]


def test_one_row_more_or_twice_the_same_is_a_difference(engine: Engine) -> None:
    twice = "SELECT 'a' AS id, DATE '2024-03-04' AS day"
    parts = [made(f"{twice} UNION ALL {twice}", value=1)]
    assert engine.refresh(THING, parts, DAY, DAY) == (DAY,)
    assert values(engine) == [1, 1, 2, 3]


def test_missing_values_and_moments_survive_the_function(engine: Engine) -> None:
    kinds = contract(
        Column(name="share", type="double", doc="A share."),
        Column(name="at", type="timestamp", doc="A moment."),
        Column(name="flag", type="int", doc="A flag."),
    )
    sql = (
        "SELECT 'a' AS id, DATE '2024-03-04' AS day, 1 AS value, CAST(NULL AS DOUBLE) AS share, "
        "CAST('2024-03-31 02:30:00' AS TIMESTAMP) AS at, CAST(NULL AS INT) AS flag"
    )
    if isinstance(engine, DuckDBEngine | SparkEngine):
        engine.contracts = {"some.thing": kinds}
    assert engine.refresh(kinds, [made(sql)], DAY, DAY) == (DAY,)
    assert engine.refresh(kinds, [made(sql)], DAY, DAY) == ()
    (row,) = engine.rows(Query("SELECT share, at, flag FROM some.thing", {}, Window(DAY, DAY)))
    assert (row["share"], row["flag"]) == (None, None)
    assert plain(row["at"]) == datetime(2024, 3, 31, 2, 30, tzinfo=UTC)


def test_a_function_that_fails_writes_nothing(engine: Engine) -> None:
    parts = [made("SELECT 'a' AS id, DATE '2024-03-04' AS day", other=1)]
    with pytest.raises((ComputeError, KeyError)):
        engine.refresh(THING, parts, DAY, LATER)
    assert values(engine) == [1, 2, 3]
