"""Works out performance features: one warehouse at a time, statement by statement."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from math import log1p
from typing import Any

from ngm_assets_tests.oracle.calendar import back, days_before, weekday_columns
from ngm_assets_tests.oracle.frames import Row
from ngm_assets_tests.oracle.statistics import known, mean, median, percentile, ratio, total

SLOW_MS = 60_000
LEAST_NORM_DAYS = 5
LEAST_SPREAD = 1e-6

Days = dict[date, Row]


def performance_rows(statements: list[Row]) -> list[Row]:
    """Return the performance features of every warehouse and active day."""
    by_warehouse: dict[tuple[str, str], dict[date, list[Row]]] = {}
    for statement in statements:
        if statement["warehouse_id"] is not None:
            key = (statement["workspace_id"], statement["warehouse_id"])
            days = by_warehouse.setdefault(key, {})
            days.setdefault(statement["query_date"], []).append(statement)
    found = []
    for (workspace, warehouse), days in by_warehouse.items():
        daily = {day: daily_row(ended) for day, ended in days.items()}
        for day, row in daily.items():
            key_columns = {"workspace_id": workspace, "warehouse_id": warehouse, "query_date": day}
            back_then = windows(daily, day) | pooled(days, day) | concurrency_windows(daily, day)
            back_then |= against_2w_ago(daily, day)
            found.append(key_columns | row | back_then | weekday_columns(day))
    return found


def daily_row(ended: list[Row]) -> Row:
    """Return the columns that speak of one day alone."""
    return counts(ended) | durations(ended) | queueing(ended) | volumes(ended) | concurrency(ended)


def counts(ended: list[Row]) -> Row:
    """Return how many statements ended, and how."""
    states = [s["execution_status"] for s in ended]
    failed, cancelled = states.count("FAILED"), states.count("CANCELED")
    return {
        "query_count": len(ended),
        "finished_count": states.count("FINISHED"),
        "failed_count": failed,
        "canceled_count": cancelled,
        "error_rate": failed / len(ended),
        "cancel_rate": cancelled / len(ended),
        "active_minutes": len({s["end_time"].replace(second=0, microsecond=0) for s in ended}),
        "distinct_users": len({s["executed_by"] for s in ended} - {None}),
    }


def durations(ended: list[Row]) -> Row:
    """Return the durations of the statements that FINISHED."""
    finished = [s["total_duration_ms"] for s in ended if s["execution_status"] == "FINISHED"]
    milliseconds = known(finished)
    return {
        "avg_duration_ms": mean(milliseconds),
        "p50_duration_ms": percentile(milliseconds, 0.50),
        "p95_duration_ms": percentile(milliseconds, 0.95),
        "p99_duration_ms": percentile(milliseconds, 0.99),
        "max_duration_ms": max(milliseconds, default=None),
        "slow_query_rate": share(ms > SLOW_MS for ms in milliseconds),
    }


def queueing(ended: list[Row]) -> Row:
    """Return the waiting at capacity of the statements whose waiting and duration are known."""
    pairs = [(s["waiting_at_capacity_duration_ms"], s["total_duration_ms"]) for s in ended]
    both = [(waited, lasted) for waited, lasted in pairs if None not in (waited, lasted)]
    high = [10 * waited > lasted for waited, lasted in both]
    return {
        "queue_share": ratio(total(w for w, _ in both), total(d for _, d in both)),
        "high_queue_rate": share(high),
        "queue_known_count": len(both),
        "queued_count": sum(waited > 0 for waited, _ in both),
        "high_queue_count": sum(high),
    }


def volumes(ended: list[Row]) -> Row:
    """Return bytes, files, spill and caches, each over the statements where it is known."""
    read = total(s["read_bytes"] for s in ended)
    written = total(s["written_bytes"] for s in ended)
    pruned = total(s["pruned_files"] for s in ended)
    opened = total(s["read_files"] for s in ended)
    files = None if pruned is None or opened is None else pruned + opened
    return {
        "total_bytes_read": read,
        "total_bytes_written": written,
        "read_write_ratio": ratio(read, written),
        "pruning_ratio": ratio(pruned, files),
        "spill_rate": share(b > 0 for b in known(s["spilled_local_bytes"] for s in ended)),
        "cache_hit_share": share(known(s["from_result_cache"] for s in ended)),
        "avg_io_cache_percent": mean(s["read_io_cache_percent"] for s in ended),
    }


def concurrency(ended: list[Row]) -> Row:
    """Return how many of the day's statements ran at once, looked at at every start.

    A statement runs from its start until just before its end, so one of no length never runs.
    """
    starts = sorted(s["start_time"] for s in ended)
    ends = sorted(s["end_time"] for s in ended)
    running = [bisect_right(starts, moment) - bisect_right(ends, moment) for moment in starts]
    return {"peak_concurrency": max(running), "p95_concurrency": percentile(running, 0.95)}


def share(flags: Any) -> float | None:
    """Return the share of true flags, or None without any flag."""
    return mean([float(flag) for flag in flags])


def windows(daily: Days, day: date) -> Row:
    """Return the columns of one day that look back over active days."""
    week, month = days_before(day, 6, 0), days_before(day, 28, 1)
    usual = median(values(daily, "p95_duration_ms", month))
    four_weeks = days_before(day, 27, 0)
    row: Row = {
        "avg_query_count_7d": mean(values(daily, "query_count", week)),
        "p95_avg_7d": mean(values(daily, "p95_duration_ms", week)),
        "p95_median_28d": usual,
        "p95_median_4w": median(values(daily, "p95_duration_ms", four_weeks)),
        "p95_ratio_28d": ratio(daily[day]["p95_duration_ms"], usual),
        "days_active_28d": sum(d in daily for d in month),
    }
    for n in (1, 6, 7):
        before = daily.get(back(day, n), {})
        row[f"p95_lag_{n}d"] = before.get("p95_duration_ms")
        row[f"query_count_lag_{n}d"] = before.get("query_count")
    return row


def pooled(days: dict[date, list[Row]], day: date) -> Row:
    """Return rates over all statements of a week up to a day, and of the four weeks before it."""
    week = [s for d in days_before(day, 6, 0) for s in days.get(d, [])]
    month = [s for d in days_before(day, 28, 1) for s in days.get(d, [])]
    waiting = queueing(week)
    return {
        "slow_query_rate_7d": durations(week)["slow_query_rate"],
        "slow_query_rate_28d": durations(month)["slow_query_rate"],
        "queued_rate_7d": ratio(waiting["queued_count"], waiting["queue_known_count"]),
        "high_queue_rate_7d": waiting["high_queue_rate"],
        "high_queue_rate_28d": queueing(month)["high_queue_rate"],
        "cache_hit_share_7d": volumes(week)["cache_hit_share"],
        "cache_hit_share_28d": volumes(month)["cache_hit_share"],
    }


def concurrency_windows(daily: Days, day: date) -> Row:
    """Return how many statements ran at once on the active days up to a day."""
    week = values(daily, "p95_concurrency", days_before(day, 6, 0))
    row: Row = {
        "p95_concurrency_avg_7d": mean(week),
        "p95_concurrency_max_7d": max(week),
        "p95_concurrency_median_7d": median(week),
        "p95_concurrency_median_28d": median(
            values(daily, "p95_concurrency", days_before(day, 28, 1))
        ),
        "peak_concurrency_max_28d": max(values(daily, "peak_concurrency", days_before(day, 27, 0))),
    }
    peak = row["peak_concurrency_max_28d"]
    row["concurrency_share_of_peak"] = ratio(row["p95_concurrency_median_7d"], peak)
    for n in (1, 6):
        row[f"p95_concurrency_lag_{n}d"] = daily.get(back(day, n), {}).get("p95_concurrency")
    return row


def against_2w_ago(daily: Days, day: date) -> Row:
    """Return a day and its week against the four weeks that ended a fortnight ago."""
    then, week = days_before(day, 41, 14), days_before(day, 6, 0)
    enough = len(values(daily, "p95_duration_ms", then)) >= LEAST_NORM_DAYS
    row: Row = {}
    for name in ("p50", "p95"):
        column = f"{name}_duration_ms"
        norm = median(values(daily, column, then)) if enough else None
        row[f"{name}_median_2w_ago"] = norm
        row[f"{name}_ratio_2w_ago"] = ratio(daily[day][column], norm)
        row[f"{name}_week_ratio_2w_ago"] = ratio(median(values(daily, column, week)), norm)
    logs = [log1p(ms) for ms in values(daily, "p95_duration_ms", then)]
    row["p95_robust_z_2w_ago"] = None
    centre, today = median(logs), daily[day]["p95_duration_ms"]
    if enough and centre is not None and today is not None:
        spread = median(abs(value - centre) for value in logs) or 0.0
        if spread > LEAST_SPREAD:
            row["p95_robust_z_2w_ago"] = (log1p(today) - centre) / (1.4826 * spread)
    return row


def values(daily: Days, column: str, days: list[date]) -> list[float]:
    """Return a column's known values on those of the days that have a row."""
    return known(daily[d][column] for d in days if d in daily)
