"""Overwriting replaces whole date partitions, all at once, and nothing else."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ngm_assets.errors import ConfigError, DataError
from ngm_assets.lakehouse import delta
from ngm_assets.lakehouse.contract import Column
from ngm_assets.lakehouse.delta import DeltaLakehouse, expected_types
from ngm_assets_tests.lakehouse.tables import (
    DAY,
    LATER,
    NEXT_DAY,
    THING,
    UNDATED,
    Rows,
    batches,
    contract,
    read,
    read_files,
    write,
)

OLD: Rows = [("a", UNDATED, 1), ("a", DAY, 1), ("b", DAY, 1), ("a", NEXT_DAY, 1), ("a", LATER, 1)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a lakehouse whose table has rows on four days."""
    folder = tmp_path / "lake"
    write(folder, OLD, UNDATED, LATER)
    return folder


def test_only_the_range_is_replaced(root: Path) -> None:
    write(root, [("c", DAY, 2), ("c", NEXT_DAY, 2)], DAY, NEXT_DAY)
    assert read(root) == [("a", UNDATED, 1), ("a", LATER, 1), ("c", DAY, 2), ("c", NEXT_DAY, 2)]


def test_further_days_are_replaced_in_the_same_commit(root: Path) -> None:
    before = DeltaLakehouse(root).version("some.thing")
    write(root, [("c", DAY, 2), ("c", UNDATED, 2)], DAY, DAY, also=(UNDATED,))
    assert read(root) == [("a", NEXT_DAY, 1), ("a", LATER, 1), ("c", UNDATED, 2), ("c", DAY, 2)]
    assert before is not None
    assert DeltaLakehouse(root).version("some.thing") == before + 1


def test_a_day_of_the_range_without_new_rows_becomes_empty(root: Path) -> None:
    write(root, [("c", NEXT_DAY, 2)], DAY, LATER)
    assert read(root) == [("a", UNDATED, 1), ("c", NEXT_DAY, 2)]


def test_no_new_rows_at_all_empty_the_range(root: Path) -> None:
    write(root, [], DAY, NEXT_DAY)
    assert read(root) == [("a", UNDATED, 1), ("a", LATER, 1)]
    write(root, [], UNDATED, LATER)
    assert read(root) == []
    assert DeltaLakehouse(root).exists("some.thing")


def test_the_first_write_may_be_empty(tmp_path: Path) -> None:
    write(tmp_path, [], DAY, DAY)
    assert read(tmp_path) == []
    assert DeltaLakehouse(tmp_path).tables() == ["some.thing"]


def test_writing_the_same_again_changes_nothing(root: Path) -> None:
    for _ in range(2):
        write(root, [("c", DAY, 2), ("d", DAY, 2)], DAY, DAY)
    assert [row for row in read(root) if row[1] == DAY] == [("c", DAY, 2), ("d", DAY, 2)]
    assert len(read(root)) == 5


def test_a_row_outside_the_range_is_refused_and_nothing_is_written(root: Path) -> None:
    with pytest.raises(Exception, match="1 rows failed validation"):
        write(root, [("c", DAY, 2), ("c", LATER, 2)], DAY, DAY)
    assert read(root) == sorted(OLD)


def test_a_query_that_fails_half_way_leaves_the_old_rows(root: Path) -> None:
    def failing() -> pa.RecordBatchReader:
        def some() -> object:
            yield next(iter(batches([("c", DAY, 2)])()))
            raise RuntimeError("the disk is full")

        return pa.RecordBatchReader.from_batches(THING.arrow_schema(), some())

    with pytest.raises(Exception, match="the disk is full"):
        DeltaLakehouse(root).overwrite(THING, failing, DAY, DAY)
    assert read(root) == sorted(OLD)


def test_a_reader_that_opened_before_a_write_goes_on_reading_the_old_rows(root: Path) -> None:
    opened = DeltaLakehouse(root).files("some.thing", "day", None, None)
    write(root, [("c", DAY, 2)], UNDATED, LATER)
    assert read_files(opened) == sorted(OLD)
    assert read(root) == [("c", DAY, 2)]


def test_files_are_those_of_the_days_asked_for(root: Path) -> None:
    lake = DeltaLakehouse(root)

    def rows(start: date | None, end: date | None) -> Rows:
        return read_files(lake.files("some.thing", "day", start, end))

    assert rows(DAY, NEXT_DAY) == [("a", DAY, 1), ("a", NEXT_DAY, 1), ("b", DAY, 1)]
    assert rows(None, DAY) == [("a", UNDATED, 1), ("a", DAY, 1), ("b", DAY, 1)]
    assert rows(NEXT_DAY, None) == [("a", NEXT_DAY, 1), ("a", LATER, 1)]
    assert rows(LATER + timedelta(days=1), None) == []


def test_a_table_that_was_never_written_is_absent(tmp_path: Path) -> None:
    lake = DeltaLakehouse(tmp_path / "nowhere")
    assert not lake.exists("some.thing")
    assert lake.version("some.thing") is None
    assert lake.column_types("some.thing") == {}
    assert lake.tables() == []


@pytest.mark.parametrize(
    "name", ["with space", "ünïcødé 表", "100%", "it's #1!", "a*b", "env=prod"]
)
def test_the_path_may_be_odd(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, OLD, UNDATED, LATER)
    write(tmp_path / name, [("c", DAY, 2)], DAY, DAY)
    assert ("c", DAY, 2) in read(tmp_path / name)
    assert len(read(tmp_path / name)) == 4


@pytest.mark.parametrize("name", ["a[1]", "a%20b", "a^b", "a|b", "back\\slash", "new\nline"])
def test_a_path_the_library_cannot_address_is_refused_before_anything_is_written(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        DeltaLakehouse(tmp_path / name)
    assert str(tmp_path / name) in caught.value.where
    assert caught.value.mend
    assert list(tmp_path.iterdir()) == []


def test_a_new_column_is_added_and_old_rows_read_it_as_null(root: Path) -> None:
    wider = contract(Column(name="note", type="map<string,string>", doc="New."))
    rows = [("c", DAY, 2, [("k", "v")])]
    DeltaLakehouse(root).overwrite(wider, batches(rows, wider), DAY, DAY)
    assert DeltaLakehouse(root).column_types("some.thing") == expected_types(wider)
    assert read(root) == [("a", UNDATED, 1), ("a", NEXT_DAY, 1), ("a", LATER, 1), ("c", DAY, 2)]


def test_a_column_that_left_the_contract_stays_and_is_null_in_new_rows(root: Path) -> None:
    wider = contract(Column(name="note", type="string", doc="New."))
    DeltaLakehouse(root).overwrite(wider, batches([("c", DAY, 2, "n")], wider), DAY, DAY)
    write(root, [("d", NEXT_DAY, 3)], NEXT_DAY, NEXT_DAY)
    assert "note" in DeltaLakehouse(root).column_types("some.thing")
    assert ("d", NEXT_DAY, 3) in read(root)


def test_a_change_of_type_is_refused_and_says_how_to_mend_it(root: Path) -> None:
    changed = contract().model_copy(
        update={
            "columns": (
                *THING.columns[:2],
                THING.column("value").model_copy(update={"type": "string"}),
            )
        }
    )
    with pytest.raises(DataError) as caught:
        DeltaLakehouse(root).overwrite(changed, batches([("c", DAY, "2")], changed), DAY, DAY)
    assert "'value'" in caught.value.what
    assert "long" in caught.value.what
    assert caught.value.where == "some.thing.value"
    assert caught.value.mend
    assert read(root) == sorted(OLD)


DAYS = [DAY + timedelta(days=n) for n in range(5)]
span = st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)).map(sorted)


@given(
    st.lists(
        st.tuples(span, st.sets(st.tuples(st.sampled_from("ab"), st.sampled_from(DAYS)))),
        max_size=4,
    )
)
@settings(max_examples=10, deadline=None, derandomize=True, database=None)
def test_any_order_of_overwrites_leaves_what_a_plain_dictionary_would(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[list[date], set[tuple[str, date]]]]
) -> None:
    root, model = tmp_path_factory.mktemp("lake"), dict[tuple[str, date], int]()
    write(root, [], DAY, DAY)
    for number, ((start, end), keys) in enumerate(writes):
        fresh = {key: number for key in keys if start <= key[1] <= end}
        write(root, [(*key, value) for key, value in sorted(fresh.items())], start, end)
        model = {k: v for k, v in model.items() if not start <= k[1] <= end} | fresh
    assert read(root) == sorted((*key, value) for key, value in model.items())


def test_what_was_written_of_a_day_is_flushed_before_all_of_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delta, "VALUES", 6)
    monkeypatch.setattr(delta, "LEAST_ROWS", 1)
    rows: Rows = [(key, DAY, 1) for key in "abcde"]
    write(tmp_path, rows, DAY, DAY)
    (file,) = DeltaLakehouse(tmp_path).files("some.thing", "day", None, None)
    assert pq.ParquetFile(file).num_row_groups == 3
    assert read(tmp_path) == rows
