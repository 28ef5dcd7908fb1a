"""Days of the calendar: ranges and weeks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

BATCH_DAYS = 182
"""Days of gold, features, predictions and monitoring in one run, unless asked otherwise."""


def days_between(start: date, end: date) -> list[date]:
    """Return every day from `start` to `end`, both included."""
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def monday_of(day: date) -> date:
    """Return the Monday on or before a day."""
    return day - timedelta(days=day.weekday())


def spans(rows: Mapping[date, int], start: date, end: date, most: int) -> list[tuple[date, date]]:
    """Divide `start..end` into ranges of as many days as have at most so many rows.

    Args:
        rows: Rows per day; days that are not named have none.
        start: First day of the first range.
        end: Last day of the last range.
        most: Rows of a range; a day that has more is a range by itself.
    """
    found, first, total = [], start, 0
    for day in days_between(start, end):
        total += rows.get(day, 0)
        if total > most and day > first:
            found.append((first, day - timedelta(days=1)))
            first, total = day, rows.get(day, 0)
    return [*found, (first, end)]


def ranges(start: date, end: date, days: int) -> list[tuple[date, date]]:
    """Divide `start..end` into ranges of so many days, the last one of what remains."""
    firsts = days_between(start, end)[::days]
    return [(first, min(first + timedelta(days=days - 1), end)) for first in firsts]
