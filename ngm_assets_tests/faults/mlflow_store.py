"""MLflow's database locked by another process, and gone altogether."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ngm_assets_tests.faults.child import Begun, in_child
from ngm_assets_tests.faults.home import Stage, Workshop
from ngm_assets_tests.faults.kills import after_fault
from ngm_assets_tests.faults.refusals import MEND, says, unchanged
from ngm_assets_tests.faults.storage import Case
from ngm_assets_tests.faults.verdict import Verdict, unless

SHORT, LONG = 3.0, 150.0
"""Seconds it stays locked: less than MLflow waits, and more than a whole stage takes."""
WAITED = 0.5
"""Seconds no statement takes that does not wait for a lock."""
STAGES = ("training", "promotion", "scoring")


def locked(shop: Workshop) -> Iterator[Case]:
    """Lock MLflow's database for a while, and for longer than anybody waits."""
    for name in STAGES:
        stage = shop.stages[name]
        shop.restore(stage.begin)
        yield f"{name}, for a while", _waited(shop, stage)
        shop.restore(stage.begin)
        with _held(shop, LONG):
            verdict = says(shop.run(stage), ["database is locked", MEND])
        verdict += unchanged(shop, stage)
        yield f"{name}, until it gives up", verdict + after_fault(shop, stage)


def _waited(shop: Workshop, stage: Stage) -> Verdict:
    """Lock the database from the stage's begin; one of its statements must wait and succeed."""

    def work(begun: Begun) -> object:
        longest = _longest_statement()
        with _held(shop, SHORT):
            return stage.run(shop.home, begun) | {"waited": longest()}

    done = in_child(work).result or {"success": False}
    verdict = unless(done["success"], f"did not succeed: {done}")
    verdict += unless(done.get("waited", 0) > WAITED, f"met no lock: {done}")
    return verdict + after_fault(shop, stage)


def _longest_statement() -> Callable[[], float]:
    """Watch the databases of this process; return what tells the longest statement's seconds."""
    from sqlalchemy import event
    from sqlalchemy.engine import Connection, Engine

    taken = [0.0]

    def before(connection: Connection, *_: object) -> None:
        connection.info["begun"] = time.monotonic()

    def after(connection: Connection, *_: object) -> None:
        taken.append(time.monotonic() - connection.info["begun"])

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "after_cursor_execute", after)
    return lambda: max(taken)


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
