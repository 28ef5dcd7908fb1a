"""Writes the days of a feature table, no more of them at once than memory should hold."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from ngm_assets.days import spans
from ngm_assets.features.tables import feature_query
from ngm_assets.gold.tables import gold_contracts
from ngm_assets.lakehouse.quality import daily_counts

if TYPE_CHECKING:
    from ngm_assets.engine.base import Engine
    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.settings import Words


def write_features(
    engine: Engine, contract: TableContract, words: Words, start: date, end: date
) -> None:
    """Replace the partitions `start..end` of a feature table, a commit per span of days.

    A day of features is the same whichever days are made with it. Each span reads the days before
    it again, so that it has as many days as fit into memory: `rows_at_once` of the contract. A
    commit of its own frees what Delta's writer holds of a span.

    Args:
        engine: Reads gold and writes.
        contract: The feature table.
        words: Words of the estate.
        start: First day.
        end: Last day.

    Raises:
        ComputeError: A query fails.
    """
    for first, last in days_in_turn(engine, contract, start, end):
        query = feature_query(contract, words, first, last)
        engine.overwrite(contract, [query], first, last)


def days_in_turn(
    engine: Engine, contract: TableContract, start: date, end: date
) -> list[tuple[date, date]]:
    """Divide `start..end` into the spans of days that are computed one after the other."""
    most = contract.rows_at_once
    if most is None or engine.rows_at_once is None or start == end:
        return [(start, end)]
    source = next(
        each for each in gold_contracts().values() if each.full_name == contract.sources[0]
    )
    return spans(daily_counts(engine, source, start, end), start, end, most)
