"""Counts raw rows of all gold tables per day, so that rows which arrive late are noticed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from ngm_assets.errors import NgmError
from ngm_assets.gold.arrivals import raw_rows
from ngm_assets.gold.tables import gold_contracts

if TYPE_CHECKING:
    from ngm_assets.platform import Platform


def raw_counts(platform: Platform, start: date, end: date) -> dict[str, dict[date, int]]:
    """Return the rows of each gold table's first source by gold table and day, in one query each.

    A table whose source cannot be read is left out; its row_count_as_usual says why.

    Args:
        platform: Where raw tables are read.
        start: First day.
        end: Last day.
    """
    counts = {}
    for name, contract in gold_contracts().items():
        try:
            counts[name] = raw_rows(platform.engine, contract, start, end)
        except NgmError:
            continue
    return counts
