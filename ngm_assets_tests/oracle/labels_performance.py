"""Works out what performance rows are judged by: a warehouse's days after t, and rules of thumb."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

from ngm_assets_tests.oracle.calendar import days_before
from ngm_assets_tests.oracle.frames import Row, as_date, frame_of, rows_of
from ngm_assets_tests.oracle.statistics import known, median

if TYPE_CHECKING:
    import pandas as pd

KEY = {"workspace_id": "string", "warehouse_id": "string", "query_date": "date"}
COLUMNS = {
    "p95_next_active_day": "double",
    "rule_p95_today": "double",
    "size_next_7d": "string",
    "rule_size_last_7d": "string",
    "p95_concurrency_next_active_day": "double",
    "rule_p95_concurrency_today": "double",
    "cache_hits_next_active_day": "double",
    "rule_cache_hits_today": "double",
    "slow_next_active_day": "double",
    "rule_slow_today": "double",
    "p95_regresses_next_7d": "double",
    "rule_p95_above_median": "double",
}
CACHED_SHARE = 0.3
SLOW_SHARE = 0.1
REGRESSION = 1.2

Days = Mapping[date, Row]


def performance_labels(features: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the labels and rules of every performance row, by the label SQL's column.

    Args:
        features: The feature tables by name.

    Returns:
        Column name to a frame of the feature table's key columns and a column of that name:
        milliseconds, statements, events 0 or 1, or the name of a size; missing where unknown.
    """
    warehouses: dict[tuple[str, str], dict[date, Row]] = {}
    for row in rows_of(features["performance_features"]):
        days = warehouses.setdefault((row["workspace_id"], row["warehouse_id"]), {})
        days[as_date(row["query_date"])] = row
    rows = [
        {"workspace_id": workspace, "warehouse_id": warehouse, "query_date": day}
        | labels_of(days, day)
        for (workspace, warehouse), days in warehouses.items()
        for day in days
    ]
    return {
        name: frame_of([{k: row[k] for k in (*KEY, name)} for row in rows], KEY | {name: kind})
        for name, kind in COLUMNS.items()
    }


def labels_of(days: Days, day: date) -> Row:
    """Return all labels and rules of one warehouse and active day."""
    after = [day + timedelta(days=n) for n in range(1, 8)]
    today, coming = days[day], next((days[d] for d in after if d in days), {})
    month = days_before(day, 27, 0)
    usual = median(days[d]["p95_duration_ms"] for d in month if d in days)
    peak = max(days[d]["peak_concurrency"] for d in month if d in days)
    next_week = median(days[d]["p95_duration_ms"] for d in after if d in days)
    limit = None if usual is None else REGRESSION * usual
    return {
        "p95_next_active_day": coming.get("p95_duration_ms"),
        "rule_p95_today": today["p95_duration_ms"],
        "size_next_7d": size([days[d] for d in after if d in days], peak),
        "rule_size_last_7d": size([days[d] for d in days_before(day, 6, 0) if d in days], peak),
        "p95_concurrency_next_active_day": coming.get("p95_concurrency"),
        "rule_p95_concurrency_today": today["p95_concurrency"],
        "cache_hits_next_active_day": at_least(coming.get("cache_hit_share"), CACHED_SHARE),
        "rule_cache_hits_today": at_least(today["cache_hit_share"], CACHED_SHARE),
        "slow_next_active_day": above(coming.get("slow_query_rate"), SLOW_SHARE),
        "rule_slow_today": above(today["slow_query_rate"], SLOW_SHARE),
        "p95_regresses_next_7d": above(next_week, limit),
        "rule_p95_above_median": above(today["p95_duration_ms"], limit),
    }


def size(week: list[Row], peak: float) -> str | None:
    """Return what a week says of a warehouse's size.

    Too small: more than a tenth of the statements waited long. Too large: none waited at all, and
    on the median day fewer than a quarter of the peak ran at once. Nothing, where no statement's
    waiting is known.
    """
    judged = sum(row["queue_known_count"] for row in week)
    if not judged:
        return None
    if sum(row["high_queue_count"] for row in week) / judged > 0.1:
        return "undersized"
    usual = median(known(row["p95_concurrency"] for row in week))
    nobody_waited = all(row["queued_count"] == 0 for row in week)
    small = usual is not None and usual < peak / 4
    return "oversized" if nobody_waited and small else "right_sized"


def at_least(value: float | None, bound: float) -> float | None:
    """Return whether a value reaches a bound, as 0 or 1; None when it is unknown."""
    return None if value is None else float(value >= bound)


def above(value: float | None, bound: float | None) -> float | None:
    """Return whether a value exceeds a bound, as 0 or 1; None when one of them is unknown."""
    return None if value is None or bound is None else float(value > bound)
