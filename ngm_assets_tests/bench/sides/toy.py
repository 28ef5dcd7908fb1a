"""Sides that take as long as they are told to: what the tests of the harness run."""

from __future__ import annotations

import time
from typing import Any

from ngm_assets_tests.bench.stage import Stage

QUICK, SLOW = 0.05, 0.4


def made(stage: Stage) -> dict[str, Any]:
    """Prepare a number, once."""
    folder = stage.prepared("made")
    folder.mkdir()
    (folder / "number").write_text("7.0")
    return {}


def quick(stage: Stage) -> dict[str, Any]:
    """Take little, and more on what is not counted."""
    with stage.clock("not counted"):
        time.sleep(SLOW)
    with stage.clock():
        time.sleep(QUICK)
    return {"result": {"number": float((stage.prepared("made") / "number").read_text())}}


def slow(stage: Stage) -> dict[str, Any]:
    """Take eight times as long for the same result."""
    with stage.clock():
        time.sleep(SLOW)
    return {"result": {"number": 7.0 + 1e-9}}


def wrong(stage: Stage) -> dict[str, Any]:
    """Come to another result."""
    with stage.clock():
        time.sleep(QUICK)
    return {"result": {"number": 8.0}}


def broken(stage: Stage) -> dict[str, Any]:
    """Fail."""
    raise ValueError(f"nothing at {stage.share}")


def endless(stage: Stage) -> dict[str, Any]:
    """Get half of it done and go on for longer than anybody waits."""
    stage.keep({"result": {"half": 1}})
    with stage.clock():
        time.sleep(60)
    return {}
