"""Writers that meet each other or are killed leave a table that is wholly old or wholly new."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ngm_assets.errors import ComputeError
from ngm_assets.lakehouse import delta
from ngm_assets_tests.lakehouse.tables import DAY, NEXT_DAY, THING, batches, read, write
from ngm_assets_tests.lakehouse.writer import partition

ROWS = 3000
TIMEOUT = 60
KILLS = 10


def in_threads(*jobs: Callable[[], None]) -> None:
    """Start jobs at the same moment and wait for all; the first failure is raised."""
    barrier, failures = threading.Barrier(len(jobs)), list[BaseException]()

    def run(job: Callable[[], None]) -> None:
        barrier.wait(TIMEOUT)
        try:
            job()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
    assert not any(thread.is_alive() for thread in threads)
    if failures:
        raise failures[0]


@contextmanager
def writer(root: Path, day: date, first: int, times: int) -> Iterator[subprocess.Popen[str]]:
    """Start a writing process that waits for a line before it begins."""
    module = "ngm_assets_tests.lakehouse.writer"
    arguments = [str(root), str(day), str(first), str(times), str(ROWS)]
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def begin(process: subprocess.Popen[str]) -> None:
    """Let a waiting writer begin."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.mark.parametrize("attempt", range(5))
def test_threads_that_write_the_same_day_end_as_if_one_came_after_the_other(
    tmp_path: Path, attempt: int
) -> None:
    versions = [partition(DAY, value, ROWS) for value in (1, 2)]
    in_threads(*(lambda rows=rows: write(tmp_path, rows, DAY, DAY) for rows in versions))
    assert read(tmp_path) in versions


def test_threads_that_write_different_days_both_succeed(tmp_path: Path) -> None:
    first, second = partition(DAY, 1, ROWS), partition(NEXT_DAY, 2, ROWS)
    in_threads(
        *(
            lambda rows=rows: write(tmp_path, rows, rows[0][1], rows[0][1])
            for rows in (first, second)
        )
    )
    assert read(tmp_path) == sorted(first + second)


@pytest.mark.parametrize("other_day", [DAY, NEXT_DAY])
def test_processes_that_write_at_the_same_time(tmp_path: Path, other_day: date) -> None:
    with writer(tmp_path, DAY, 0, 6) as one, writer(tmp_path, other_day, 100, 6) as two:
        for process in (one, two):
            begin(process)
        assert [process.wait(TIMEOUT) for process in (one, two)] == [0, 0]
    last, other = partition(DAY, 5, ROWS), partition(other_day, 105, ROWS)
    expected = [last, other] if other_day == DAY else [sorted(last + other)]
    assert read(tmp_path) in expected


def test_a_writer_that_loses_every_race_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deltalake.exceptions import CommitFailedError

    tries, pauses = list[int](), list[float]()

    def loses(*_: object, **__: object) -> None:
        tries.append(1)
        raise CommitFailedError("another one was faster")

    monkeypatch.setattr("deltalake.write_deltalake", loses)
    monkeypatch.setattr(delta, "sleep", pauses.append)
    with pytest.raises(ComputeError, match=r"some\.thing") as caught:
        delta.DeltaLakehouse(tmp_path).overwrite(THING, batches([]), DAY, DAY)
    assert len(tries) == len(pauses) == delta.ATTEMPTS
    assert pauses == sorted(pauses)
    assert pauses[0] < 0.1
    assert sum(pauses) > 5
    assert caught.value.mend


def test_a_writer_that_loses_a_race_tries_again_with_fresh_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import deltalake

    real: Callable[..., None] = deltalake.write_deltalake
    tries = list[int]()

    def loses_once(*arguments: Any, **options: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            list(arguments[1])
            raise deltalake.exceptions.CommitFailedError("another one was faster")
        real(*arguments, **options)

    monkeypatch.setattr("deltalake.write_deltalake", loses_once)
    rows = partition(DAY, 1, 5)
    write(tmp_path, rows, DAY, DAY)
    assert (read(tmp_path), len(tries)) == (rows, 2)


def test_a_killed_writer_leaves_the_old_rows_or_the_new_ones_and_running_again_mends_it(
    tmp_path: Path,
) -> None:
    moments = random.Random(20240304)
    untouched = partition(NEXT_DAY, 0, 10)
    write(tmp_path, untouched, NEXT_DAY, NEXT_DAY)
    write(tmp_path, partition(DAY, 0, ROWS), DAY, DAY)
    value = 0
    for kill in range(KILLS):
        with writer(tmp_path, DAY, value + 1, 1000) as process:
            begin(process)
            assert process.stdout is not None
            told = [int(process.stdout.readline())]
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(moments.uniform(0.0, 0.06))
            process.kill()
            assert process.wait(TIMEOUT) == -signal.SIGKILL
            told += map(int, process.stdout.read().split())
        rows, last = read(tmp_path), told[-1]
        value = next(row[2] for row in rows if row[1] == DAY)
        assert rows == sorted(partition(DAY, value, ROWS) + untouched), f"kill {kill}"
        assert value in (last, last + 1), f"kill {kill}: {last} was reported as written"
    write(tmp_path, partition(DAY, 7, ROWS), DAY, DAY)
    assert read(tmp_path) == sorted(partition(DAY, 7, ROWS) + untouched)
