"""Draws moments, copies and choices for one raw table from its own seed."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

Row = dict[str, Any]


def dice(seed: int, table: str) -> random.Random:
    """Return a generator of a table's own, so that tables do not move one another."""
    return random.Random(f"{seed}:{table}")


def at(day: date, seconds: int) -> datetime:
    """Return a moment of a UTC day; seconds may lie outside the day."""
    return datetime.combine(day, time(), tzinfo=UTC) + timedelta(seconds=seconds)


def second_of_day(rng: random.Random) -> int:
    """Return a second of the day, often one where hours, days or clock changes meet."""
    edges = (0, 1, 3600, 5400, 7200, 21599, 21600, 71999, 72000, 82800, 86399)
    return rng.choice(edges) if rng.random() < 0.3 else rng.randrange(86400)


def quiet_days(rng: random.Random, span: list[date]) -> set[date]:
    """Return a few days on which the table has no row at all."""
    return set(rng.sample(span[1:-1], min(3, max(0, len(span) - 2))))


def home(rng: random.Random) -> int:
    """Return which of the three files a row lives in."""
    return rng.randrange(3)


def copied(rng: random.Random, rows: list[Row], share: float) -> list[Row]:
    """Return rows with exact repeats of some of them.

    A repeat may stand in another file only where that file has every column.
    """
    more = []
    for row in rows:
        if rng.random() < share:
            for _ in range(rng.choice((1, 1, 1, 4))):
                other = row["_home"] if row["_home"] == 2 else rng.randrange(2)
                more.append(row | {"_home": other})
    return rows + more
