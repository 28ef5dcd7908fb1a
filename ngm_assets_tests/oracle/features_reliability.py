"""Works out reliability features: one job at a time, attempt by attempt."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

from ngm_assets_tests.oracle.calendar import days_before, weekday_columns
from ngm_assets_tests.oracle.frames import Row
from ngm_assets_tests.oracle.statistics import mean, percentile, ratio, sample_std

FAILURES = ("FAILED", "ERROR", "TIMED_OUT")
LOOKBACK = 90
BREACH = 1.2
RETRY_WITHIN = timedelta(hours=24)

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
        breaches = {day: breached(days, day) for day in days}
        for day in days:
            row: Row = {"workspace_id": workspace, "job_id": job, "run_date": day}
            row |= daily_row(days[day]) | windows(days, day) | history(days, day)
            row |= norms(days, day, breaches) | retries(days, day)
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
    month, week = days_before(day, 29, 0), within(days, days_before(day, 6, 0))
    pooled = within(days, month)
    failed, _, failure_rate = rates(pooled)
    durations = succeeded_durations(pooled)
    return {
        "failure_rate_7d": rates(week)[2],
        "success_rate_7d": ratio(len(with_result(week, "SUCCEEDED")), rates(week)[1]),
        "rolling_failure_rate_30d": failure_rate,
        "rolling_avg_duration_30d": mean(durations),
        "total_failures_30d": failed,
        "total_runs_30d": len(pooled),
        "rolling_repair_rate_30d": repairs(pooled) / len(pooled),
        "runs_per_day_30d": len(pooled) / 30,
        "active_days_30d": sum(d in days for d in month),
        "p50_success_duration_30d": percentile(durations, 0.50),
        "p95_success_duration_30d": percentile(durations, 0.95),
        "timeouts_30d": len(with_result(pooled, "TIMED_OUT")),
    }


def norm_before(days: Attempts, day: date) -> float | None:
    """Return the 95th percentile of what succeeded in the 30 days before a day, in seconds."""
    return percentile(succeeded_durations(within(days, days_before(day, 30, 1))), 0.95)


def breached(days: Attempts, day: date) -> bool | None:
    """Return whether an attempt of the day took far longer than usual or timed out.

    None where nothing succeeded in the 30 days before, time-out or not.
    """
    norm = norm_before(days, day)
    return None if norm is None else breaks(days[day], norm)


def breaks(attempts: list[Row], norm: float) -> bool:
    """Return whether any attempt breaks a norm of so many seconds."""
    return any(
        a["duration_sec"] > BREACH * norm or a["result_state"] == "TIMED_OUT" for a in attempts
    )


def norms(days: Attempts, day: date, breaches: dict[date, bool | None]) -> Row:
    """Return how the day and the days before it compare with their norms, and recent medians."""
    month = days_before(day, 29, 0)
    judged = [breaches[d] for d in month if breaches.get(d) is not None]
    medians = {d: percentile(succeeded_durations(days.get(d, [])), 0.5) for d in month}
    known = [medians[d] for d in month if medians[d] is not None]
    usual = percentile(succeeded_durations(within(days, month)), 0.5)
    past = [percentile(succeeded_durations(days.get(d, [])), 0.5) for d in days_before(day, 90, 1)]
    earlier = [median for median in past if median is not None]
    return {
        "max_duration_ratio": ratio(
            max(a["duration_sec"] for a in days[day]), norm_before(days, day)
        ),
        "breached": breaches[day],
        "breached_30d": sum(map(bool, judged)) if judged else None,
        "breach_rate_30d": ratio(sum(map(bool, judged)), len(judged)),
        "prev_p50_duration_sec": earlier[-1] if earlier else None,
        "latest_p50_ratio_30d": ratio(known[-1], usual) if known else None,
    }


def finish(attempt: Row) -> tuple[Any, str, int]:
    """Return what orders attempts by their ends."""
    return attempt["end_time"], attempt["run_id"], attempt["attempt"]


def retry_of(failure: Row, ended: list[Row]) -> Row | None:
    """Return the retry of a failure among attempts of the job that have ended; None without one.

    It is the first to end of the decided attempts that began at or after the failure's end and
    within 24 hours of it, of the same run or of another.
    """
    end = failure["end_time"]
    found = [
        a
        for a in with_result(ended, "SUCCEEDED", *FAILURES)
        if a["end_time"] > end and end <= a["start_time"] <= end + RETRY_WITHIN
    ]
    return min(found, key=finish) if found else None


def last_failure(attempts: list[Row]) -> Row | None:
    """Return the failure that ended last."""
    return max(with_result(attempts, *FAILURES), key=finish, default=None)


def retries(days: Attempts, day: date) -> Row:
    """Return what is known at the end of a day of the retries of its month's failures."""
    month = days_before(day, 29, 0)
    ended = within(days, month)
    found = [retry_of(failure, ended) for failure in with_result(ended, *FAILURES)]
    known = [retry["result_state"] == "SUCCEEDED" for retry in found if retry is not None]
    last = last_failure(days[day])
    return {
        "last_failure_open": None if last is None else retry_of(last, days[day]) is None,
        "last_failure_attempt": None if last is None else last["attempt"],
        "last_failure_duration_sec": None if last is None else last["duration_sec"],
        "retries_30d": len(known),
        "retry_success_rate_30d": ratio(sum(known), len(known)),
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
    names = ("runtime_version", "runtime_age_days", "days_since_runtime_change")
    unknown: dict[str, Any] = dict.fromkeys(names)
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
        "runtime_version": now["dbr_version"],
        "runtime_age_days": (day - first_seen).days,
        "days_since_runtime_change": (day - moved[-1]).days if moved else None,
    }
