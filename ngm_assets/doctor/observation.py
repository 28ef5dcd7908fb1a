"""What was seen, whether it is good, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Observation:
    """One thing looked at.

    Attributes:
        subject: What it is.
        ok: None = worth knowing, stops nothing.
        found: What was found.
        mend: How to mend it; empty when nothing is to be done.
    """

    subject: str
    ok: bool | None
    found: str
    mend: str = ""
