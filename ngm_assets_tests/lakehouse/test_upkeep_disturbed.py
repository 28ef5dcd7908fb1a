"""Maintenance beside writers, and killed: nobody loses or doubles a row, and it has an end."""

from __future__ import annotations

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

from ngm_assets.lakehouse import upkeep
from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.lakehouse.upkeep import BUSY
from ngm_assets.maintenance.tables import raise_failures
from ngm_assets_tests.lakehouse.tables import (
    DAY,
    LATER,
    NEXT_DAY,
    UNDATED,
    batches,
    read,
    write,
)
from ngm_assets_tests.lakehouse.upkept import TIMEOUT, add, aged, maintain, scattered

KILLS = 4


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
