"""Days as explicit sets: which days a window holds, and what the calendar says about a day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any


def back(day: date, days: int) -> date:
    """Return the day a number of days earlier."""
    return day - timedelta(days=days)


def days_before(day: date, first: int, last: int) -> list[date]:
    """Return the days from `day - first` to `day - last`, both included, oldest first."""
    return [back(day, n) for n in range(first, last - 1, -1)]


def weekday_columns(day: date) -> dict[str, Any]:
    """Return the ISO weekday and whether it is a weekend."""
    return {"day_of_week": day.isoweekday(), "is_weekend": day.isoweekday() in (6, 7)}
