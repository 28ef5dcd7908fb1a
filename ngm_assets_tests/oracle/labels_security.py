"""Works out what security rows are judged by: what identities did after a day, rules of thumb.

Denials after a day are counted elsewhere, straight from the audit events.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from ngm_assets_tests.oracle.calendar import days_before
from ngm_assets_tests.oracle.frames import Row, as_date, frame_of, rows_of
from ngm_assets_tests.oracle.statistics import mean, percentile, sample_std

if TYPE_CHECKING:
    import pandas as pd

KEY = {"user_id": "string", "event_date": "date"}
COLUMNS = (
    "rule_more_than_5_failures",
    "export_peak_passes",
    "rule_twice_own_mean_exports",
    "grants_after_90_days_without",
    "rule_any_permission_change",
    "hours_stay_moved_next_7d",
    "rule_global_z",
)
MANY_FAILURES = 5
FEW_DAYS, FEW_EVENTS = 3, 20
MOVED = Fraction(1, 5)

Days = Mapping[date, Row]


def security_labels(features: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the labels and rules of every security row, by the label SQL's column.

    Args:
        features: The feature tables by name.

    Returns:
        Column name to a frame of the feature table's key columns and a column of that name:
        events 0 or 1, standard deviations for `rule_global_z`; missing where unknown.
    """
    identities: dict[str, dict[date, Row]] = {}
    everyone: dict[date, list[float]] = {}
    for row in rows_of(features["security_features"]):
        day = as_date(row["event_date"])
        identities.setdefault(row["user_id"], {})[day] = row
        everyone.setdefault(day, []).append(float(row["event_count"]))
    norms = {day: norm_before(everyone, day) for day in everyone}
    first = min(everyone, default=date.max)
    rows = [
        {"user_id": user, "event_date": day}
        | labels_of(days, day, first)
        | {"rule_global_z": distance(float(days[day]["event_count"]), norms[day])}
        for user, days in identities.items()
        for day in days
    ]
    return {
        name: frame_of([{k: row[k] for k in (*KEY, name)} for row in rows], KEY | {name: "double"})
        for name in COLUMNS
    }


def labels_of(days: Days, day: date, first: date) -> Row:
    """Return the labels and rules of one identity and day that need no other identity.

    Args:
        days: The identity's feature rows by day.
        day: The day of the row.
        first: The first day anybody has a row.
    """
    today = days[day]
    return {
        "rule_more_than_5_failures": float(today["failed_auth_count"] > MANY_FAILURES),
        "export_peak_passes": export_peak(days, day),
        "rule_twice_own_mean_exports": twice_own_mean(days, day),
        "grants_after_90_days_without": new_grants(days, day, first),
        "rule_any_permission_change": float(today["permission_change_events"] > 0),
        "hours_stay_moved_next_7d": hours_moved(days, day),
    }


def after(days: Days, day: date, column: str) -> int:
    """Return the sum of a count over t+1..t+7; a day without a row counts 0."""
    week = [day + timedelta(days=n) for n in range(1, 8)]
    return sum(days[d][column] for d in week if d in days)


def before(days: Days, day: date, length: int) -> list[Row]:
    """Return the rows of the active days among t-length..t-1."""
    return [days[d] for d in days_before(day, length, 1) if d in days]


def export_peak(days: Days, day: date) -> float | None:
    """Return whether exports lie above the own P99 and the week after holds less than twice."""
    past = [float(row["export_events"]) for row in before(days, day, 28)]
    usual, today = percentile(past, 0.99), days[day]["export_events"]
    if len(past) < FEW_DAYS or usual is None:
        return None
    return float(today > usual and after(days, day, "export_events") < 2 * today)


def twice_own_mean(days: Days, day: date) -> float | None:
    """Return whether exports lie above 200 % of the own mean over active days of t-28..t-1."""
    usual = mean(float(row["export_events"]) for row in before(days, day, 28))
    return None if usual is None else float(days[day]["export_events"] > 2 * usual)


def new_grants(days: Days, day: date, first: date) -> float | None:
    """Return whether grants follow in t+1..t+7 where t-90..t-1 had none; all 90 must be known."""
    if first > day - timedelta(days=90):
        return None
    had = any(row["grant_events"] for row in before(days, day, 90))
    return float(not had and after(days, day, "grant_events") > 0)


def hours_moved(days: Days, day: date) -> float | None:
    """Return whether the pooled off-hours share moves by more than 20 points; >= 20 events each."""
    past = before(days, day, 28)
    earlier = sum(row["event_count"] for row in past)
    later = after(days, day, "event_count")
    if min(earlier, later) < FEW_EVENTS:
        return None
    was = Fraction(sum(row["off_hours_events"] for row in past), earlier)
    becomes = Fraction(after(days, day, "off_hours_events"), later)
    return float(abs(becomes - was) > MOVED)


def norm_before(
    everyone: Mapping[date, list[float]], day: date
) -> tuple[float | None, float | None]:
    """Return mean and sample deviation of all identities' events a day over t-28..t-1."""
    counts = [count for d in days_before(day, 28, 1) for count in everyone.get(d, [])]
    return mean(counts), sample_std(counts)


def distance(value: float, norm: tuple[float | None, float | None]) -> float | None:
    """Return how many deviations a value lies above the mean; None when either is unknown or 0."""
    centre, deviation = norm
    return None if centre is None or not deviation else (value - centre) / deviation
