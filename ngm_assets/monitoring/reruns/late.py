"""Finds the days whose raw rows changed after their gold was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class LateDay:
    """A day of a gold table whose source has other rows than when it was made.

    Attributes:
        table: Gold table.
        day: The day.
        before: Raw rows when gold was made.
        now: Raw rows as counted last.
    """

    table: str
    day: date
    before: int
    now: int


def late_days(
    made: Mapping[str, Mapping[date, int]], counted: Mapping[str, Mapping[date, int]]
) -> list[LateDay]:
    """Return the days that changed, by day and table; a day that was never made is not late.

    Args:
        made: Raw rows by gold table and day when gold was made.
        counted: Raw rows by gold table and day as counted last; a day without rows is 0.
    """
    found = [
        LateDay(table, day, before, counted[table].get(day, 0))
        for table, days in made.items()
        if table in counted
        for day, before in days.items()
        if counted[table].get(day, 0) != before
    ]
    return sorted(found, key=lambda late: (late.day, late.table))
