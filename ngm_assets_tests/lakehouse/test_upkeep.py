"""Maintenance changes no row, disturbs no reader and no writer, and has an end."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError
from hypothesis import given, settings
from hypothesis import strategies as st

from ngm_assets.errors import ComputeError
from ngm_assets.lakehouse import upkeep
from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.lakehouse.upkeep import BUSY, Upkeep
from ngm_assets.maintenance.tables import raise_failures
from ngm_assets_tests.lakehouse.tables import (
    DAY,
    LATER,
    NEXT_DAY,
    UNDATED,
    Rows,
    aged_files,
    batches,
    read,
    read_files,
    write,
)

TIMEOUT = 60
KILLS = 4


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


def test_a_writer_that_was_faster_wins_and_maintenance_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scattered(tmp_path)
    real: Callable[[DeltaTable], int] = upkeep._small_files
    times = list[int]()

    def interrupted(table: DeltaTable) -> int:
        found = real(table)
        times.append(found)
        if len(times) == 1:
            write(tmp_path, [("new", NEXT_DAY, 9)], NEXT_DAY, NEXT_DAY)
            add(tmp_path, ("more", NEXT_DAY, 9))
        return found

    monkeypatch.setattr(upkeep, "_small_files", interrupted)
    done = maintain(tmp_path)
    assert times == [3, 2]
    assert (done.merged, done.note) == (2, "")
    assert [row for row in read(tmp_path) if row[1] == NEXT_DAY] == [
        ("more", NEXT_DAY, 9),
        ("new", NEXT_DAY, 9),
    ]


def test_a_writer_that_began_before_the_merge_loses_nothing_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    scattered(tmp_path)
    begun = DeltaTable(DeltaLakehouse(tmp_path).path("some.thing"))
    assert maintain(tmp_path).merged == 3
    with pytest.raises(CommitFailedError):
        fresh = batches([("new", NEXT_DAY, 9)])()
        write_deltalake(begun, fresh, mode="overwrite", predicate=f"day = '{NEXT_DAY}'")
    write(tmp_path, [("new", NEXT_DAY, 9)], NEXT_DAY, NEXT_DAY)
    assert [row for row in read(tmp_path) if row[1] == NEXT_DAY] == [("new", NEXT_DAY, 9)]


def test_a_table_that_is_always_being_written_is_passed_over_with_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, pauses = scattered(tmp_path), list[float]()

    def loses(_: Path) -> int:
        raise CommitFailedError("another one was faster")

    monkeypatch.setattr(upkeep, "_merge", loses)
    monkeypatch.setattr(upkeep, "sleep", pauses.append)
    done = maintain(tmp_path)
    assert (done.note, done.failed) == (BUSY, False)
    assert len(pauses) == upkeep.ATTEMPTS - 1
    raise_failures([done])
    assert read(tmp_path) == rows


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


def test_maintenance_and_writers_at_the_same_time(tmp_path: Path) -> None:
    scattered(tmp_path)
    over, failures, added = threading.Event(), list[BaseException](), list[tuple[Any, ...]]()

    def maintaining() -> None:
        try:
            while not over.is_set():
                assert not maintain(tmp_path).failed
        except BaseException as error:
            failures.append(error)

    other = threading.Thread(target=maintaining)
    other.start()
    try:
        for number in range(10):
            day = DAY + timedelta(days=number % 2)
            write(tmp_path, [("x", day, number), ("y", day, number)], day, day)
            row = (f"z{number}", LATER, number)
            with suppress(CommitFailedError):
                add(tmp_path, row)
                added.append(row)
    finally:
        over.set()
        other.join(TIMEOUT)
    assert not failures and not other.is_alive()
    kept = [row for row in read(tmp_path) if row[1] != LATER]
    assert kept == [("x", DAY, 8), ("x", NEXT_DAY, 9), ("y", DAY, 8), ("y", NEXT_DAY, 9)]
    assert added
    assert sorted(row for row in read(tmp_path) if row[1] == LATER) == sorted(added)


def test_killed_at_any_moment_it_changes_no_row_and_the_next_one_ends_the_work(
    tmp_path: Path,
) -> None:
    moments, made = random.Random(6), tmp_path / "made"
    days = [DAY + timedelta(days=n) for n in range(25)]
    for number in range(4):
        fresh = batches([(f"{number}", day, number) for day in days])()
        if number == 0:
            write(made, [("0", day, 0) for day in days], days[0], days[-1])
        else:
            write_deltalake(DeltaLakehouse(made).path("some.thing"), fresh, mode="append")
    write(made, [("old", UNDATED, 1)], UNDATED, UNDATED)
    write(made, [("new", UNDATED, 2)], UNDATED, UNDATED)
    aged(made, 8)
    rows, killed = read(made), 0
    for kill in range(KILLS):
        root = tmp_path / f"{kill}"
        shutil.copytree(made, root)
        module = "ngm_assets_tests.lakehouse.maintainer"
        with subprocess.Popen(
            [sys.executable, "-m", module, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None and process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.stdin.write("go\n")
            process.stdin.flush()
            with suppress(subprocess.TimeoutExpired):
                process.wait(moments.uniform(0.0, 0.15))
            process.kill()
            process.wait(TIMEOUT)
        assert read(root) == rows, f"kill {kill}"
        killed += process.returncode == -signal.SIGKILL
        assert not maintain(root).failed
        assert read(root) == rows
        assert maintain(root).merged == maintain(root).deleted == 0
        assert len(DeltaTable(DeltaLakehouse(root).path("some.thing")).file_uris()) == 26
    assert killed


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
