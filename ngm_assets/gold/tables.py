"""The gold tables: their contracts, the queries that fill them, and the rows they reject."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

from ngm_assets.engine.base import Query, Value
from ngm_assets.engine.lineage import Source, column_lineage
from ngm_assets.engine.sql import read_sql, select_from_cte
from ngm_assets.lakehouse.contract import Column, TableContract, load_contracts
from ngm_assets.overlays import read_yaml
from ngm_assets.raw.contract import raw_tables
from ngm_assets.settings import Words

FOLDER = Path(__file__).parent
UNDATED = date(1970, 1, 1)
"""Partition of rejected rows that carry no date at all."""


@cache
def gold_contracts() -> dict[str, TableContract]:
    """Return the gold contracts by table name."""
    return load_contracts(FOLDER)


def parameters(words: Words, start: date, end: date, *, undated: bool) -> dict[str, Value]:
    """Return the named parameters gold SQL may use.

    Args:
        words: Words of the estate.
        start: First day.
        end: Last day.
        undated: Whether raw rows without any date are read too; without, engines skip files by day.
    """
    actions = {
        name: list(values) for name, values in read_yaml(FOLDER / "audit_actions.yaml").items()
    }
    return {
        "start_date": start,
        "end_date": end,
        "undated": undated,
        "currency": words.currency,
        "owner_tags": list(words.owner_tags),
        **actions,
    }


def gold_query(contract: TableContract, words: Words, start: date, end: date) -> Query:
    """Return the query of a gold table for the partitions `start..end`."""
    bound = parameters(words, start, end, undated=False)
    return Query(read_sql(FOLDER / f"{contract.name}.sql"), bound)


def rejects_contract(contract: TableContract) -> TableContract:
    """Return the contract of `<table>_rejects`: the key, the partition date and the reason."""
    names = dict.fromkeys((contract.partition, *contract.key))
    columns = [contract.column(name).model_copy(update={"nullable": True}) for name in names]
    reason = Column(name="reason", type="string", nullable=False, doc="Hard rule the row breaks.")
    return TableContract(
        name=f"{contract.name}_rejects",
        schema_name=contract.schema_name,
        description=f"Rows kept out of {contract.full_name}, with the reason; without any date: "
        f"{UNDATED}.",
        key=contract.key,
        partition=contract.partition,
        sources=contract.sources,
        columns=(*columns, reason),
    )


def rejects_query(contract: TableContract, words: Words, start: date, end: date) -> Query:
    """Return the query of a table's rejects: the rows of its CTE `checked` that have a reason."""
    names = ", ".join(dict.fromkeys((contract.partition, *contract.key)))
    body = (
        f"SELECT {names}, reject_reason AS reason FROM checked WHERE reject_reason IS NOT NULL "
        f"AND ({contract.partition} BETWEEN :start_date AND :end_date "
        f"OR {contract.partition} = DATE '{UNDATED}')"
    )
    sql = select_from_cte(read_sql(FOLDER / f"{contract.name}.sql"), "checked", body)
    return Query(sql, parameters(words, start, end, undated=True))


@cache
def gold_lineage(name: str) -> dict[str, tuple[Source, ...]]:
    """Return the raw columns each column of a gold table is computed from."""
    schema = {table.name: table.types for table in raw_tables().values()}
    return column_lineage(read_sql(FOLDER / f"{name}.sql"), schema)
