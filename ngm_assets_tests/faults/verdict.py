"""What became of one fault: survived, lost, doubled or failed, with counts and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """What differs from the undisturbed result.

    Attributes:
        lost: Rows and versions that are missing, or whose values differ.
        doubled: Rows and versions there are more often than they should be.
        faults: What else is not as it should be: stuck runs, wrong words, unreadable tables.
    """

    lost: int = 0
    doubled: int = 0
    faults: tuple[str, ...] = ()

    def __add__(self, other: Verdict) -> Verdict:
        """Return both together."""
        return Verdict(
            self.lost + other.lost, self.doubled + other.doubled, self.faults + other.faults
        )

    @property
    def word(self) -> str:
        """survived, lost, doubled or failed; the worst there is."""
        if self.lost:
            return "lost"
        if self.doubled:
            return "doubled"
        return "failed" if self.faults else "survived"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @staticmethod
    def of(data: Mapping[str, Any]) -> Verdict:
        """Restore what `as_dict` returned, after JSON."""
        return Verdict(data["lost"], data["doubled"], tuple(data["faults"]))


def failed(*words: str) -> Verdict:
    """Return the verdict that something is not as it should be."""
    return Verdict(faults=words)


def unless(holds: bool, words: str) -> Verdict:
    """Return a good verdict if something holds, else one that says what does not."""
    return Verdict() if holds else failed(words)


@dataclass(frozen=True)
class Outcome:
    """One disturbance and what became of it.

    Attributes:
        scenario: What kind it was, such as `kill gold`.
        case: Which one, so that it can be repeated.
        verdict: What became of it.
        seconds: How long it took, all told.
    """

    scenario: str
    case: str
    verdict: Verdict
    seconds: float
