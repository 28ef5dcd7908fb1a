"""The engine reads no more than a query's window and writes whole partitions or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from ngm_assets.days import days_between
from ngm_assets.engine.base import Query, Window
from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets.errors import ComputeError, DataError
from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.raw.landing import Landing
from ngm_assets_tests.estate import open_estate, read_rows, write_gold
from ngm_assets_tests.lakehouse.tables import DAY, LATER, NEXT_DAY, THING
from ngm_assets_tests.raw.files import AUDIT, QUERIES, audit, put, statements

EVER = Window()
THREE = (
    "SELECT 'a' AS id, DATE '2024-03-04' AS day, 1 AS value UNION ALL "
    "SELECT 'a', DATE '2024-03-05', 2 UNION ALL SELECT 'a', DATE '2024-03-09', 3"
)


@pytest.fixture
def engine(tmp_path: Path) -> DuckDBEngine:
    """Return an engine over a table with a row on each of three days."""
    lake, landing = DeltaLakehouse(tmp_path / "a lake"), Landing(tmp_path / "landing")
    made = DuckDBEngine(lake, landing, {"some.thing": THING}, tmp_path / "scratch")
    made.overwrite(THING, [Query(THREE, {})], DAY, LATER)
    return made


def values(engine: DuckDBEngine, window: Window = EVER, sql: str = "") -> list[int]:
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
    engine: DuckDBEngine, start: date | None, end: date | None, found: list[int]
) -> None:
    assert values(engine, Window(start, end)) == found


def test_parameters_are_values_and_never_text_of_the_query(engine: DuckDBEngine) -> None:
    query = Query(
        "SELECT :name AS name, ARRAY_CONTAINS(:names, 'b') AS has, DATE_ADD(:day, 1) AS next",
        {"name": "'; DROP TABLE x; --", "names": ["a", "b"], "day": DAY, "not_used": 1},
    )
    (row,) = engine.rows(query)
    assert (row["name"], row["has"]) == ("'; DROP TABLE x; --", True)


def test_a_table_that_was_never_written_reads_as_empty(tmp_path: Path) -> None:
    platform = open_estate(tmp_path / "landing", tmp_path / "home")
    assert read_rows(platform, "gold.fact_usage") == []
    frame = platform.engine.frame(Query("SELECT * FROM gold.fact_usage", {}))
    assert list(frame.columns) == list(platform.contracts["gold.fact_usage"].column_names)


def test_a_query_that_fails_is_a_compute_error_that_names_the_tables(engine: DuckDBEngine) -> None:
    with pytest.raises(ComputeError) as caught:
        values(engine, sql="SELECT nothing FROM some.thing")
    assert caught.value.where == "some.thing"
    assert "nothing" in caught.value.what
    assert caught.value.mend


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("SELECT NULL AS id, DATE '2024-03-04' AS day, 1 AS value", id="null key"),
        pytest.param(
            "SELECT 'a' AS id, DATE '2024-03-04' AS day, 'x' AS value", id="text as number"
        ),
        pytest.param("SELECT 'a' AS id, DATE '2024-03-04' AS day", id="column missing"),
        pytest.param("SELECT 'a' AS id, DATE '2025-01-01' AS day, 1 AS value", id="another day"),
    ],
)
def test_a_query_whose_rows_do_not_fit_writes_nothing(engine: DuckDBEngine, bad: str) -> None:
    with pytest.raises(ComputeError):
        engine.overwrite(THING, [Query(bad, {})], DAY, LATER)
    assert values(engine) == [1, 2, 3]


def test_a_broken_raw_file_fails_its_table_only_and_leaves_what_was_written(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    platform = open_estate(landing, tmp_path / "home")
    file = put(landing, AUDIT, "a.parquet", audit("a"))
    put(landing, QUERIES, "a.parquet", statements("s"))
    write_gold(platform, DAY, DAY)
    before = read_rows(platform, "gold.fact_audit_logs")
    assert len(before) == 1
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        write_gold(platform, DAY, DAY, ["fact_audit_logs"])
    assert read_rows(platform, "gold.fact_audit_logs") == before
    put(landing, QUERIES, "b.parquet", statements("t"))
    write_gold(platform, DAY, DAY, ["fact_query_history"])
    assert len(read_rows(platform, "gold.fact_query_history")) == 2


def test_a_missing_raw_table_gives_empty_gold(tmp_path: Path) -> None:
    platform = open_estate(tmp_path / "landing", tmp_path / "home")
    write_gold(platform, DAY, DAY)
    for name in ("fact_usage", "fact_audit_logs_rejects", "info_schema"):
        assert platform.engine.holds(f"gold.{name}")
        assert read_rows(platform, f"gold.{name}") == []


def test_a_long_query_draws_no_progress_bar_into_what_is_printed(engine: DuckDBEngine) -> None:
    asked = "SELECT current_setting('enable_progress_bar') AS drawn"
    assert engine.rows(Query(asked, {})) == [{"drawn": False}]


class Small:
    """Stands for a connection that holds the rows of a day at most; counts what is asked of it."""

    def __init__(self, engine: DuckDBEngine) -> None:
        self.whole = engine._streamed
        self.asked: list[tuple[Any, Any]] = []

    def __call__(
        self, contract: TableContract, query: Query, views: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of one day; refuse more days."""
        first, last = query.parameters["start_date"], query.parameters["end_date"]
        self.asked.append((first, last))
        if first != last:
            raise duckdb.OutOfMemoryException("no room")
        yield from self.whole(contract, query, views)


def test_days_that_do_not_fit_into_memory_together_are_halved(
    engine: DuckDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Small(engine)
    monkeypatch.setattr(engine, "_streamed", small, raising=False)
    sql = f"SELECT * FROM ({THREE}) WHERE day BETWEEN :start_date AND :end_date"
    query = Query(sql, {"start_date": DAY, "end_date": LATER})
    engine.overwrite(THING, [query], DAY, LATER)
    assert values(engine) == [1, 2, 3]
    days = [first for first, last in small.asked if first == last]
    assert days == days_between(DAY, LATER)
    refused = [(last - first).days for first, last in small.asked if first != last]
    assert refused == sorted(set(refused), reverse=True), "each length is tried in vain once"


def test_what_cannot_be_halved_is_an_error_that_says_so(
    engine: DuckDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_streamed", Small(engine), raising=False)
    query = Query(THREE, {"start_date": DAY, "end_date": LATER, "undated": True})
    with pytest.raises(ComputeError, match="no room"):
        engine.overwrite(THING, [query], DAY, LATER)
    assert values(engine) == [1, 2, 3]
    assert Query(THREE, {}).halves() == ()
