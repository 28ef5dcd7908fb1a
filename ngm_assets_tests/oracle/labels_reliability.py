"""Works out what reliability rows are judged by: how a job fared later, and rules of thumb."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from ngm_assets_tests.oracle.calendar import days_before
from ngm_assets_tests.oracle.features_reliability import (
    Attempts,
    breaks,
    last_failure,
    rates,
    retry_of,
    succeeded_durations,
    with_result,
    within,
)
from ngm_assets_tests.oracle.frames import Row, as_date, frame_of, rows_of
from ngm_assets_tests.oracle.statistics import percentile, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

KEY = {"workspace_id": "string", "job_id": "string", "run_date": "date"}
COLUMNS = (
    "p50_next_success_day",
    "rule_trailing_p50_duration",
    "breaches_next_active_day",
    "rule_trailing_breach_rate",
    "next_retry_succeeds",
    "rule_trailing_retry_success_rate",
    "health_next_7d",
    "rule_trailing_health",
    "fails_more_after_runtime_change",
    "rule_trailing_failure_rate",
)
MUCH_MORE = Fraction(1, 20)


@dataclass(frozen=True)
class Job:
    """All that is known of one job: attempts, features and clusters' runtime changes.

    Attributes:
        days: Attempts by the day on which they ended.
        features: Feature rows by day.
        moves: Days on which a cluster's runtime version changed, by cluster.
    """

    days: Attempts
    features: Mapping[date, Row]
    moves: Mapping[str, set[date]]


def reliability_labels(
    features: Mapping[str, pd.DataFrame], gold: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Return the labels and rules of every reliability row, by the label SQL's column.

    Args:
        features: The feature tables by name.
        gold: The gold tables by name; attempts and cluster changes are read there.

    Returns:
        Column name to a frame of the feature table's key columns and a column of that name:
        seconds, shares 0..1, health 0..100, events 0 or 1; missing where unknown.
    """
    rows = [
        {"workspace_id": workspace, "job_id": name, "run_date": day} | labels_of(job, day)
        for (workspace, name), job in jobs(features, gold).items()
        for day in job.features
    ]
    return {
        name: frame_of([{k: row[k] for k in (*KEY, name)} for row in rows], KEY | {name: "double"})
        for name in COLUMNS
    }


def jobs(
    features: Mapping[str, pd.DataFrame], gold: Mapping[str, pd.DataFrame]
) -> dict[tuple[str, str], Job]:
    """Return every job by workspace and id."""
    days: dict[tuple[str, str], Attempts] = {}
    for attempt in rows_of(gold["fact_job_run_timeline"]):
        job = days.setdefault((attempt["workspace_id"], attempt["job_id"]), {})
        job.setdefault(as_date(attempt["run_date"]), []).append(attempt)
    rows: dict[tuple[str, str], dict[date, Row]] = {}
    for row in rows_of(features["reliability_features"]):
        job_rows = rows.setdefault((row["workspace_id"], row["job_id"]), {})
        job_rows[as_date(row["run_date"])] = row
    moves = runtime_moves(rows_of(gold["dim_cluster"]))
    return {key: Job(days[key], rows[key], moves.get(key[0], {})) for key in rows}


def runtime_moves(changes: list[Row]) -> dict[str, dict[str, set[date]]]:
    """Return on which days which cluster of which workspace went over to another version."""
    known: dict[tuple[str, str], list[Row]] = {}
    for change in sorted(changes, key=lambda c: c["change_time"]):
        if change["dbr_version"] is not None:
            known.setdefault((change["workspace_id"], change["cluster_id"]), []).append(change)
    found: dict[str, dict[str, set[date]]] = {}
    for (workspace, cluster), rows in known.items():
        found.setdefault(workspace, {})[cluster] = {
            as_date(after["change_date"])
            for before, after in pairwise(rows)
            if before["dbr_version"] != after["dbr_version"]
        }
    return found


def days_after(day: date, last: int) -> list[date]:
    """Return t+1 .. t+last."""
    return [day + timedelta(days=n) for n in range(1, last + 1)]


def labels_of(job: Job, day: date) -> Row:
    """Return all labels and rules of one job and day."""
    row, month = job.features[day], within(job.days, days_before(day, 29, 0))
    return {
        "p50_next_success_day": next_median(job.days, day),
        "rule_trailing_p50_duration": percentile(succeeded_durations(month), 0.5),
        "breaches_next_active_day": breaches_next(job.days, day),
        "rule_trailing_breach_rate": row["breach_rate_30d"],
        "next_retry_succeeds": retry_succeeds(job.days, day),
        "rule_trailing_retry_success_rate": row["retry_success_rate_30d"],
        "health_next_7d": health(within(job.days, days_after(day, 7))),
        "rule_trailing_health": health(within(job.days, days_before(day, 6, 0))),
        "fails_more_after_runtime_change": fails_more(job, day),
        "rule_trailing_failure_rate": rates(month)[2],
    }


def next_median(days: Attempts, day: date) -> float | None:
    """Return the median duration of the next day with a success, within a week, in seconds."""
    found = [succeeded_durations(days.get(d, [])) for d in days_after(day, 7)]
    return next((percentile(durations, 0.5) for durations in found if durations), None)


def breaches_next(days: Attempts, day: date) -> float | None:
    """Return whether the next active day within a week breaks the norm known at a day's end.

    None without a norm, also where an attempt of that day timed out.
    """
    norm = percentile(succeeded_durations(within(days, days_before(day, 29, 0))), 0.95)
    coming = next((days[d] for d in days_after(day, 7) if d in days), None)
    return None if norm is None or coming is None else float(breaks(coming, norm))


def retry_succeeds(days: Attempts, day: date) -> float | None:
    """Return whether the retry of a day's last failure, ended within two days, succeeded.

    None where it ended on the day itself, so that its result is no news.
    """
    failure = last_failure(days[day])
    if failure is None or retry_of(failure, days[day]) is not None:
        return None
    retry = retry_of(failure, within(days, days_after(day, 2)))
    return None if retry is None else float(retry["result_state"] == "SUCCEEDED")


def health(attempts: list[Row]) -> float | None:
    """Return 100 x succeeded / decided attempts."""
    share = ratio(len(with_result(attempts, "SUCCEEDED")), rates(attempts)[1])
    return None if share is None else 100 * share


def fails_more(job: Job, day: date) -> float | None:
    """Return whether the job's runtime changes within a week and it then fails much more often.

    Compared are the failure rates of the 14 days from the day of the change on and of the 14 days
    before it; None without a change, or where a side has no decided attempt.
    """
    changed = runtime_change(job, day)
    if changed is None:
        return None
    rate: list[Fraction] = []
    for days in (days_before(changed, 14, 1), [changed, *days_after(changed, 13)]):
        failed, decided, _ = rates(within(job.days, days))
        if not decided:
            return None
        rate.append(Fraction(failed, decided))
    return float(rate[1] - rate[0] > MUCH_MORE)


def runtime_change(job: Job, day: date) -> date | None:
    """Return the first day of the next seven on which the job's runtime changes, if any.

    Either a cluster of the day's last attempt goes over to another version, or the job runs on
    another version than on the day (on a new cluster, say).
    """
    last = max(job.days[day], key=lambda a: (a["end_time"], a["run_id"], a["attempt"]))
    version = job.features[day]["runtime_version"]
    for d in days_after(day, 7):
        then = job.features[d]["runtime_version"] if d in job.features else None
        if any(d in job.moves.get(cluster, ()) for cluster in last["compute_ids"] or []):
            return d
        if version is not None and then is not None and then != version:
            return d
    return None
