"""Stores single rows of a monitoring table among the others of their day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Query, Window
from ngm_assets.monitoring.tables import monitoring_contracts

if TYPE_CHECKING:
    from ngm_assets.engine.base import Engine


def keep(engine: Engine, table: str, row: Mapping[str, Any]) -> None:
    """Store a row in the place of the one with its key, and keep the others of its day.

    Args:
        engine: Reads and writes the table; nobody else may write the same day at the same time.
        table: Name of a table of monitoring.
        row: Plain values by column.

    Raises:
        DataError: The row does not fit.
        ComputeError: The table cannot be read or written.
    """
    contract = monitoring_contracts()[table]
    day = row[contract.partition]
    stored = engine.rows(Query(f"SELECT * FROM {contract.full_name}", {}, Window(day, day)))
    others = [each for each in stored if any(each[name] != row[name] for name in contract.key)]
    engine.store(contract, [*others, row], day, day)
