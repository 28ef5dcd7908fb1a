"""Works out security features: one identity at a time, sets of what it touched each day."""

from __future__ import annotations

from datetime import date
from typing import Any

from ngm_assets_tests.oracle.calendar import days_before, weekday_columns
from ngm_assets_tests.oracle.frames import Row
from ngm_assets_tests.oracle.statistics import mean, ratio, sample_std, z_score

OFF_HOURS = {*range(6), *range(20, 24)}
BURST_Z, BURST_EVENTS = 3, 100
COUNTERS = (
    "event_count",
    "tables_accessed",
    "failed_auth_count",
    "unique_source_ips",
    "off_hours_events",
    "read_events",
    "export_events",
    "permission_change_events",
    "token_events",
)
FLAGS = {
    "failed_auth_count": "is_auth_failure",
    "denied_events": "is_denied",
    "failed_events": "is_failed_action",
    "read_events": "is_read_action",
    "export_events": "is_export_action",
    "permission_change_events": "is_permission_action",
    "token_events": "is_token_action",
}
TOUCHED = {
    "tables": "table_full_name",
    "addresses": "source_ip_address",
    "services": "service_name",
    "actions": "action_name",
    "workspaces": "workspace_id",
}

Touched = dict[str, set[str]]


def security_rows(audit: list[Row]) -> list[Row]:
    """Return the security features of every identity and active day."""
    by_user: dict[str, dict[date, list[Row]]] = {}
    for event in audit:
        if event["user_id"] is not None:
            days = by_user.setdefault(event["user_id"], {})
            days.setdefault(event["event_date"], []).append(event)
    return [row for user, days in by_user.items() for row in user_rows(user, days)]


def user_rows(user: str, days: dict[date, list[Row]]) -> list[Row]:
    """Return the features of one identity."""
    touched = {day: touched_on(events) for day, events in days.items()}
    daily = {day: daily_row(events, touched[day]) for day, events in days.items()}
    found = []
    for day in days:
        past = [d for d in days_before(day, 28, 1) if d in days]
        row: Row = {
            "user_id": user,
            "event_date": day,
            "identity_type": days[day][0]["identity_type"],
            "days_active_28d": len(past),
        }
        row |= daily[day] | novelty(touched[day], [touched[d] for d in past])
        for counter in COUNTERS:
            row |= norms(counter, daily[day][counter], [daily[d][counter] for d in past])
        row |= grants({d: daily[d]["grant_events"] for d in days}, day) | hours(days, day)
        row["is_activity_burst"] = burst(row["event_count"], row["event_count_z_28d"])
        found.append(row | weekday_columns(day))
    return found


def touched_on(events: list[Row]) -> Touched:
    """Return the tables, addresses, services, actions and workspaces of one day's events."""
    return {what: {e[column] for e in events} - {None} for what, column in TOUCHED.items()}


def daily_row(events: list[Row], touched: Touched) -> Row:
    """Return the counts of one day."""
    row: dict[str, Any] = {name: sum(e[flag] for e in events) for name, flag in FLAGS.items()}
    off_hours = off_hours_of(events)
    granted = [e["is_permission_action"] or e["is_token_action"] for e in events]
    return row | {
        "event_count": len(events),
        "grant_events": sum(granted),
        "failed_ratio": row["failed_events"] / len(events),
        "off_hours_events": off_hours,
        "off_hours_ratio": off_hours / len(events),
        "tables_accessed": len(touched["tables"]),
        "unique_source_ips": len(touched["addresses"]),
        "unique_services": len(touched["services"]),
        "unique_actions": len(touched["actions"]),
        "distinct_workspaces": len(touched["workspaces"]),
    }


def off_hours_of(events: list[Row]) -> int:
    """Return how many events lie off-hours."""
    return sum(e["event_time"].hour in OFF_HOURS for e in events)


def grants(made: dict[date, int], day: date) -> Row:
    """Return how usual permission and token actions are for an identity.

    Args:
        made: Such actions by active day.
        day: The day of the row.
    """
    past = [d for d in days_before(day, 90, 1) if d in made]
    granted = [d for d in past if made[d]]
    first = 0 if granted else made[day]
    return {
        "days_active_90d": len(past),
        "grant_days_90d": len(granted),
        "grant_events_mean_90d": mean(float(made[d]) for d in past),
        "days_since_grant": (day - max(granted)).days if granted else None,
        "first_grant_events": first if past else None,
    }


def hours(days: dict[date, list[Row]], day: date) -> Row:
    """Return when an identity is usually active, and how far today lies from that."""
    today = days[day]
    past = [event for d in days_before(day, 28, 1) for event in days.get(d, [])]
    if not past:
        return {"off_hours_ratio_28d": None, "hour_shift_28d": None}
    now, then = parts_of_day(today), parts_of_day(past)
    moved = sum(abs(now[part] - then[part]) for part in range(6)) / 2
    return {
        "off_hours_ratio_28d": off_hours_of(past) / len(past),
        "hour_shift_28d": moved * len(today) / (len(today) + 10),
    }


def parts_of_day(events: list[Row]) -> list[float]:
    """Return the share of events in each 4-hour part of the day."""
    parts = [event["event_time"].hour // 4 for event in events]
    return [parts.count(part) / len(parts) for part in range(6)]


def novelty(today: Touched, past: list[Touched]) -> Row:
    """Return how much of what was touched today was not touched on any of the past days."""
    new = {what: today[what].difference(*(day[what] for day in past)) for what in today}
    places = len(today["services"]) + len(today["workspaces"])
    return {
        "new_ip_count": len(new["addresses"]),
        "new_action_count": len(new["actions"]),
        "new_table_count": len(new["tables"]),
        "lateral_movement_risk": ratio(len(new["services"]) + len(new["workspaces"]), places),
    }


def norms(counter: str, value: int, past: list[int]) -> Row:
    """Return a counter's own norm over past active days, and its distance from it."""
    numbers = [float(v) for v in past]
    return {
        f"{counter}_mean_28d": mean(numbers),
        f"{counter}_std_28d": sample_std(numbers),
        f"{counter}_max_28d": max(past, default=None),
        f"{counter}_z_28d": z_score(value, numbers),
    }


def burst(count: int, z: float | None) -> bool | None:
    """Return whether a day is a burst; unknown when only the norm could decide and is unknown."""
    if count <= BURST_EVENTS:
        return False
    return None if z is None else z > BURST_Z
