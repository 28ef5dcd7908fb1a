"""Faults that a test plants in the emulated workspace's answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from threading import Lock
from typing import Literal

Kind = Literal["status", "drop", "drop_after", "slow"]


@dataclass(frozen=True)
class Fault:
    """What goes wrong with some requests.

    Attributes:
        method: HTTP method; `*` = any.
        path_pattern: Regular expression that the whole path matches.
        kind: `status` answers with `status` without doing anything, `drop` closes the connection
            without doing anything, `drop_after` does the work and closes the connection in the
            place of an answer, `slow` answers after `seconds`.
        times: Number of requests it hits.
        after: Number of matching requests it lets pass first.
        status: Of `status`: 429 (with Retry-After), 500 or 503.
        seconds: Of `slow` the delay, of `status` 429 and 503 the Retry-After.
    """

    method: str
    path_pattern: str
    kind: Kind
    times: int = 1
    after: int = 0
    status: int = 500
    seconds: float = 1


class Faults:
    """The faults planted, and how often each was hit."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._seen: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        """Plant a fault."""
        with self._lock:
            self._seen.append((fault, 0))

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._seen.clear()

    @property
    def pending(self) -> list[Fault]:
        """Faults that have not hit as often as they should."""
        with self._lock:
            return [fault for fault, seen in self._seen if seen < fault.after + fault.times]

    def hit(self, method: str, path: str) -> Fault | None:
        """Count a request, and return the first fault that hits it."""
        chosen = None
        with self._lock:
            for place, (fault, seen) in enumerate(self._seen):
                if fault.method not in ("*", method) or not re.fullmatch(fault.path_pattern, path):
                    continue
                self._seen[place] = (fault, seen + 1)
                if chosen is None and fault.after <= seen < fault.after + fault.times:
                    chosen = fault
        return chosen
