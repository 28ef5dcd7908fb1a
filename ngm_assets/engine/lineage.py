"""Column lineage derived from the SQL itself: which source columns a result column is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ngm_assets.engine.sql import table_names, to_duckdb

if TYPE_CHECKING:
    from sqlglot.lineage import Node

Source = tuple[str, str]
ROWS = "*"


def column_lineage(
    sql: str, schema: Mapping[str, Mapping[str, str]]
) -> dict[str, tuple[Source, ...]]:
    """Return for each result column the (table, column) pairs its value is computed from.

    Columns that only join, filter, group or order are not part of a value and are not listed. A
    column that counts rows comes from (table, "*") of every table read.

    Args:
        sql: Query in the Databricks dialect.
        schema: Column types (any spelling) by column, by full table name.
    """
    from sqlglot.lineage import lineage

    flat = {f'"{table}"': dict(columns) for table, columns in schema.items()}
    nodes = lineage(None, to_duckdb(sql), flat, dialect="duckdb", trim_selects=False)
    if not isinstance(nodes, dict):
        raise TypeError(type(nodes))
    rows = tuple((table, ROWS) for table in table_names(sql))
    return {name: tuple(sorted(set(_leaves(node)))) or rows for name, node in nodes.items()}


def _leaves(node: Node) -> Iterator[Source]:
    from sqlglot import exp

    for inner in node.walk():
        if not inner.downstream and isinstance(inner.expression, exp.Table):
            column = inner.name.rsplit(".", 1)[-1].strip('"')
            yield inner.expression.name, column
