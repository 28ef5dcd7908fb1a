"""Which of several rows of one key is kept does not depend on files and their order."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from ngm_assets_tests.estate import open_estate, read_rows, write_gold
from ngm_assets_tests.gold.test_job_work import usage
from ngm_assets_tests.raw.files import AUDIT, MOMENT, QUERIES, USAGE, WHEN, audit, put, statements

DAY = date(2024, 3, 4)
CLUSTERS = "system.compute.clusters"


def _tagged(owner: str) -> pa.Table:
    tags = pa.array([[("owner", owner)]], pa.map_(pa.string(), pa.string()))
    return usage().append_column("custom_tags", tags)


def _agent(name: str) -> pa.Table:
    return audit("e", user_agent=pa.array([name]))


def _read(rows: int) -> pa.Table:
    return statements("s", read_rows=pa.array([rows], pa.int64()))


def _cluster(name: str) -> pa.Table:
    return pa.table(
        {
            "workspace_id": pa.array(["1"]),
            "cluster_id": pa.array(["c"]),
            "change_time": pa.array([MOMENT], WHEN),
            "cluster_name": pa.array([name]),
        }
    )


ALIKE = (
    pytest.param("fact_usage", USAGE, _tagged("x"), _tagged("y"), id="usage"),
    pytest.param("fact_audit_logs", AUDIT, _agent("x"), _agent("y"), id="audit"),
    pytest.param("fact_query_history", QUERIES, _read(1), _read(2), id="statements"),
    pytest.param("dim_cluster", CLUSTERS, _cluster("x"), _cluster("y"), id="clusters"),
)


@pytest.mark.parametrize(("table", "raw", "one", "other"), ALIKE)
def test_rows_that_rank_alike_are_told_apart_by_what_they_hold(
    tmp_path: Path, table: str, raw: str, one: pa.Table, other: pa.Table
) -> None:
    found = []
    for number, (first, second) in enumerate([(one, other), (other, one)]):
        landing = tmp_path / str(number)
        put(landing, raw, "a.parquet", first)
        put(landing, raw, "b.parquet", second)
        platform = open_estate(landing, tmp_path / f"home {number}")
        write_gold(platform, DAY, DAY, [table])
        found.append(read_rows(platform, f"gold.{table}"))
    assert len(found[0]) == 1
    assert found[0] == found[1]
