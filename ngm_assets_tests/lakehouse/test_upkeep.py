"""Maintenance changes no row, disturbs no reader and no writer, and has an end."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from ngm_assets.errors import ComputeError
from ngm_assets.lakehouse import upkeep
from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.maintenance.tables import raise_failures
from ngm_assets_tests.lakehouse.tables import (
    DAY,
    NEXT_DAY,
    Rows,
    read,
    read_files,
    write,
)
from ngm_assets_tests.lakehouse.upkept import TIMEOUT, add, aged, files, maintain, scattered, state


def test_small_files_of_a_day_become_one_and_the_rows_stay(tmp_path: Path) -> None:
    rows = scattered(tmp_path)
    done = maintain(tmp_path)
    assert (done.files_before, done.files_after, done.merged) == (4, 2, 3)
    assert (done.note, done.failed) == ("", False)
    assert read(tmp_path) == rows


def test_a_table_with_one_file_a_day_is_left_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, [("a", DAY, 1), ("a", NEXT_DAY, 1)], DAY, NEXT_DAY)
    before = state(tmp_path)
    assert maintain(tmp_path).merged == 0
    assert state(tmp_path) == before


def test_a_second_time_nothing_is_done_and_nothing_committed(tmp_path: Path) -> None:
    for number in range(12):
        scattered(tmp_path, parts=1 + number % 2)
    aged(tmp_path, 8)
    first = maintain(tmp_path)
    assert first.merged > 0 and first.deleted and first.checkpointed
    before = state(tmp_path)
    again = maintain(tmp_path)
    assert (again.merged, again.deleted, again.checkpointed, again.freed) == (0, 0, False, 0)
    assert state(tmp_path) == before


def test_what_readers_opened_stays_for_as_long_as_they_are_promised(tmp_path: Path) -> None:
    rows = scattered(tmp_path)
    opened = DeltaLakehouse(tmp_path).files("some.thing", "day", None, None)
    frozen = DeltaTable(DeltaLakehouse(tmp_path).path("some.thing"))
    write(tmp_path, [("new", DAY, 9)], DAY, DAY)
    aged(tmp_path, 6.9)
    assert maintain(tmp_path).deleted == 0
    assert read_files(opened) == rows
    assert frozen.to_pyarrow_table().num_rows == len(rows)
    aged(tmp_path, 0.2)
    done = maintain(tmp_path)
    assert done.deleted == 1, "what was merged now is younger than what was replaced before"
    assert done.freed != 0
    with pytest.raises(Exception, match=r"No files found|No such file"):
        read_files(opened)
    assert ("new", DAY, 9) in read(tmp_path)


def test_a_reader_that_goes_on_while_files_are_deleted_sees_its_own_rows(tmp_path: Path) -> None:
    for number in range(8):
        write(tmp_path, [(f"{n:03}", DAY, number) for n in range(50)], DAY, DAY)
    aged(tmp_path, 30)
    scattered_rows, seen, over = scattered(tmp_path), list[Rows](), threading.Event()
    opened = DeltaLakehouse(tmp_path).files("some.thing", "day", None, None)

    def reading() -> None:
        while not over.is_set():
            seen.append(read_files(opened))

    reader = threading.Thread(target=reading)
    reader.start()
    try:
        done = maintain(tmp_path)
        assert (done.deleted or 0) >= 7 and done.merged > 1
    finally:
        over.set()
        reader.join(TIMEOUT)
    assert not reader.is_alive()
    assert seen
    assert all(rows == scattered_rows for rows in seen)


def test_files_of_writers_that_died_go_and_those_of_writers_at_work_stay(tmp_path: Path) -> None:
    rows = scattered(tmp_path, parts=0)
    folder = DeltaLakehouse(tmp_path).path("some.thing") / f"day={DAY}"
    left, fresh = folder / "part-left.parquet", folder / "part-fresh.parquet"
    left.write_bytes(b"half")
    aged(tmp_path, 8)
    fresh.write_bytes(b"half")
    assert maintain(tmp_path).deleted == 1
    assert fresh.is_file() and not left.exists()
    assert read(tmp_path) == rows


def test_a_dry_run_says_what_would_happen_and_touches_nothing(tmp_path: Path) -> None:
    scattered(tmp_path)
    write(tmp_path, [("new", DAY, 9)], DAY, DAY)
    aged(tmp_path, 8)
    before = state(tmp_path)
    would = maintain(tmp_path, dry_run=True)
    assert state(tmp_path) == before
    done = maintain(tmp_path)
    assert (would.merged, would.deleted) == (done.merged, done.deleted) == (3, 1)
    assert would.freed > 0


def test_a_table_may_promise_more_days_and_a_checkpoint_forgets_none(tmp_path: Path) -> None:
    rows = scattered(tmp_path)
    table = DeltaTable(DeltaLakehouse(tmp_path).path("some.thing"))
    table.alter.set_table_properties({"delta.deletedFileRetentionDuration": "interval 30 days"})
    opened = DeltaLakehouse(tmp_path).files("some.thing", "day", None, None)
    for number in range(10):
        write(tmp_path, [("new", DAY, number)], DAY, DAY)
    aged(tmp_path, 20)
    for path in opened:
        os.utime(path, (1e9, 1e9))  # written long before it left the table
    first = maintain(tmp_path)
    assert (first.checkpointed, first.deleted) == (True, 0)
    assert maintain(tmp_path).deleted == 0
    assert read_files(opened) == rows


def test_files_that_do_not_fit_into_one_are_left_and_not_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scattered(tmp_path)
    sizes = [Path(file).stat().st_size for file in files(tmp_path)]
    monkeypatch.setattr(upkeep, "TARGET_BYTES", 2 * min(sizes) - 1)
    before = state(tmp_path)
    assert maintain(tmp_path, dry_run=True).merged == maintain(tmp_path).merged == 0
    assert state(tmp_path) == before


@pytest.mark.parametrize("damage", ["a log that is none", "no first commit"])
def test_a_broken_table_is_told_and_nothing_of_it_deleted(tmp_path: Path, damage: str) -> None:
    scattered(tmp_path)
    aged(tmp_path, 8)
    log = DeltaLakehouse(tmp_path).path("some.thing") / "_delta_log" / f"{0:020}.json"
    log.write_text("{", encoding="utf-8") if damage == "a log that is none" else log.unlink()
    before = files(tmp_path)
    done = maintain(tmp_path)
    assert done.failed and done.note
    assert files(tmp_path) == before
    with pytest.raises(ComputeError, match=r"1 of 1 tables .*some\.thing"):
        raise_failures([done])


@given(
    st.lists(
        st.tuples(st.sampled_from(["write", "add", "age", "maintain"]), st.integers(0, 2)),
        max_size=8,
    )
)
@settings(max_examples=8, deadline=None, derandomize=True, database=None)
def test_whatever_happened_before_maintenance_leaves_the_rows(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    root = tmp_path_factory.mktemp("lake")
    write(root, [("a", DAY, 0)], DAY, DAY)
    for number, (step, place) in enumerate(steps):
        day = DAY + timedelta(days=place)
        if step == "write":
            write(root, [("w", day, number)], day, day)
        elif step == "add":
            add(root, (f"a{number}", day, number))
        elif step == "age":
            aged(root, 4 * (place + 1))
        else:
            before = read(root)
            maintain(root)
            assert read(root) == before
    before = read(root)
    maintain(root)
    assert read(root) == before
    assert maintain(root).merged == 0
