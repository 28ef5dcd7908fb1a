"""How far gold reaches: the days on which it has no rows, which labels cannot tell from the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from ngm_assets.engine.sql import table_names
from ngm_assets.lakehouse.quality import daily_counts

if TYPE_CHECKING:
    from ngm_assets.platform import Platform


def quiet_days(platform: Platform, sql: str, days: Sequence[date]) -> set[date]:
    """Return the days on which a gold table of a query has no rows though they are due.

    Label SQL takes the last day of gold for the last known one. On a quiet day a label that looks
    up to it is therefore not known yet, although it is once later days exist.

    Args:
        platform: Where the tables are read.
        sql: The query.
        days: Days in order, at least one.
    """
    quiet: set[date] = set()
    for name in table_names(sql):
        contract = platform.contracts.get(name)
        if contract is not None and contract.schema_name == "gold" and contract.every_day:
            counts = daily_counts(platform.engine, contract, days[0], days[-1])
            quiet |= set(days) - set(counts)
    return quiet
