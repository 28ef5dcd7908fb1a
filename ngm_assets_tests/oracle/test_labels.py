"""Labels as a person would work them out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from ngm_assets_tests.oracle.labels import next_failed, next_p95, schema_changed, stays_high

Row = dict[str, Any]
START = date(2024, 2, 1)


def by_day(rows: dict[int, Row]) -> dict[date, Row]:
    """Return rows by day, counted from the first one."""
    return {START + timedelta(days=n): row for n, row in rows.items()}


def cost(value: float, norm: float | None) -> Row:
    """Return what the proxy reads of a day."""
    return {"daily_cost": value, "cost_weekday_median_28d": norm}


def test_a_cost_anomaly_jumps_and_is_still_high_the_day_after() -> None:
    assert stays_high(by_day({0: cost(16, 10), 1: cost(13, 10)}), START) == 1
    assert stays_high(by_day({0: cost(15, 10), 1: cost(13, 10)}), START) == 0
    assert stays_high(by_day({0: cost(16, 10), 1: cost(12, 10)}), START) == 0
    assert stays_high(by_day({0: cost(16, 10), 1: cost(13, None)}), START) is None
    assert stays_high(by_day({0: cost(16, 10), 2: cost(13, 10)}), START) is None


def test_the_next_active_day_is_looked_for_over_seven_days() -> None:
    assert next_p95(by_day({0: {}, 7: {"p95_duration_ms": 5.0}}), START) == 5
    assert next_p95(by_day({0: {}, 8: {"p95_duration_ms": 5.0}}), START) is None
    runs = by_day({0: {}, 2: {"failed_runs": 0}, 3: {"failed_runs": 4}})
    assert next_failed(runs, START) == 0


def test_a_schema_changed_when_any_of_the_next_snapshots_changed_a_column() -> None:
    still = {"columns_added_1d": 0, "columns_dropped_1d": 0, "columns_retyped_1d": 0}
    moved = still | {"columns_retyped_1d": 2}
    assert schema_changed(by_day({0: moved, 1: still, 7: moved}), START) == 1
    assert schema_changed(by_day({0: moved, 1: still, 8: moved}), START) == 0
    assert schema_changed(by_day({0: moved, 8: moved}), START) is None
