"""All-purpose usage is job work when a run slice, known by the end of the day, used its cluster."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from ngm_assets_tests.estate import open_estate, read_rows, write_gold
from ngm_assets_tests.raw.files import MOMENT, SLICES, USAGE, WHEN, put

DAY = date(2024, 3, 4)
MIDNIGHT = MOMENT - 12 * 3_600_000_000


def at(hour: float) -> pa.Array:
    """Return a moment so many hours after the midnight that opens the day."""
    return pa.array([MIDNIGHT + int(hour * 3_600_000_000)], WHEN)


def usage(sku: str = "PREMIUM_ALL_PURPOSE_COMPUTE", cluster: str = "c-1") -> pa.Table:
    """Return a record of the cluster's last hour of the day."""
    return pa.table(
        {
            "record_id": pa.array(["r"]),
            "workspace_id": pa.array(["1"]),
            "sku_name": pa.array([sku]),
            "usage_start_time": at(23),
            "usage_end_time": at(24),
            "usage_unit": pa.array(["DBU"]),
            "usage_quantity": pa.array([Decimal(1)], pa.decimal128(38, 18)),
            "usage_metadata": pa.array([{"cluster_id": cluster}]),
        }
    )


def slice_(start: float, end: float, workspace: str = "1") -> pa.Table:
    """Return a slice of a run on the cluster, so many hours into the day."""
    return pa.table(
        {
            "workspace_id": pa.array([workspace]),
            "job_id": pa.array(["7"]),
            "run_id": pa.array(["8"]),
            "period_start_time": at(start),
            "period_end_time": at(end),
            "result_state": pa.array(["SUCCEEDED"]),
            "compute_ids": pa.array([["c-0", "c-1"]]),
        }
    )


@pytest.mark.parametrize(
    ("record", "piece", "is_job_work"),
    [
        pytest.param(usage(), slice_(22, 23.5), True, id="overlaps"),
        pytest.param(usage(), slice_(23.5, 24), True, id="ends with the day"),
        pytest.param(usage(), slice_(23.5, 24.5), False, id="ends after the day"),
        pytest.param(usage(), slice_(22, 23), False, id="ended when the usage began"),
        pytest.param(usage(), slice_(23.5, 23.75, "2"), False, id="another workspace"),
        pytest.param(usage(cluster="c-2"), slice_(23.5, 23.75), False, id="another cluster"),
        pytest.param(usage("PREMIUM_SQL"), slice_(23.5, 23.75), False, id="not all-purpose"),
    ],
)
def test_job_work_is_found_by_cluster_and_time(
    tmp_path: Path, record: pa.Table, piece: pa.Table, is_job_work: bool
) -> None:
    put(tmp_path / "landing", USAGE, "a.parquet", record)
    put(tmp_path / "landing", SLICES, "a.parquet", piece)
    platform = open_estate(tmp_path / "landing", tmp_path / "home")
    for last in (DAY, DAY + timedelta(days=1)):
        write_gold(platform, DAY, last, ["fact_usage"])
        (row,) = read_rows(platform, "gold.fact_usage")
        assert row["is_job_work"] is is_job_work


@pytest.mark.parametrize("first", [DAY - timedelta(days=5), DAY])
def test_usage_that_began_days_ago_finds_the_work_of_then_in_every_range(
    tmp_path: Path, first: date
) -> None:
    record = usage().set_column(3, "usage_start_time", at(-62)).append_column("usage_date", [[DAY]])
    put(tmp_path / "landing", USAGE, "a.parquet", record)
    put(tmp_path / "landing", SLICES, "a.parquet", slice_(-60, -59))
    platform = open_estate(tmp_path / "landing", tmp_path / "home")
    write_gold(platform, first, DAY, ["fact_usage"])
    (row,) = read_rows(platform, "gold.fact_usage")
    assert (row["usage_date"], row["is_job_work"]) == (DAY, True)
