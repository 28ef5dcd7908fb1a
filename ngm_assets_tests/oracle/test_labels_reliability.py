"""Reliability labels as a person would work them out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ngm_assets_tests.oracle.features_reliability import Attempts, breached, retries, retry_of
from ngm_assets_tests.oracle.labels_reliability import (
    Job,
    breaches_next,
    fails_more,
    health,
    next_median,
    retry_succeeds,
    runtime_change,
    runtime_moves,
)

Row = dict[str, Any]
START = date(2024, 2, 1)
MIDNIGHT = datetime(2024, 2, 1, tzinfo=UTC)


def day(number: int) -> date:
    """Return a day counted from the first one."""
    return START + timedelta(days=number)


def attempt(start: float, hours: float, result: str = "SUCCEEDED", **more: Any) -> Row:
    """Return an attempt that starts so many hours after the first midnight and lasts so many."""
    end = MIDNIGHT + timedelta(hours=start + hours)
    return {
        "run_id": f"{start:g}",
        "attempt": 1,
        "start_time": MIDNIGHT + timedelta(hours=start),
        "end_time": end,
        "run_date": end.date(),
        "duration_sec": hours * 3600,
        "result_state": result,
        "compute_ids": ["c"],
    } | more


def by_day(*attempts: Row) -> Attempts:
    """Return attempts by the day on which they ended."""
    found: Attempts = {}
    for one in attempts:
        found.setdefault(one["run_date"], []).append(one)
    return found


def daily(results: str, hours: float = 1) -> Attempts:
    """Return an attempt a day at noon: S succeeded, F failed, T timed out, C cancelled, - none."""
    names = {"S": "SUCCEEDED", "F": "FAILED", "T": "TIMED_OUT", "C": "CANCELLED"}
    return by_day(
        *(attempt(24 * n + 12, hours, names[r]) for n, r in enumerate(results) if r != "-")
    )


def test_a_retry_starts_within_a_day_of_the_failures_end() -> None:
    failure = attempt(10, 2, "FAILED")
    assert retry_of(failure, [attempt(11.9, 1)]) is None
    assert retry_of(failure, [attempt(36.1, 1)]) is None
    for start in (12, 36):
        assert retry_of(failure, [attempt(start, 1)]) == attempt(start, 1)


def test_the_retry_is_the_first_to_end_and_a_cancelled_one_decides_nothing() -> None:
    failure = attempt(10, 2, "FAILED")
    slow, quick, cancelled = attempt(13, 9), attempt(14, 1, "ERROR"), attempt(12, 1, "CANCELLED")
    assert retry_of(failure, [slow, quick, cancelled]) == quick


def test_a_failure_is_not_its_own_retry() -> None:
    failure = attempt(12, 0, "FAILED")
    assert retry_of(failure, [failure, attempt(12, 0, attempt=2)]) is None


def test_a_retry_counts_from_the_day_on_which_it_ended() -> None:
    days = by_day(attempt(22, 1, "FAILED"), attempt(23.5, 2), attempt(47, 0.5))
    first, second = retries(days, day(0)), retries(days, day(1))
    assert (first["last_failure_open"], first["retries_30d"]) == (True, 0)
    assert first["retry_success_rate_30d"] is None
    assert (first["last_failure_attempt"], first["last_failure_duration_sec"]) == (1, 3600)
    assert (second["last_failure_open"], second["retries_30d"]) == (None, 1)
    assert second["retry_success_rate_30d"] == 1


def test_the_label_speaks_of_the_last_failure_unless_its_retry_is_no_news() -> None:
    failures = attempt(8, 1, "FAILED"), attempt(20, 1, "FAILED")
    assert retry_succeeds(by_day(*failures, attempt(44, 1)), START) == 1
    assert retry_succeeds(by_day(*failures, attempt(44, 1, "TIMED_OUT")), START) == 0
    assert retry_succeeds(by_day(*failures, attempt(22, 1), attempt(44, 1)), START) is None
    assert retry_succeeds(by_day(*failures, attempt(46, 1)), START) is None
    assert retry_succeeds(by_day(*failures, attempt(44, 27.9)), START) == 1
    assert retry_succeeds(by_day(*failures, attempt(44, 28)), START) is None
    assert retry_succeeds(by_day(attempt(8, 1)), START) is None


@pytest.mark.parametrize(
    ("coming", "breaches"),
    [
        (attempt(60, 1.2), 0),
        (attempt(60, 1.21, "CANCELLED"), 1),
        (attempt(60, 0.1, "TIMED_OUT"), 1),
    ],
)
def test_the_next_active_day_is_held_against_the_norm_known_today(
    coming: Row, breaches: float
) -> None:
    days = by_day(attempt(12, 1), coming, attempt(84, 9))
    assert breaches_next(days, START) == breaches
    assert breached(days, coming["run_date"]) == bool(breaches)


def test_without_a_norm_nothing_breaches_not_even_a_time_out() -> None:
    assert breaches_next(daily("FT"), START) is None
    assert breached(daily("ST"), day(0)) is None
    assert breached(daily("ST"), day(1)) is True
    assert breaches_next(daily("S-------S"), START) is None


def test_the_next_median_is_of_the_next_day_with_a_success() -> None:
    days = daily("SFC") | by_day(attempt(72, 1), attempt(76, 3))
    assert next_median(days, START) == 7200
    assert next_median(daily("S-------S"), START) is None


def test_health_is_pooled_over_decided_attempts() -> None:
    assert health([*[attempt(1, 1)] * 3, attempt(2, 1, "ERROR"), attempt(3, 1, "SKIPPED")]) == 75
    assert health([attempt(3, 1, "SKIPPED")]) is None


def job(results: str, change: int | None, *, version_from: int | None = None) -> Job:
    """Return a job whose cluster changes on a day, or that runs on another version from a day."""
    days = daily(results)
    rows = {
        d: {
            "runtime_version": "15" if version_from is not None and d >= day(version_from) else "14"
        }
        for d in days
    }
    return Job(days, rows, {} if change is None else {"c": {day(change)}})


def test_a_change_is_of_the_jobs_cluster_or_of_the_version_it_runs_on() -> None:
    assert runtime_change(job("S" * 20, 8), day(1)) == day(8)
    assert runtime_change(job("S" * 20, 8), day(8)) is None
    assert runtime_change(job("S" * 20, 8), day(0)) is None
    assert runtime_change(job("S" * 20, None, version_from=4), day(3)) == day(4)
    assert runtime_change(job("S" * 20, 6, version_from=5), day(3)) == day(5)


def test_failing_more_is_above_five_points_between_the_two_fortnights() -> None:
    before, after = "S" * 14, "F" + "S" * 13
    assert fails_more(job(before + after, 14), day(13)) == 1
    assert fails_more(job(after + before, 14), day(13)) == 0
    assert fails_more(job("F" + "S" * 13 + "F" + "S" * 13, 14), day(13)) == 0
    assert fails_more(job("F" + "C" * 13 + "C" * 14, 14), day(13)) is None
    assert fails_more(job(before + "S" * 14 + "F", 14), day(13)) == 0
    assert fails_more(job(before + after, None), day(13)) is None


def test_exactly_five_points_more_are_not_above_five() -> None:
    days = by_day(
        *(attempt(24 * n + h, 0.5) for n in range(14) for h in (1, 2)),
        *(attempt(24 * 14 + n, 0.5, "FAILED" if n == 0 else "SUCCEEDED") for n in range(20)),
    )
    still = Job(days, {d: {"runtime_version": None} for d in days}, {"c": {day(14)}})
    assert fails_more(still, day(13)) == 0


def test_a_cluster_moves_when_its_version_differs_from_the_one_before() -> None:
    changes = [
        {"workspace_id": "w", "cluster_id": "c", "dbr_version": version}
        | {"change_time": MIDNIGHT + timedelta(days=n), "change_date": day(n)}
        for n, version in enumerate(("14", "14", None, "15", "15", "14"))
    ]
    assert runtime_moves(changes) == {"w": {"c": {day(3), day(5)}}}
