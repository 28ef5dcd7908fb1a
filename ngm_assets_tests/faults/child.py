"""Runs work in a forked child of its own process group, and kills it at a given moment."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

LIMIT = 240.0
"""Seconds after which a child counts as stuck."""
LIBRARIES = (
    "dagster_mlflow",
    "deltalake",
    "duckdb",
    "mlflow.sklearn",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.xgboost",
    "pandas",
    "pyarrow.parquet",
    "scipy.stats",
    "skops.io",
    "sqlglot",
)

Begun = Callable[[], None]
Work = Callable[[Begun], Any]
"""Does something and returns plain values; calls its argument when the moments begin to count."""


@dataclass(frozen=True)
class Ended:
    """How a child ended.

    Attributes:
        result: What the work returned; None unless it came to its end.
        error: Traceback of what it raised; empty if nothing.
        killed: It died of SIGKILL.
        stuck: It did not end in time and was killed for that.
        seconds: From the call of `begun` to the end; from the start without that call.
    """

    result: Any
    error: str
    killed: bool
    stuck: bool
    seconds: float


def warm_up() -> None:
    """Load the heavy libraries once, so that children have them; nothing of them is used here."""
    import importlib

    for name in LIBRARIES:
        importlib.import_module(name)


def in_child(work: Work, *, kill_after: float | None = None, limit: float = LIMIT) -> Ended:
    """Run work in a forked child; kill its process group some seconds after it has begun.

    Args:
        work: What to do there.
        kill_after: Seconds from `begun` to SIGKILL; None = it may come to its end.
        limit: Seconds it may take at most.
    """
    pid, reading = _start(work)
    return _watch(pid, reading, kill_after, limit)


def side_by_side(*works: Work) -> list[Ended]:
    """Run several works at once, in a child each.

    No thread waits for them: what is forked beside threads may crash in native libraries.
    """
    started = [_start(work) for work in works]
    return [_watch(pid, reading, None, LIMIT) for pid, reading in started]


def _start(work: Work) -> tuple[int, int]:
    """Fork a child; return its number and where to read what it tells."""
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _live(work, writing)
    os.close(writing)
    return pid, reading


def _live(work: Work, writing: int) -> None:
    """Be the child; never return."""
    code = 1
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for handle in (0, 1, 2):
            os.dup2(nowhere, handle)
        try:
            told = {"result": work(lambda: _tell(writing, {"begun": True}))}
        except BaseException as error:
            told = {"error": "".join(traceback.format_exception(error))}
        _tell(writing, told)
        code = 0
    finally:
        os._exit(code)


def _tell(writing: int, message: dict[str, Any]) -> None:
    line = (json.dumps(message) + "\n").encode()
    while line:
        line = line[os.write(writing, line) :]


def _watch(pid: int, reading: int, kill_after: float | None, limit: float) -> Ended:
    began = started = time.monotonic()
    moment, stuck, text = None, False, b""
    while True:
        due = started + limit if moment is None else min(moment, started + limit)
        ready, _, _ = select.select([reading], [], [], max(0.0, due - time.monotonic()))
        if not ready:
            stuck = moment is None or due < moment
            break
        part = os.read(reading, 65536)
        if not part:
            break
        text += part
        if b'{"begun": true}\n' in text:
            text = text.replace(b'{"begun": true}\n', b"")
            began = time.monotonic()
            moment = None if kill_after is None else began + kill_after
    os.close(reading)
    status = _end(pid)
    seconds = time.monotonic() - began
    told = json.loads(text) if text.endswith(b"\n") else {}
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    error = told.get("error", "") or ("" if told else f"ended with status {status}")
    return Ended(told.get("result"), error, killed and not told, stuck, seconds)


def _end(pid: int) -> int:
    """Kill what is left of a child's process group, and collect the child."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]
