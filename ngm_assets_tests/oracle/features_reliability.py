"""Works out reliability features: one job at a time, attempt by attempt."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any

from ngm_assets_tests.oracle.calendar import days_before, weekday_columns
from ngm_assets_tests.oracle.frames import Row
from ngm_assets_tests.oracle.statistics import mean, percentile, ratio, sample_std

FAILURES = ("FAILED", "ERROR", "TIMED_OUT")
LOOKBACK = 90

Attempts = dict[date, list[Row]]


def reliability_rows(attempts: list[Row], clusters: list[Row]) -> list[Row]:
    """Return the reliability features of every job and day with attempts."""
    by_job: dict[tuple[str, str], Attempts] = {}
    for attempt in attempts:
        if attempt["job_id"] is not None:
            days = by_job.setdefault((attempt["workspace_id"], attempt["job_id"]), {})
            days.setdefault(attempt["run_date"], []).append(attempt)
    changes = sorted(
        (c for c in clusters if c["dbr_version"] is not None), key=lambda c: c["change_time"]
    )
    found = []
    for (workspace, job), days in by_job.items():
        for day in days:
            row: Row = {"workspace_id": workspace, "job_id": job, "run_date": day}
            row |= daily_row(days[day]) | windows(days, day) | history(days, day)
            row["duration_ratio_30d"] = ratio(
                row["avg_duration_sec"], row["rolling_avg_duration_30d"]
            )
            found.append(row | runtime(days[day], day, changes) | weekday_columns(day))
    return found


def with_result(attempts: list[Row], *results: str) -> list[Row]:
    """Return the attempts that ended in one of the results."""
    return [a for a in attempts if a["result_state"] in results]


def rates(attempts: list[Row]) -> tuple[int, int, float | None]:
    """Return failures, decided attempts, and the one as a share of the other."""
    failed = len(with_result(attempts, *FAILURES))
    decided = failed + len(with_result(attempts, "SUCCEEDED"))
    return failed, decided, ratio(failed, decided)


def succeeded_durations(attempts: list[Row]) -> list[float]:
    """Return the durations of the attempts that succeeded, in seconds."""
    return [a["duration_sec"] for a in with_result(attempts, "SUCCEEDED")]


def daily_row(attempts: list[Row]) -> Row:
    """Return the columns that speak of one day alone."""
    failed, decided, failure_rate = rates(attempts)
    durations = succeeded_durations(attempts)
    return {
        "total_runs": len(attempts),
        "decided_runs": decided,
        "succeeded_runs": len(durations),
        "failed_runs": failed,
        "timeout_runs": len(with_result(attempts, "TIMED_OUT")),
        "cancelled_runs": len(with_result(attempts, "CANCELLED")),
        "skipped_runs": len(with_result(attempts, "SKIPPED")),
        "repair_runs": repairs(attempts),
        "success_rate": ratio(len(durations), decided),
        "failure_rate": failure_rate,
        "avg_duration_sec": mean(durations),
        "p50_duration_sec": percentile(durations, 0.50),
        "p95_duration_sec": percentile(durations, 0.95),
        "duration_cv": ratio(sample_std(durations), mean(durations)),
        "max_duration_sec": max(a["duration_sec"] for a in attempts),
    }


def repairs(attempts: list[Row]) -> int:
    """Return the attempts that repaired a run."""
    return sum(a["attempt"] > 1 for a in attempts)


def within(days: Attempts, wanted: list[date]) -> list[Row]:
    """Return the attempts of the days, pooled."""
    return [attempt for day in wanted for attempt in days.get(day, [])]


def windows(days: Attempts, day: date) -> Row:
    """Return the pooled rates and durations up to a day."""
    month = days_before(day, 29, 0)
    pooled = within(days, month)
    failed, _, failure_rate = rates(pooled)
    durations = succeeded_durations(pooled)
    return {
        "failure_rate_7d": rates(within(days, days_before(day, 6, 0)))[2],
        "rolling_failure_rate_30d": failure_rate,
        "rolling_avg_duration_30d": mean(durations),
        "total_failures_30d": failed,
        "total_runs_30d": len(pooled),
        "rolling_repair_rate_30d": repairs(pooled) / len(pooled),
        "runs_per_day_30d": len(pooled) / 30,
        "active_days_30d": sum(d in days for d in month),
        "p95_success_duration_30d": percentile(durations, 0.95),
    }


def history(days: Attempts, day: date) -> Row:
    """Return how the days with runs before went, newest first."""
    failed = {d: bool(with_result(days[d], *FAILURES)) for d in days}
    before = [d for d in reversed(days_before(day, LOOKBACK, 1)) if d in days]
    failed_days = [d for d in [day, *before] if failed[d]]
    streak = 0
    for d in reversed(days_before(day, 29, 0)):
        if d in days:
            if not failed[d]:
                break
            streak += 1
    return {
        "prev_day_failed": failed[before[0]] if before else None,
        "consecutive_failed_days": streak,
        "days_since_last_failure": (day - failed_days[0]).days if failed_days else None,
    }


def runtime(attempts: list[Row], day: date, changes: list[Row]) -> Row:
    """Return the age of the runtime version the day's last attempt ran on, and of its arrival.

    The version is that of the attempt's cluster as last changed by the attempt's end; of several
    clusters, the one changed last. Only changes within 90 days are known.
    """
    unknown: dict[str, Any] = {"runtime_age_days": None, "days_since_runtime_change": None}
    last = max(attempts, key=lambda a: (a["end_time"], a["run_id"], a["attempt"]))
    window = set(days_before(day, LOOKBACK, 0))
    recent = [c for c in changes if c["change_date"] in window]
    mine = [
        c
        for c in recent
        if c["workspace_id"] == last["workspace_id"]
        and c["cluster_id"] in (last["compute_ids"] or [])
        and c["change_time"] <= last["end_time"]
    ]
    if not mine:
        return unknown
    now = max(mine, key=lambda c: (c["change_time"], c["cluster_id"]))
    first_seen = min(c["change_date"] for c in recent if c["dbr_version"] == now["dbr_version"])
    own = [c for c in mine if c["cluster_id"] == now["cluster_id"]]
    moved = [
        after["change_date"]
        for before, after in itertools.pairwise(own)
        if before["dbr_version"] != after["dbr_version"]
    ]
    return {
        "runtime_age_days": (day - first_seen).days,
        "days_since_runtime_change": (day - moved[-1]).days if moved else None,
    }
