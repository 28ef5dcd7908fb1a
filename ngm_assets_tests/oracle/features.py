"""Works out the feature tables from gold, a key and a day at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ngm_assets_tests.oracle.features_cost import cost_rows
from ngm_assets_tests.oracle.features_job_cost import job_cost_rows
from ngm_assets_tests.oracle.features_performance import performance_rows
from ngm_assets_tests.oracle.features_quality import quality_rows
from ngm_assets_tests.oracle.features_reliability import reliability_rows
from ngm_assets_tests.oracle.features_security import security_rows
from ngm_assets_tests.oracle.frames import Row, as_date, contract, frame_of, key_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


def feature_tables(gold: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the feature tables for every day gold speaks of.

    Args:
        gold: The gold tables by name, from here or from the package itself.

    Returns:
        Table name to frame with the contract's columns, sorted by key. `cost_features` goes on
        for the 30 days after a workspace's last usage, past the last day of gold.
    """
    usage = gold_rows(gold, "fact_usage")
    audit = gold_rows(gold, "fact_audit_logs")
    statements = gold_rows(gold, "fact_query_history")
    attempts = gold_rows(gold, "fact_job_run_timeline")
    clusters = gold_rows(gold, "dim_cluster")
    columns = gold_rows(gold, "info_schema")
    tables = {
        "cost_features": cost_rows(usage),
        "job_cost_features": job_cost_rows(usage),
        "security_features": security_rows(audit),
        "performance_features": performance_rows(statements),
        "reliability_features": reliability_rows(attempts, clusters),
        "quality_features": quality_rows(columns),
    }
    return {name: in_order(name, rows) for name, rows in tables.items()}


def gold_rows(gold: Mapping[str, pd.DataFrame], table: str) -> list[Row]:
    """Return the rows of a gold table, its date columns as dates."""
    dates = [name for name, kind in contract("gold", table).items() if kind == "date"]
    rows = rows_of(gold[table])
    for row in rows:
        for name in dates:
            row[name] = as_date(row[name])
    return rows


def in_order(table: str, rows: list[Row]) -> pd.DataFrame:
    """Return feature rows as a frame sorted by the table's key."""
    key = key_of("features", table)
    return frame_of(
        sorted(rows, key=lambda row: [row[name] for name in key]), contract("features", table)
    )
