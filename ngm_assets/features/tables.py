"""The feature tables: their contracts and the queries that fill them."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

from ngm_assets.engine.base import Query, Window
from ngm_assets.engine.lineage import Source, column_lineage
from ngm_assets.engine.sql import read_sql
from ngm_assets.gold.tables import gold_contracts
from ngm_assets.lakehouse.contract import TableContract, load_contracts
from ngm_assets.settings import Words

FOLDER = Path(__file__).parent


@cache
def feature_contracts() -> dict[str, TableContract]:
    """Return the feature contracts by table name."""
    return load_contracts(FOLDER)


def feature_query(contract: TableContract, words: Words, start: date, end: date) -> Query:
    """Return the query of a feature table for the days `start..end`.

    The window ends at `end`, so no later gold partition can be read, whatever the SQL says.
    """
    return Query(
        read_sql(FOLDER / f"{contract.name}.sql"),
        {
            "start_date": start,
            "end_date": end,
            "off_hours_before": words.off_hours_before,
            "off_hours_from": words.off_hours_from,
            "team_tag": words.team_tag,
        },
        Window(end=end),
    )


def longest_lookback() -> int:
    """Return the most days of gold any feature looks back."""
    return max(contract.lookback_days for contract in feature_contracts().values())


@cache
def feature_lineage(name: str) -> dict[str, tuple[Source, ...]]:
    """Return the gold columns each column of a feature table is computed from."""
    schema = {
        contract.full_name: {column.name: column.type for column in contract.columns}
        for contract in gold_contracts().values()
    }
    return column_lineage(read_sql(FOLDER / f"{name}.sql"), schema)
