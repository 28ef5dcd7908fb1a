"""Labels of warehouses, and the features they rest on, as a person would work them out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from math import exp, expm1
from typing import Any

import pytest

from ngm_assets_tests.oracle.features_performance import (
    against_2w_ago,
    concurrency_windows,
    pooled,
    queueing,
)
from ngm_assets_tests.oracle.labels_performance import labels_of, size

Row = dict[str, Any]
START = date(2024, 2, 1)


def by_day(rows: dict[int, Row]) -> dict[date, Row]:
    """Return rows by day, counted from the first one."""
    return {START + timedelta(days=n): row for n, row in rows.items()}


def warehouse_day(**more: Any) -> Row:
    """Return what the labels read of a warehouse's day."""
    return {
        "p95_duration_ms": 100.0,
        "p95_concurrency": 1.0,
        "peak_concurrency": 4,
        "cache_hit_share": 0.2,
        "slow_query_rate": 0.1,
        "queue_known_count": 100,
        "queued_count": 0,
        "high_queue_count": 0,
    } | more


@pytest.mark.parametrize(
    ("week", "peak", "expected"),
    [
        ([{"high_queue_count": 10, "queued_count": 10}], 4, "right_sized"),
        ([{"high_queue_count": 11, "queued_count": 11}], 4, "undersized"),
        (
            [{"high_queue_count": 50, "queued_count": 50}, {"queue_known_count": 900}],
            4,
            "right_sized",
        ),
        ([{}], 4, "right_sized"),
        ([{}], 5, "oversized"),
        ([{"queued_count": 1}], 5, "right_sized"),
        ([{}, {}, {"p95_concurrency": 3.0}], 5, "oversized"),
        ([{}, {"p95_concurrency": 3.0}], 5, "right_sized"),
        ([{"queue_known_count": 0}], 5, None),
        ([], 5, None),
    ],
)
def test_the_size_of_a_week_pools_its_statements(
    week: list[Row], peak: int, expected: str | None
) -> None:
    assert size([warehouse_day(**more) for more in week], peak) == expected


def test_sizes_speak_of_the_week_after_and_the_week_up_to_a_day() -> None:
    crowded = warehouse_day(high_queue_count=90, queued_count=90)
    days = by_day({0: crowded, 7: warehouse_day(peak_concurrency=8), 14: crowded, 15: crowded})
    found = labels_of(days, START + timedelta(days=7))
    assert (found["size_next_7d"], found["rule_size_last_7d"]) == ("undersized", "oversized")
    found = labels_of(by_day({0: warehouse_day(), 8: crowded}), START)
    assert (found["size_next_7d"], found["rule_size_last_7d"]) == (None, "right_sized")


def test_events_are_those_of_the_next_active_day_within_a_week() -> None:
    later = warehouse_day(cache_hit_share=0.3, slow_query_rate=0.11, p95_concurrency=2.5)
    found = labels_of(by_day({0: warehouse_day(), 7: later}), START)
    assert (found["cache_hits_next_active_day"], found["rule_cache_hits_today"]) == (1, 0)
    assert (found["slow_next_active_day"], found["rule_slow_today"]) == (1, 0)
    assert found["p95_concurrency_next_active_day"] == 2.5
    assert found["rule_p95_concurrency_today"] == 1
    found = labels_of(by_day({0: warehouse_day(), 8: later}), START)
    assert {found[n] for n in ("cache_hits_next_active_day", "slow_next_active_day")} == {None}


def test_a_next_day_without_a_known_share_is_unknown_not_skipped() -> None:
    unknown = warehouse_day(cache_hit_share=None)
    days = by_day({0: warehouse_day(), 1: unknown, 2: warehouse_day(cache_hit_share=0.9)})
    assert labels_of(days, START)["cache_hits_next_active_day"] is None


def test_a_regression_is_a_median_week_above_a_fifth_more_than_the_median_of_four_weeks() -> None:
    def regresses(*following: float) -> float | None:
        days = {0: 100.0, 27: 100.0} | {28 + n: ms for n, ms in enumerate(following)}
        rows = by_day({n: warehouse_day(p95_duration_ms=ms) for n, ms in days.items()})
        found: float | None = labels_of(rows, START + timedelta(days=27))["p95_regresses_next_7d"]
        return found

    assert regresses(500, 121, 1) == 1
    assert regresses(500, 120, 1) == 0
    assert regresses() is None


def test_rates_of_a_week_are_pooled_over_its_statements() -> None:
    def statement(waited: int) -> Row:
        return {
            "execution_status": "FINISHED",
            "total_duration_ms": 70_000,
            "waiting_at_capacity_duration_ms": waited,
            **dict.fromkeys(("read_bytes", "written_bytes", "pruned_files", "read_files")),
            **dict.fromkeys(("spilled_local_bytes", "from_result_cache")),
            "read_io_cache_percent": None,
        }

    days = {START: [statement(7000)] * 9, START + timedelta(days=6): [statement(7001)]}
    week = pooled(days, START + timedelta(days=6))
    assert (week["high_queue_rate_7d"], week["queued_rate_7d"]) == (0.1, 1)
    assert (week["high_queue_rate_28d"], week["slow_query_rate_28d"]) == (0, 1)
    assert week["cache_hit_share_7d"] is None
    assert queueing([statement(0)])["queued_count"] == 0


def test_the_share_of_the_peak_is_that_of_a_usual_busy_moment() -> None:
    levels = {0: (4.0, 20), 1: (2.0, 8), 6: (3.0, 9)}
    days = by_day(
        {n: {"p95_concurrency": p, "peak_concurrency": m} for n, (p, m) in levels.items()}
    )
    row = concurrency_windows(days, START + timedelta(days=6))
    assert (row["concurrency_share_of_peak"], row["peak_concurrency_max_28d"]) == (3 / 20, 20)
    assert (row["p95_concurrency_avg_7d"], row["p95_concurrency_median_28d"]) == (3, 3)
    assert (row["p95_concurrency_lag_6d"], row["p95_concurrency_lag_1d"]) == (4, None)


def test_the_norm_of_a_fortnight_ago_does_not_know_the_last_two_weeks() -> None:
    logs = {0: 4, 1: 5, 2: 6, 3: 7, 27: 8, 28: 11, 41: 12}
    days = by_day(
        {n: {"p50_duration_ms": 10.0, "p95_duration_ms": expm1(v)} for n, v in logs.items()}
    )
    row = against_2w_ago(days, START + timedelta(days=41))
    assert row["p95_median_2w_ago"] == pytest.approx(expm1(6))
    assert row["p95_robust_z_2w_ago"] == pytest.approx((12 - 6) / 1.4826)
    assert row["p95_ratio_2w_ago"] == pytest.approx((exp(12) - 1) / (exp(6) - 1))
    assert (row["p50_ratio_2w_ago"], row["p50_week_ratio_2w_ago"]) == (1, 1)
    del days[START]
    assert set(against_2w_ago(days, START + timedelta(days=41)).values()) == {None}
