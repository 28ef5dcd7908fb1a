"""Works out performance features: one warehouse at a time, statement by statement."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from typing import Any

from ngm_assets_tests.oracle.calendar import back, days_before, weekday_columns
from ngm_assets_tests.oracle.frames import Row
from ngm_assets_tests.oracle.statistics import known, mean, median, percentile, ratio, total

SLOW_MS = 60_000

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
            found.append(key_columns | row | windows(daily, day) | weekday_columns(day))
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
    return {
        "queue_share": ratio(total(w for w, _ in both), total(d for _, d in both)),
        "high_queue_rate": share(10 * waited > lasted for waited, lasted in both),
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
    row: Row = {
        "avg_query_count_7d": mean(values(daily, "query_count", week)),
        "p95_avg_7d": mean(values(daily, "p95_duration_ms", week)),
        "p95_median_28d": usual,
        "p95_ratio_28d": ratio(daily[day]["p95_duration_ms"], usual),
        "days_active_28d": sum(d in daily for d in month),
    }
    for n in (1, 7):
        before = daily.get(back(day, n), {})
        row[f"p95_lag_{n}d"] = before.get("p95_duration_ms")
        row[f"query_count_lag_{n}d"] = before.get("query_count")
    return row


def values(daily: Days, column: str, days: list[date]) -> list[float]:
    """Return a column's known values on those of the days that have a row."""
    return known(daily[d][column] for d in days if d in daily)
