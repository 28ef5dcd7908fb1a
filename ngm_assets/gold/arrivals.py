"""Counts the raw rows a gold table is made of, so that rows which arrive late are noticed."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from ngm_assets.engine.base import Query
from ngm_assets.engine.sql import DIALECT
from ngm_assets.gold.tables import FOLDER
from ngm_assets.overlays import read_yaml

if TYPE_CHECKING:
    from ngm_assets.engine.base import Engine
    from ngm_assets.lakehouse.contract import TableContract


def raw_rows(engine: Engine, contract: TableContract, start: date, end: date) -> dict[date, int]:
    """Count the rows of a gold table's first source per day.

    Rows are dated as `source_counts.yaml` dates them. Its distinct keys would not do: a later state
    of a row that is there already has the same key, and a row without a key has none, yet gold or
    its rejects change with both. The same files give the same counts, and a row more changes the
    count of its day only. Days without rows are left out, and so are rows that have no date.

    Args:
        engine: Reads the raw table.
        contract: The gold table.
        start: First day.
        end: Last day.

    Raises:
        DataError: A raw file breaks the landing contract.
    """
    sql = raw_count_sql(read_yaml(FOLDER / "source_counts.yaml")[contract.name])
    rows = engine.rows(Query(sql, {"start_date": start, "end_date": end}))
    return {row["day"]: row["n"] for row in rows}


@cache
def raw_count_sql(source_count: str) -> str:
    """Return a query for all rows per day, dated as a query for distinct keys dates them.

    Args:
        source_count: Query whose only subquery selects `... AS day` from one raw table.
    """
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(source_count, read=DIALECT)
    dated = next(each for each in tree.find_all(exp.Alias) if each.alias == "day")
    day, table = (
        node.sql(dialect=DIALECT) for node in (dated.this, next(tree.find_all(exp.Table)))
    )
    return (
        f"SELECT {day} AS day, COUNT(*) AS n FROM {table} "
        f"WHERE {day} BETWEEN :start_date AND :end_date GROUP BY {day}"
    )
