"""Runs the sides of a row in fresh processes, in turn, and keeps what each took."""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import ngm_assets
from ngm_assets.errors import ComputeError
from ngm_assets_tests.bench.stage import Stage

LIMIT = 2400.0
"""Seconds after which a side is stopped."""
LONG = 300.0
"""A side that took longer is not repeated, but for the first of a row."""
Verdict = Literal["met", "not met", "not measured", "failed"]
Told = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Side:
    """One of the things a row compares.

    Attributes:
        label: What the row calls it.
        target: "module:function", which takes a stage and returns what it found.
        share: Part or multiple of the scale's rows.
    """

    label: str
    target: str
    share: float = 1.0


@dataclass(frozen=True)
class Sample:
    """What one run of a side took.

    Attributes:
        seconds: Of the part that is compared.
        processor: Processor seconds of it, of all processes.
        peak_mib: Peak of memory of the whole run.
        parts: Seconds of other parts.
        told: What the side found; `result` must be the same on all sides.
        stopped: It was stopped at the limit; seconds is then the limit.
    """

    seconds: float
    processor: float
    peak_mib: float
    parts: Mapping[str, float] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)
    stopped: bool = False


Samples = Mapping[str, Sequence[Sample]]


@dataclass(frozen=True)
class Outcome:
    """What a row came to.

    Attributes:
        verdict: Whether the goal is met.
        ratio: The number the goal is about; None without one.
        ours: Median seconds of the first side.
        peer: Median seconds of the peer.
        notes: What else is worth saying.
        detail: Further numbers for JSON.
    """

    verdict: Verdict
    ratio: float | None = None
    ours: float | None = None
    peer: float | None = None
    notes: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A line of the table of goals.

    Attributes:
        name: Name on the command line.
        what: What is measured.
        against: What it is compared with.
        goal: The goal in words.
        sides: What is run, in turn; the first is ours.
        judge: Turns samples by label into an outcome.
        needs: What is to be prepared, in order.
        cause: Why there is a gap, shown while the goal is not met.
    """

    name: str
    what: str
    against: str
    goal: str
    sides: tuple[Side, ...]
    judge: Callable[[Samples], Outcome]
    needs: tuple[Side, ...] = ()
    cause: str = ""


def median(samples: Sequence[Sample]) -> float:
    """Return the median of the seconds."""
    return statistics.median(sample.seconds for sample in samples)


class Bench:
    """Runs rows; what was prepared or measured once is not repeated."""

    def __init__(
        self, work: Path, scale: str, repeat: int, *, limit: float = LIMIT, told: Told | None = None
    ) -> None:
        """Remember where and how often.

        Args:
            work: Folder of what is prepared; may hold that of an earlier run.
            scale: Name of the scale.
            repeat: Runs per side.
            limit: Seconds after which a side is stopped.
            told: Told before every run of a side: its name, how many are done, how many there are.
        """
        self.work = work.resolve()
        self.scale = scale
        self.repeat = repeat
        self.limit = limit
        self.told = told or (lambda _label, _done, _total: None)
        self._taken: dict[tuple[str, float], list[Sample]] = {}

    def measure(self, row: Row) -> tuple[Outcome, Samples]:
        """Prepare, run all sides of a row in turn, and judge."""
        samples: dict[str, Sequence[Sample]] = {}
        try:
            self._prepare(row.needs)
            for turn in range(self.repeat):
                for place, side in enumerate(row.sides):
                    done = turn * len(row.sides) + place
                    self.told(side.label, done, self.repeat * len(row.sides))
                    self._take(side, turn, patient=place == 0)
        except ComputeError as error:
            return Outcome("not measured", notes=(str(error),)), samples
        samples = {side.label: self._taken[side.target, side.share] for side in row.sides}
        return row.judge(samples), samples

    def _take(self, side: Side, turn: int, *, patient: bool) -> None:
        """Run a side unless it has run as often already, or is too slow to be repeated."""
        taken = self._taken.setdefault((side.target, side.share), [])
        slow = any(s.stopped or (s.seconds > LONG and not patient) for s in taken)
        if len(taken) <= turn and not slow:
            taken.append(self._run(side))

    def _prepare(self, needs: Sequence[Side]) -> None:
        for side in needs:
            mark = self.work / f"{side.label}-{self.scale}-{side.share:g}.made"
            if not mark.exists():
                self.told(side.label, 0, 1)
                shutil.rmtree(mark.with_suffix(""), ignore_errors=True)
                made = self._run(side, limit=None)
                mark.write_text(json.dumps(dict(made.told), default=str))

    def _run(self, side: Side, limit: float | None = -1.0) -> Sample:
        self.work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix="run_", dir=self.work, ignore_cleanup_errors=True
        ) as name:
            stage = Stage(self.work, Path(name), self.scale, side.share)
            until = self.limit if limit == -1.0 else limit
            return self._sample(side, stage, until)

    def _sample(self, side: Side, stage: Stage, limit: float | None) -> Sample:
        words = ["-m", "ngm_assets_tests.bench.side", side.target, stage.to_json()]
        log = stage.scratch / "log.txt"
        with log.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, *words],
                cwd=stage.scratch,
                env=environment(),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            code = _wait(process, limit)
        file = stage.scratch / "told.json"
        found = json.loads(file.read_text()) if file.exists() else {}
        if code is None:
            known = {"processor": 0.0, "peak_mib": 0.0} | found
            return Sample(**known | {"seconds": float(limit or 0.0)}, stopped=True)
        if code or not found:
            raise ComputeError(
                f"{side.label} ended with code {code}: {_last_lines(log)}", where=side.target
            )
        return Sample(**found)


def environment() -> dict[str, str]:
    """Return the variables of a side: those of this process without what steers this project."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("NGM_")}
    kept.pop("DAGSTER_HOME", None)
    source = str(Path(ngm_assets.__file__).parents[1])
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))
    return kept | {"MLFLOW_DISABLE_TELEMETRY": "true", "DAGSTER_DISABLE_TELEMETRY": "yes"}


def _wait(process: subprocess.Popen[bytes], limit: float | None) -> int | None:
    """Return the exit code, or None after stopping the process and all that it started."""
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _last_lines(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-3:])
