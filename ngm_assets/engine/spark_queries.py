"""Spark SQL around the project's queries: contracted columns, windows, rows that must not be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from ngm_assets.engine.base import Window
from ngm_assets.lakehouse.statements import in_partitions, quoted

if TYPE_CHECKING:
    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.lakehouse.unity import Stored


def nothing(types: Mapping[str, str]) -> str:
    """Return a query without rows.

    Args:
        types: Type by column.
    """
    columns = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in types.items())
    return f"SELECT {columns} WHERE FALSE"


def stored_select(contract: TableContract, stored: Stored, window: Window) -> str:
    """Return a query for the rows of a stored table that lie in a window, as contracted."""
    columns = ", ".join(
        f"CAST({quoted(c.name) if c.name in stored.columns.names else 'NULL'} AS {c.type}) "
        f"AS {quoted(c.name)}"
        for c in contract.columns
    )
    day = quoted(contract.partition)
    limits = [f"{day} >= DATE '{window.start}'"] * (window.start is not None)
    limits += [f"{day} <= DATE '{window.end}'"] * (window.end is not None)
    where = f" WHERE {' AND '.join(limits)}" if limits else ""
    return f"SELECT {columns} FROM {stored.reference}{where}"


def shaped(
    contract: TableContract, sql: str, start: date, end: date, also: tuple[date, ...]
) -> str:
    """Return a query that casts rows to the contract and fails on rows it must not have.

    A null in a required column or a row of another day than `start..end` and `also` raises.
    """
    columns = []
    for column in contract.columns:
        name, kind = quoted(column.name), column.type
        value = f"CAST({name} AS {kind})"
        if column.name == contract.partition:
            days = in_partitions(column.name, start, end, also)
            other = f"CAST(RAISE_ERROR('a row of another day than {start}..{end}') AS {kind})"
            value = f"CASE WHEN {days} THEN {value} ELSE {other} END"
        elif not column.nullable:
            empty = f"CAST(RAISE_ERROR('{column.name} is null') AS {kind})"
            value = f"COALESCE({value}, {empty})"
        columns.append(f"{value} AS {name}")
    return f"SELECT {', '.join(columns)} FROM (\n{sql}\n)"
