"""Reads what this process and the ones it started have used: processor seconds and memory."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROC = Path("/proc")
KIBIBYTES_OF_MIB = 1024


def processor_seconds() -> float:
    """Return the processor seconds of this process and of all below it, ended ones included."""
    if sys.platform != "linux":
        used = os.times()
        return used.user + used.system + used.children_user + used.children_system
    ticks = sum(sum(map(int, _stat(pid)[11:15])) for pid in family(os.getpid()))
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_mib() -> float:
    """Return the peaks of memory of this process and of those below it that live, summed.

    The peak is that of the running program, not of the one that started it, as `ru_maxrss` is.
    """
    if sys.platform != "linux":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIBIBYTES_OF_MIB**2
    return sum(map(_high_water, family(os.getpid()))) / KIBIBYTES_OF_MIB


def family(root: int) -> list[int]:
    """Return a process and all below it."""
    parents: dict[int, list[int]] = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            stat = _stat(int(folder.name))
            if stat:
                parents.setdefault(int(stat[1]), []).append(int(folder.name))
    found, open_ends = [root], [root]
    while open_ends:
        below = parents.get(open_ends.pop(), [])
        found += below
        open_ends += below
    return found


def _stat(pid: int) -> list[str]:
    """Return the fields after the name of a process; none if it has ended."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _high_water(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


class Clock:
    """Adds up seconds and processor seconds by part; keeps the peak of memory up to the work's end.

    What a side does afterwards to check its result does not count.
    """

    WORK = "work"
    """The part that a row compares."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.processor: dict[str, float] = {}
        self.peak = 0.0

    @contextmanager
    def __call__(self, part: str = WORK) -> Iterator[None]:
        """Count a block towards a part."""
        begun, used = time.perf_counter(), processor_seconds()
        try:
            yield
        finally:
            took, spent = time.perf_counter() - begun, processor_seconds() - used
            self.seconds[part] = self.seconds.get(part, 0.0) + took
            self.processor[part] = self.processor.get(part, 0.0) + spent
            if part == self.WORK:
                self.peak = peak_mib()
