"""The SQL statements that make, fill and describe a contract's table in Unity Catalog."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ngm_assets.lakehouse.contract import TableContract

SCHEMAS = {
    "gold": "Facts cleaned from the system tables, the rows kept out of them, daily snapshots.",
    "features": "One feature table per domain, one row per entity and day.",
    "models": "Registered models, and the staging volume of serverless steps.",
    "predictions": "One prediction table per model, and views of the newest prediction per key.",
    "monitoring": "What is recorded about models in use.",
}
"""Schemas of every environment and their comments."""


def create_table(contract: TableContract, reference: str) -> str:
    """Return the statement that creates a contract's Delta table, with its words.

    Unity Catalog keeps the primary key as a fact about the table and does not enforce it.
    """
    parts = [
        f"{quoted(c.name)} {c.type}{'' if c.nullable else ' NOT NULL'} COMMENT {text(c.doc)}"
        for c in contract.columns
    ]
    return (
        f"CREATE TABLE IF NOT EXISTS {reference} "
        f"({', '.join([*parts, *primary_key(contract)])}) USING DELTA "
        f"PARTITIONED BY ({quoted(contract.partition)}) COMMENT {text(contract.description)}"
    )


def primary_key(contract: TableContract) -> list[str]:
    """Return the clause of the primary key; none where a part of the key may be null."""
    key = tuple(dict.fromkeys((*contract.key, contract.partition)))
    if any(contract.column(name).nullable for name in key):
        return []
    columns = ", ".join(quoted(name) for name in key)
    return [f"CONSTRAINT {quoted(f'{contract.name}_pk')} PRIMARY KEY ({columns})"]


def replace_where(
    contract: TableContract,
    reference: str,
    order: Iterable[str],
    start: date,
    end: date,
    also: Iterable[date],
) -> str:
    """Return the statement that replaces partitions by the frame `{rows}`, in one commit.

    Args:
        contract: The table.
        reference: What to name.
        order: Stored columns in order; those the contract does not know become null.
        start: First partition date.
        end: Last partition date, inclusive.
        also: Further single partition dates.
    """
    known = set(contract.column_names)
    columns = ", ".join(
        quoted(name) if name in known else f"NULL AS {quoted(name)}" for name in order
    )
    days = in_partitions(contract.partition, start, end, also)
    return f"INSERT INTO TABLE {reference} REPLACE WHERE {days} SELECT {columns} FROM {{rows}}"


def in_partitions(partition: str, start: date, end: date, also: Iterable[date]) -> str:
    """Return the condition of the partitions `start..end` and `also`."""
    day = quoted(partition)
    ranges = [f"({day} >= DATE '{start}' AND {day} <= DATE '{end}')"]
    ranges += [f"{day} = DATE '{one}'" for one in also]
    return " OR ".join(ranges)


def optimize(reference: str) -> str:
    """Return the statement that puts small files of a table together."""
    return f"OPTIMIZE {reference}"


def vacuum(reference: str, *, dry_run: bool = False) -> str:
    """Return the statement that deletes what left a table longer ago than its property says."""
    return f"VACUUM {reference}{' DRY RUN' if dry_run else ''}"


def quoted(name: str) -> str:
    """Quote an identifier."""
    return "`" + name.replace("`", "``") + "`"


def text(value: str) -> str:
    """Quote a text."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted_name(full_name: str) -> str:
    """Quote a name with dots part by part."""
    return ".".join(quoted(part) for part in full_name.split("."))
