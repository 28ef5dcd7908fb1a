"""MLflow's database locked by another process, and gone altogether."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ngm_assets_tests.faults.home import Workshop
from ngm_assets_tests.faults.kills import after_fault
from ngm_assets_tests.faults.refusals import MEND, says, unchanged
from ngm_assets_tests.faults.storage import Case

SHORT, LONG = 3.0, 150.0
"""Seconds it stays locked: less than a writer waits, and more than a whole stage takes."""
STAGES = ("training", "promotion", "scoring")


def locked(shop: Workshop) -> Iterator[Case]:
    """Lock MLflow's database for a while, and for longer than anybody waits."""
    for name in STAGES:
        stage = shop.stages[name]
        shop.restore(stage.begin)
        with _held(shop, SHORT):
            yield f"{name}, for {SHORT:g} s", after_fault(shop, stage)
        shop.restore(stage.begin)
        with _held(shop, LONG):
            verdict = says(shop.run(stage), ["database is locked", MEND])
        verdict += unchanged(shop, stage)
        yield f"{name}, until it gives up", verdict + after_fault(shop, stage)


@contextmanager
def _held(shop: Workshop, seconds: float) -> Iterator[None]:
    """Hold the database's exclusive lock in another process."""
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            connection = sqlite3.connect(shop.home / "mlflow.db", isolation_level=None)
            connection.execute("BEGIN EXCLUSIVE")
            os.write(told, b"x")
            time.sleep(seconds)
            connection.execute("ROLLBACK")
        finally:
            os._exit(0)
    os.close(told)
    os.read(ready, 1)
    os.close(ready)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def away(shop: Workshop) -> Iterator[Case]:
    """Move MLflow's database away, and bring it back."""
    for name in STAGES:
        stage = shop.stages[name]
        shop.restore(stage.begin)
        here, there = shop.home / "mlflow.db", shop.root / "mlflow.away"
        here.rename(there)
        verdict = says(shop.run(stage), ["mlflow.db", MEND])
        there.replace(here)
        yield name, verdict + unchanged(shop, stage) + after_fault(shop, stage)
