"""Writes the days of a gold table and its rejects, no more rows at once than memory should hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from ngm_assets.gold.tables import UNDATED, gold_query, rejects_contract, rejects_query
from ngm_assets.lakehouse.quality import in_turn

if TYPE_CHECKING:
    from ngm_assets.engine.base import Engine
    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.settings import Words


def write_gold(
    engine: Engine,
    contract: TableContract,
    words: Words,
    counted: Mapping[date, int],
    start: date,
    end: date,
) -> None:
    """Replace the partitions `start..end` of a gold table and of its rejects.

    A day of gold is the same whichever days are made with it, so that days may be taken in turn.

    Args:
        engine: Reads the raw tables and writes.
        contract: The gold table.
        words: Words of the estate.
        counted: Raw rows per day.
        start: First day.
        end: Last day.

    Raises:
        DataError: A raw file breaks the landing contract.
        ComputeError: A query fails for another reason.
    """
    rejected = rejects_query(contract, words, start, end)
    engine.overwrite(rejects_contract(contract), [rejected], start, end, also=(UNDATED,))
    parts = in_turn(engine, counted, start, end)
    made = [gold_query(contract, words, first, last) for first, last in parts]
    engine.overwrite(contract, made, start, end)
