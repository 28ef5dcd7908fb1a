"""SQL files: reading them, the tables they name, and their translation for an engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ngm_assets.errors import ComputeError

if TYPE_CHECKING:
    from ngm_assets.lakehouse.contract import TableContract

DIALECT = "databricks"
FRESH = "ngm.fresh"
"""What queries call rows that are not stored yet."""


@cache
def read_sql(path: Path) -> str:
    """Return the text of an SQL file."""
    return path.read_text(encoding="utf-8")


@cache
def table_names(sql: str) -> tuple[str, ...]:
    """Return the full names (`schema.table`, `system.schema.table`) a query reads, sorted.

    Raises:
        ComputeError: The text is not valid SQL in the Databricks dialect.
    """
    from sqlglot import exp

    tree = _parse(sql)
    named = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    names = {_full_name(table) for table in tree.find_all(exp.Table)}
    return tuple(sorted(name for name in names if name not in named))


@cache
def to_duckdb(sql: str) -> str:
    """Translate a query to DuckDB; a table `a.b.c` becomes the view `"a.b.c"`.

    Raises:
        ComputeError: The text is not valid SQL in the Databricks dialect.
    """
    from sqlglot import exp

    tree = _parse(sql).copy()
    for table in tree.find_all(exp.Table):
        if table.db:
            view = exp.Table(this=exp.to_identifier(_full_name(table), quoted=True))
            alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name))
            view.set("alias", alias.copy())
            table.replace(view)
    return str(tree.sql(dialect="duckdb"))


def _full_name(table: object) -> str:
    from sqlglot import exp

    if not isinstance(table, exp.Table):
        raise TypeError(table)
    return ".".join(part for part in (table.catalog, table.db, table.name) if part)


@cache
def _parse(sql: str):  # type: ignore[no-untyped-def]
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        found = sqlglot.parse(sql, read=DIALECT)
    except SqlglotError as error:
        raise ComputeError(f"Invalid SQL: {error}", mend="Correct the SQL file.") from None
    statements = [
        each for each in found if each is not None and not isinstance(each, exp.Semicolon)
    ]
    if len(statements) != 1:
        raise ComputeError(
            f"Invalid SQL: {len(statements)} statements where one statement is due.",
            mend="Correct the SQL file.",
        )
    return statements[0]


@cache
def select_from_cte(sql: str, name: str, body: str) -> str:
    """Return `body` with the CTEs of `sql` up to and including `name` in front of it.

    Raises:
        ComputeError: The query has no such CTE.
    """
    tree = _parse(sql)
    kept = []
    for cte in tree.ctes:
        kept.append(cte.sql(dialect=DIALECT))
        if cte.alias_or_name == name:
            return f"WITH {', '.join(kept)} {body}"
    raise ComputeError(
        f"The query has no CTE named {name!r}.", mend=f"Name its first CTE {name!r}."
    )


@cache
def output_columns(sql: str) -> tuple[str, ...]:
    """Return the names of a query's result columns in order."""
    return tuple(_parse(sql).named_selects)


def with_relations(sql: str, relations: Mapping[str, str]) -> str:
    """Put a subquery in the place of every table a query reads; the rest of its text stays.

    Args:
        sql: Query in the Databricks dialect.
        relations: SELECT statement by full table name.

    Raises:
        ComputeError: The text is not valid SQL in the Databricks dialect.
    """
    from sqlglot import exp

    found = {}
    for table in _parse(sql).find_all(exp.Table):
        if table.db:
            first, last = table.parts[0].meta["start"], table.parts[-1].meta["end"]
            found[first] = (last + 1, _full_name(table), "" if table.alias else table.name)
    for first, (end, name, alias) in sorted(found.items(), reverse=True):
        named = f" AS {alias}" if alias else ""
        sql = f"{sql[:first]}({relations[name]}){named}{sql[end:]}"
    return sql


@cache
def parameter_names(sql: str) -> frozenset[str]:
    """Return the names of the parameters a query uses.

    Raises:
        ComputeError: The text is not valid SQL in the Databricks dialect.
    """
    from sqlglot import exp

    return frozenset(node.name for node in _parse(sql).find_all(exp.Placeholder))


def differing_partitions(contract: TableContract, ignoring: Collection[str]) -> str:
    """Return a query for the partition dates whose stored and fresh rows differ.

    Args:
        contract: The table.
        ignoring: Columns that do not matter.
    """
    kept = ", ".join(name for name in contract.column_names if name not in ignoring)
    old, new = (f"SELECT {kept} FROM {name}" for name in (contract.full_name, FRESH))
    return (
        f"SELECT DISTINCT {contract.partition} AS day FROM (({new} EXCEPT ALL {old}) "
        f"UNION ALL ({old} EXCEPT ALL {new})) ORDER BY day"
    )
