"""What the engines count is what numpy counts, whatever the values."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ngm_assets.engine.base import Query, Window
from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets.engine.sql import table_names
from ngm_assets.errors import ComputeError
from ngm_assets.monitoring.drift import counts
from ngm_assets.monitoring.drift.counts import count_columns, count_days, count_query
from ngm_assets.monitoring.drift.distribution import Bins, Distribution, NumericBins, combined
from ngm_assets.monitoring.drift.measure import measure_drift
from ngm_assets.monitoring.drift.policy import Policy
from ngm_assets.monitoring.drift.reference import ReferenceColumn
from ngm_assets.monitoring.drift.windows import Source, trailing_windows
from ngm_assets_tests.monitoring.stored import (
    DAYS,
    ROWS,
    START,
    awkward_rows,
    duckdb_engine,
    spark_engine,
    store,
    watched_contract,
)
from ngm_assets_tests.monitoring.windows import Values, counted, reference_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TABLE = "some.watched"
LAST = START + timedelta(days=DAYS - 1)
WHOLE = Window(START, LAST)


@pytest.fixture(scope="module")
def rows() -> dict[str, Values]:
    """Return the rows of the table."""
    return awkward_rows(seed=1, rows=ROWS * DAYS)


@pytest.fixture(scope="module")
def root(rows: dict[str, Values], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a lakehouse that holds the table."""
    folder = tmp_path_factory.mktemp("lake")
    store(folder, rows)
    return folder


@pytest.fixture(scope="module")
def duckdb(root: Path, tmp_path_factory: pytest.TempPathFactory) -> DuckDBEngine:
    """Return DuckDB over the table."""
    return duckdb_engine(root, tmp_path_factory.mktemp("scratch"))


@pytest.fixture(scope="module")
def reference(rows: dict[str, Values]) -> dict[str, ReferenceColumn]:
    """Return a reference of other rows, which lack one of the words."""
    before = awkward_rows(seed=2, rows=900)
    before["word"] = before["word"][before["word"] != "new"]
    return {name: reference_of(name, before[name]) for name in rows}


@pytest.fixture(scope="module")
def bins(reference: dict[str, ReferenceColumn]) -> dict[str, Bins]:
    """Return what to count by."""
    return {name: column.bins for name, column in reference.items()}


def exactly(rows: dict[str, Values], bins: dict[str, Bins]) -> dict[str, Distribution]:
    """Count value by value."""
    return {name: counted(rows[name], each) for name, each in bins.items()}


def day_by_day(
    rows: dict[str, Values], bins: dict[str, Bins]
) -> dict[date, dict[str, Distribution]]:
    """Count value by value, each day by itself."""
    parts = [slice(number * ROWS, (number + 1) * ROWS) for number in range(DAYS)]
    return {
        START + timedelta(days=number): exactly({n: v[part] for n, v in rows.items()}, bins)
        for number, part in enumerate(parts)
    }


def test_duckdb_counts_exactly(
    duckdb: DuckDBEngine, rows: dict[str, Values], bins: dict[str, Bins]
) -> None:
    assert count_columns(duckdb, TABLE, bins, WHOLE) == exactly(rows, bins)
    assert count_days(duckdb, TABLE, bins, WHOLE, "day") == day_by_day(rows, bins)


def test_spark_counts_exactly(
    local_spark: SparkSession,
    root: Path,
    tmp_path: Path,
    rows: dict[str, Values],
    bins: dict[str, Bins],
) -> None:
    engine = spark_engine(local_spark, root, tmp_path)
    assert count_columns(engine, TABLE, bins, WHOLE) == exactly(rows, bins)
    assert count_days(engine, TABLE, bins, WHOLE, "day") == day_by_day(rows, bins)


def test_days_add_up_to_their_window(duckdb: DuckDBEngine, bins: dict[str, Bins]) -> None:
    days = [START + timedelta(days=number) for number in range(DAYS)]
    each = [count_columns(duckdb, TABLE, bins, Window(day, day)) for day in days]
    whole = count_columns(duckdb, TABLE, bins, WHOLE)
    assert {name: combined([day[name] for day in each]) for name in bins} == whole


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_windows_of_days_counted_once_are_windows_counted_whole(
    duckdb: DuckDBEngine, bins: dict[str, Bins], data: st.DataObject
) -> None:
    """Also windows that begin before the first row or end after the last."""
    first = START + timedelta(days=data.draw(st.integers(-2, DAYS), label="first"))
    length = data.draw(st.integers(1, DAYS + 2), label="length")
    days = [first + timedelta(days=number) for number in range(data.draw(st.integers(1, 4)))]
    source = Source(TABLE, "day", "id >= :least", {"least": "00030"})
    found = trailing_windows(duckdb, source, bins, days, length)
    for day in days:
        window = Window(day - timedelta(days=length - 1), day)
        whole = count_columns(
            duckdb, TABLE, bins, window, where=source.where, parameters=source.parameters
        )
        assert found[day] == whole


def test_only_the_rows_of_the_window_and_the_condition_count(
    duckdb: DuckDBEngine, bins: dict[str, Bins]
) -> None:
    window = Window(LAST, LAST)
    found = count_columns(
        duckdb, TABLE, bins, window, where="id >= :least", parameters={"least": "00590"}
    )
    assert {each.rows for each in found.values()} == {10}


def test_a_window_without_rows_counts_none(duckdb: DuckDBEngine, bins: dict[str, Bins]) -> None:
    window = Window(LAST + timedelta(days=1), LAST + timedelta(days=2))
    assert {c.rows for c in count_columns(duckdb, TABLE, bins, window).values()} == {0}


def test_the_table_is_read_once_and_texts_are_parameters(bins: dict[str, Bins]) -> None:
    query = count_query(TABLE, bins, WHOLE)
    assert query.sql.count(TABLE) == 1
    assert table_names(query.sql) == (TABLE,)
    assert "it's" not in query.sql
    assert "it's" in query.parameters.values()


def test_many_columns_are_counted_in_turns_and_each_is_read_once(
    duckdb: DuckDBEngine, bins: dict[str, Bins], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = count_columns(duckdb, TABLE, bins, WHOLE)
    texts: list[str] = []
    plain = duckdb.rows

    def rows(query: Query) -> list[dict[str, Any]]:
        texts.append(query.sql)
        return plain(query)

    monkeypatch.setattr(counts, "AT_ONCE", 22)
    monkeypatch.setattr(duckdb, "rows", rows)
    assert count_columns(duckdb, TABLE, bins, WHOLE) == at_once
    assert len(texts) > 2
    assert {name: " ".join(texts).count(f"`{name}`") for name in bins} == dict.fromkeys(bins, 1)


def test_a_table_that_changes_between_two_queries_is_refused(
    duckdb: DuckDBEngine, bins: dict[str, Bins], monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = iter([WHOLE, Window(LAST, LAST), *[WHOLE] * len(bins)])
    plain = duckdb.rows
    monkeypatch.setattr(counts, "AT_ONCE", 22)
    monkeypatch.setattr(duckdb, "rows", lambda query: plain(replace(query, window=next(windows))))
    with pytest.raises(ComputeError, match="changed while"):
        count_columns(duckdb, TABLE, bins, WHOLE)


def test_days_that_change_between_two_queries_are_refused(
    duckdb: DuckDBEngine, bins: dict[str, Bins], monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = iter([WHOLE, Window(LAST, LAST), *[WHOLE] * len(bins)])
    plain = duckdb.rows
    monkeypatch.setattr(counts, "AT_ONCE", 22)
    monkeypatch.setattr(duckdb, "rows", lambda query: plain(replace(query, window=next(windows))))
    with pytest.raises(ComputeError, match="changed while"):
        count_days(duckdb, TABLE, bins, WHOLE, "day")


def test_drift_of_a_stored_table_is_judged_in_one_go(
    duckdb: DuckDBEngine, reference: dict[str, ReferenceColumn]
) -> None:
    absent = reference_of("absent", awkward_rows(seed=3, rows=500)["skewed"])
    other = reference_of("word", awkward_rows(seed=3, rows=500)["skewed"])
    found = measure_drift(
        duckdb,
        watched_contract(),
        {**reference, "absent": absent, "word": other},
        WHOLE,
        Policy(),
    )
    said = {column.name: (column.severity, column.reason) for column in found.columns}
    assert said["absent"] == ("critical", "missing_column")
    assert said["word"] == ("critical", "changed_type")
    assert said["nothing"] == ("none", "empty_reference")
    assert {said[name] for name in ("measure", "skewed", "count", "money", "flag")} == {
        ("none", "")
    }
    assert found.severity == "critical"


def test_a_table_without_comparable_columns_is_no_pass(duckdb: DuckDBEngine) -> None:
    found = measure_drift(duckdb, watched_contract(), {}, WHOLE, Policy())
    assert (found.severity, found.status, found.passed) == ("none", "could_not_evaluate", False)


def test_edges_are_doubles_for_every_engine_and_no_decimals() -> None:
    edges = (-1e16, -5e-324, 0.1, 0.30000000000000004, 7.0, 12345678.9, 1e300)
    query = count_query(TABLE, {"measure": NumericBins(edges)}, WHOLE)
    literals = re.findall(r"<=? (\S+)\)", query.sql)
    assert [float(text) for text in literals[1:-1]] == list(edges)
    assert all("e" in text for text in literals)
