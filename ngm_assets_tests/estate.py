"""A small estate for tests: gold and features of a landing folder, without an orchestrator."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Query, Window
from ngm_assets.features.tables import feature_contracts
from ngm_assets.features.writing import write_features as write_feature_table
from ngm_assets.gold.arrivals import raw_rows
from ngm_assets.gold.tables import gold_contracts
from ngm_assets.gold.writing import write_gold as write_gold_table
from ngm_assets.platform import Platform, open_platform
from ngm_assets.settings import load_settings

if TYPE_CHECKING:
    import pandas as pd


def open_estate(landing: Path, home: Path) -> Platform:
    """Open a platform over a landing folder, whatever the caller's environment says."""
    return open_platform(load_settings(env="local", home=home, landing=landing, environ={}))


def write_gold(platform: Platform, start: date, end: date, tables: Iterable[str] = ()) -> None:
    """Write gold and rejects of a range of days."""
    words = platform.settings.words
    for name in tables or gold_contracts():
        contract = gold_contracts()[name]
        counted = raw_rows(platform.engine, contract, start, end)
        write_gold_table(platform.engine, contract, words, counted, start, end)


def write_features(platform: Platform, start: date, end: date, tables: Iterable[str] = ()) -> None:
    """Write features of a range of days."""
    for name in tables or feature_contracts():
        contract = feature_contracts()[name]
        write_feature_table(platform.engine, contract, platform.settings.words, start, end)


def read(platform: Platform, full_name: str) -> pd.DataFrame:
    """Return a whole table, sorted by partition and key."""
    contract = platform.contracts[full_name]
    rows = platform.engine.frame(Query(f"SELECT * FROM {full_name}", {}))
    return rows.sort_values([contract.partition, *contract.entity_key], ignore_index=True)


def read_rows(
    platform: Platform, full_name: str, start: date | None = None, end: date | None = None
) -> list[dict[str, Any]]:
    """Return the rows of a table in the partitions `start..end` as plain Python values."""
    query = Query(f"SELECT * FROM {full_name}", {}, Window(start, end))
    return platform.engine.rows(query)
