"""Performance, reliability and quality features as a person would work them out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ngm_assets_tests.oracle.features_performance import concurrency, performance_rows
from ngm_assets_tests.oracle.features_quality import quality_rows
from ngm_assets_tests.oracle.features_reliability import reliability_rows
from ngm_assets_tests.oracle.statistics import percentile

Row = dict[str, Any]
START = date(2024, 2, 1)


def day(number: int) -> date:
    """Return a day counted from the first one."""
    return START + timedelta(days=number)


def at(number: int, seconds: float = 0) -> datetime:
    """Return a moment of a day counted from the first one."""
    begun = day(number)
    return datetime(begun.year, begun.month, begun.day, tzinfo=UTC) + timedelta(seconds=seconds)


def statement(first: float, last: float, **more: Any) -> Row:
    """Return a gold statement of a warehouse, from second to second of the first day."""
    return {
        "workspace_id": "w",
        "warehouse_id": "h",
        "query_date": day(0),
        "start_time": at(0, first),
        "end_time": at(0, last),
        "execution_status": "FINISHED",
        "total_duration_ms": (last - first) * 1000,
        "executed_by": "ana",
        **dict.fromkeys(
            (
                "waiting_at_capacity_duration_ms",
                "read_bytes",
                "written_bytes",
                "pruned_files",
                "read_files",
                "spilled_local_bytes",
                "from_result_cache",
                "read_io_cache_percent",
            )
        ),
    } | more


@pytest.mark.parametrize(
    ("spans", "peak", "p95"),
    [
        ([(0, 10)], 1, 1),
        ([(0, 10), (10, 20)], 1, 1),
        ([(0, 10), (5, 15), (9, 20), (10, 11)], 3, 3),
        ([(0, 10), (0, 10)], 2, 2),
        ([(5, 5)], 0, 0),
        ([(0, 10), (5, 5), (5, 6)], 2, 2),
        ([(0, 1), (0.5, 2), (4, 5)], 2, 2 - 0.1),
    ],
)
def test_concurrency_is_what_runs_just_after_a_start(
    spans: list[tuple[float, float]], peak: int, p95: float
) -> None:
    row = concurrency([statement(*span) for span in spans])
    assert row["peak_concurrency"] == peak
    assert row["p95_concurrency"] == pytest.approx(p95)


def test_durations_are_of_finished_statements_and_rates_of_all() -> None:
    failed = statement(0, 1, execution_status="FAILED")
    (row,) = performance_rows([statement(0, 10), statement(0, 30), statement(0, 61), failed])
    assert row["p50_duration_ms"] == 30_000
    assert row["p95_duration_ms"] == pytest.approx(57_900)
    assert (row["error_rate"], row["slow_query_rate"]) == (0.25, 1 / 3)
    assert (row["spill_rate"], row["read_write_ratio"]) == (None, None)


def test_a_wait_of_exactly_a_tenth_is_not_a_high_queue() -> None:
    waits = {"waiting_at_capacity_duration_ms": 1000}
    (row,) = performance_rows([statement(0, 10, **waits), statement(0, 9, **waits)])
    assert row["high_queue_rate"] == 0.5
    assert row["queue_share"] == 2 / 19


def test_the_percentile_is_continuous() -> None:
    assert percentile([4, 1, 3, 2], 0.5) == 2.5
    assert percentile([], 0.5) is None


def attempt(number: int, result: str, seconds: float = 60, **more: Any) -> Row:
    """Return a gold attempt of a job."""
    return {
        "workspace_id": "w",
        "job_id": "101",
        "run_id": "1",
        "attempt": 1,
        "run_date": day(number),
        "start_time": at(number, 3600 - seconds),
        "end_time": at(number, 3600),
        "result_state": result,
        "duration_sec": float(seconds),
        "compute_ids": ["c"],
    } | more


def jobs(attempts: list[Row], clusters: list[Row] | None = None) -> dict[int, Row]:
    """Return the reliability features by day number."""
    return {(r["run_date"] - START).days: r for r in reliability_rows(attempts, clusters or [])}


def test_cancelled_and_skipped_attempts_are_in_no_rate() -> None:
    row = jobs([attempt(0, s) for s in ("SUCCEEDED", "TIMED_OUT", "CANCELLED", "SKIPPED")])[0]
    assert (row["total_runs"], row["decided_runs"], row["failure_rate"]) == (4, 2, 0.5)
    assert jobs([attempt(0, "CANCELLED")])[0]["success_rate"] is None


def test_rolling_rates_are_pooled_not_means_of_days() -> None:
    row = jobs([*[attempt(0, "SUCCEEDED")] * 9, attempt(29, "FAILED")])[29]
    assert row["rolling_failure_rate_30d"] == 0.1
    assert row["failure_rate_7d"] == 1


def test_the_previous_day_is_the_previous_day_with_runs() -> None:
    rows = jobs([attempt(0, "FAILED"), attempt(5, "FAILED"), attempt(9, "SUCCEEDED")])
    assert [rows[n]["prev_day_failed"] for n in (0, 5, 9)] == [None, True, True]
    assert [rows[n]["consecutive_failed_days"] for n in (0, 5, 9)] == [1, 2, 0]
    assert [rows[n]["days_since_last_failure"] for n in (0, 5, 9)] == [0, 0, 4]


def test_the_runtime_is_that_of_the_cluster_of_the_days_last_attempt() -> None:
    changes = [
        {"workspace_id": "w", "cluster_id": c, "change_date": day(n), "change_time": at(n)}
        | {"dbr_version": v}
        for c, n, v in (("c", 0, "13"), ("other", 2, "14"), ("c", 4, "14"), ("c", 9, "15"))
    ]
    row = jobs([attempt(6, "SUCCEEDED")], changes)[6]
    assert (row["runtime_age_days"], row["days_since_runtime_change"]) == (4, 2)
    assert jobs([attempt(1, "SUCCEEDED")], changes)[1]["days_since_runtime_change"] is None


def column(number: int, table: str, name: str, kind: str = "int", **more: Any) -> Row:
    """Return a gold column of a snapshot."""
    return {
        "catalog_name": "main",
        "snapshot_date": day(number),
        "schema_name": "s",
        "table_name": table,
        "column_name": name,
        "full_data_type": kind,
        "is_nullable": True,
        "comment": None,
        "table_type": "MANAGED",
        "data_source_format": "DELTA",
        "last_altered": at(0),
    } | more


def catalogs(*columns: Row) -> dict[int, Row]:
    """Return the quality features by day number."""
    return {(r["snapshot_date"] - START).days: r for r in quality_rows(list(columns))}


def test_a_snapshot_is_compared_with_the_one_before_it() -> None:
    rows = catalogs(
        column(0, "a", "x"),
        column(0, "a", "y"),
        column(0, "b", "x"),
        column(3, "a", "x", "bigint"),
        column(3, "a", "z"),
        column(3, "c", "x"),
        column(3, "c", "y"),
    )
    assert rows[0]["columns_added_1d"] is None
    names = ("tables_added", "tables_dropped", "columns_added", "columns_dropped")
    assert [rows[3][f"{name}_1d"] for name in names] == [1, 1, 3, 2]
    assert (rows[3]["columns_retyped_1d"], rows[3]["column_changes_7d"]) == (1, 6)
    assert (rows[3]["days_since_last_change"], rows[3]["days_between_changes_28d"]) == (0, None)


def test_a_snapshot_more_than_28_days_back_is_not_compared_with() -> None:
    assert catalogs(column(0, "a", "x"), column(28, "a", "x"))[28]["columns_added_1d"] == 0
    assert catalogs(column(0, "a", "x"), column(29, "a", "x"))[29]["columns_added_1d"] is None


def test_a_table_is_overdue_when_its_age_exceeds_its_own_gaps() -> None:
    altered = (0, 1, 2, 3, 3, 3)
    rows = catalogs(
        *(column(n, "a", "x", last_altered=at(day_)) for n, day_ in enumerate(altered)),
        column(5, "new", "x", last_altered=at(5)),
    )
    assert rows[2]["overdue_table_share"] is None
    assert [rows[n]["overdue_table_share"] for n in (3, 4, 5)] == [0, 1, 1]
    assert rows[5]["tables_altered_share_1d"] == 0.5
    assert rows[5]["median_hours_since_alter"] == 48
