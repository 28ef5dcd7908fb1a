"""Works out the six gold tables and their rejects from a landing folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ngm_assets_tests.oracle.frames import contract, frame_of, key_of
from ngm_assets_tests.oracle.gold_audit import Meanings, audit_rows
from ngm_assets_tests.oracle.gold_catalog import cluster_rows, info_schema_rows
from ngm_assets_tests.oracle.gold_jobs import attempt_rows
from ngm_assets_tests.oracle.gold_queries import statement_rows
from ngm_assets_tests.oracle.gold_usage import usage_rows
from ngm_assets_tests.oracle.reading import raw_rows

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["PARTITIONS", "Meanings", "gold_tables"]

PARTITIONS = {
    "fact_usage": "usage_date",
    "fact_audit_logs": "event_date",
    "fact_query_history": "query_date",
    "fact_job_run_timeline": "run_date",
    "info_schema": "snapshot_date",
    "dim_cluster": "change_date",
}


def gold_tables(landing: Path, meanings: Meanings | None = None) -> dict[str, pd.DataFrame]:
    """Return the six gold tables and, as `<table>_rejects`, the rows that broke a hard rule.

    Args:
        landing: The landing folder.
        meanings: The closed lists of actions; without them the ones the contract names.

    Returns:
        Table name to frame, all days, sorted by partition and key. A rejects frame has the
        table's key columns, its partition column and `reason`, a row for every raw row rejected.
    """
    slices = raw_rows(landing, "lakeflow/job_run_timeline")
    pairs = {
        "fact_usage": usage_rows(
            raw_rows(landing, "billing/usage"), raw_rows(landing, "billing/list_prices"), slices
        ),
        "fact_audit_logs": audit_rows(raw_rows(landing, "access/audit"), meanings or Meanings()),
        "fact_query_history": statement_rows(raw_rows(landing, "query/history")),
        "fact_job_run_timeline": attempt_rows(slices),
        "info_schema": info_schema_rows(
            raw_rows(landing, "information_schema/columns"),
            raw_rows(landing, "information_schema/tables"),
        ),
        "dim_cluster": cluster_rows(raw_rows(landing, "compute/clusters")),
    }
    tables = {}
    for name, (kept, rejected) in pairs.items():
        columns = contract("gold", name)
        order = list(dict.fromkeys([PARTITIONS[name], *key_of("gold", name)]))
        tables[name] = frame_of(sorted(kept, key=lambda r: [r[c] for c in order]), columns)
        reject_columns = {c: columns[c] for c in order} | {"reason": "string"}
        tables[f"{name}_rejects"] = frame_of(rejected, reject_columns)
    return tables
