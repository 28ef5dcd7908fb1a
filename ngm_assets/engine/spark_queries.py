"""Spark SQL around the project's queries: contracted columns, and windows of days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ngm_assets.engine.base import Window
from ngm_assets.lakehouse.statements import quoted

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


def shaped(contract: TableContract, sql: str) -> str:
    """Return a query whose columns are the contract's, cast to its types and in its order."""
    columns = ", ".join(
        f"CAST({quoted(c.name)} AS {c.type}) AS {quoted(c.name)}" for c in contract.columns
    )
    return f"SELECT {columns} FROM (\n{sql}\n)"
