"""Works out cost features: one workspace at a time, over the calendar days it is followed."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import Any

from ngm_assets_tests.oracle.calendar import back, days_before, weekday_columns
from ngm_assets_tests.oracle.frames import Row
from ngm_assets_tests.oracle.statistics import (
    known,
    mean,
    median,
    percentile,
    ratio,
    total,
    z_score,
)

FOLLOWED_DAYS = 30
FAMILIES = ("jobs", "all_purpose", "sql", "dlt", "serving", "storage", "network", "other")

MONTH = (
    "potential_savings_28d",
    "potential_savings_usual_28d",
    "potential_savings_ratio_28d",
    "cost_p50_28d",
    "commitment_level_usd",
    "commitment_use_30d",
)

Days = dict[date, Row]


def cost_rows(usage: list[Row]) -> list[Row]:
    """Return the cost features of every workspace and day."""
    by_workspace: dict[str, dict[date, list[Row]]] = {}
    for record in usage:
        days = by_workspace.setdefault(record["workspace_id"], {})
        days.setdefault(record["usage_date"], []).append(record)
    found = []
    for workspace, records in by_workspace.items():
        daily = {day: daily_row(records.get(day, [])) for day in followed_days(set(records))}
        ratios = {day: weekday_norm(daily, day)["cost_ratio_weekday"] for day in daily}
        first = min(records)
        for day in daily:
            row: Row = {
                "workspace_id": workspace,
                "usage_date": day,
                "days_since_first_usage": (day - first).days,
                "cost_ratio_weekday_mad_28d": usual_distance(ratios, day),
            }
            month = month_columns(daily, day, first)
            found.append(row | daily[day] | windows(daily, day) | month | calendar_columns(day))
    return found


def month_columns(daily: Days, day: date, first: date) -> Row:
    """Return what the last four weeks say of savings and of a commitment.

    From the first usage on every day is known: one without a row cost and saved nothing.
    """
    row: Row = dict.fromkeys(MONTH)
    if back(day, 27) < first:
        return row
    four_weeks = days_before(day, 27, 0)
    nothing = {"daily_cost": 0.0, "potential_job_cluster_savings": 0.0}
    savings = [daily.get(d, nothing)["potential_job_cluster_savings"] for d in four_weeks]
    costs = [daily.get(d, nothing)["daily_cost"] for d in four_weeks]
    row["potential_savings_28d"] = None if None in savings else sum(savings)
    longer = [d for d in days_before(day, 83, 0) if d >= first]
    usual = [daily.get(d, nothing)["potential_job_cluster_savings"] for d in longer]
    if None not in usual:
        row["potential_savings_usual_28d"] = four = 28 * sum(usual) / len(usual)
        row["potential_savings_ratio_28d"] = ratio(sum(savings), four)
    row["cost_p50_28d"] = median(costs)
    row["commitment_level_usd"] = level = percentile(costs, 0.2)
    if level and back(day, 29) >= first:
        used = [min(daily.get(d, nothing)["daily_cost"], level) for d in days_before(day, 29, 0)]
        row["commitment_use_30d"] = sum(used) / (30 * level)
    return row


def usual_distance(ratios: dict[date, float | None], day: date) -> float | None:
    """Return how far the ratio to the weekday norm usually was from 1 in the 28 days before."""
    past = known(ratios.get(d) for d in days_before(day, 28, 1))
    return median(abs(r - 1) for r in past)


def followed_days(used: set[date]) -> list[date]:
    """Return the days with a row: those with usage on the day or in the 30 days before."""
    day, last = min(used), max(used) + timedelta(days=FOLLOWED_DAYS)
    found = []
    while day <= last:
        if used.intersection(days_before(day, FOLLOWED_DAYS, 0)):
            found.append(day)
        day += timedelta(days=1)
    return found


def daily_row(records: list[Row]) -> Row:
    """Return what the records of one day add up to."""
    cost = cost_of(records)
    serverless = cost_of([r for r in records if r["is_serverless"]])
    tagged = cost_of([r for r in records if r["owner_tag"]])
    work = [r for r in records if "ALL_PURPOSE" in r["sku_name"] and r["is_job_work"]]
    dbu = [float(r["usage_quantity"]) for r in records if r["usage_unit"] == "DBU"]
    row: dict[str, Any] = {
        "daily_dbu": sum(dbu, 0.0),
        "daily_cost": cost,
        "usage_records": len(records),
        "unpriced_records": sum(r["list_cost"] is None for r in records),
        "serverless_cost": serverless,
        "serverless_adoption_ratio": ratio(serverless, cost),
        "jobs_on_all_purpose_cost": cost_of(work),
        "all_purpose_inefficiency_ratio": ratio(cost_of(work), cost),
        "potential_job_cluster_savings": total(map(saving, work)) if work else 0.0,
        "tagged_cost": tagged,
        "tagged_cost_share": ratio(tagged, cost),
        "distinct_skus": len({r["sku_name"] for r in records}),
        "distinct_jobs": len({r["job_id"] for r in records} - {None}),
    }
    for family in FAMILIES:
        row[f"{family}_cost"] = cost_of([r for r in records if r["product_family"] == family])
    return row


def cost_of(records: list[Row]) -> float:
    """Return the summed cost of records; one without a price adds nothing."""
    return sum(known(r["list_cost"] for r in records), 0.0)


def saving(record: Row) -> float | None:
    """Return what a record would have saved on jobs compute, or None without both prices."""
    if record["list_price"] is None or record["jobs_list_price"] is None:
        return None
    difference: float = record["list_price"] - record["jobs_list_price"]
    return float(record["usage_quantity"]) * difference


def windows(daily: Days, day: date) -> Row:
    """Return the columns of one day that look back."""
    dbu, cost = daily[day]["daily_dbu"], daily[day]["daily_cost"]
    row: Row = {
        "avg_dbu_7d": mean(values(daily, "daily_dbu", days_before(day, 6, 0))),
        "avg_dbu_30d": mean(values(daily, "daily_dbu", days_before(day, 29, 0))),
        "z_score_7d": z_score(dbu, values(daily, "daily_dbu", days_before(day, 7, 1))),
        "cost_sum_7d": sum(values(daily, "daily_cost", days_before(day, 6, 0))),
        "cost_sum_28d": sum(values(daily, "daily_cost", days_before(day, 27, 0))),
    }
    row["cost_momentum_7d_28d"] = ratio(4 * row["cost_sum_7d"], row["cost_sum_28d"])
    for n in (7, 28):
        tagged = values(daily, "tagged_cost", days_before(day, n - 1, 0))
        row[f"tagged_share_{n}d"] = ratio(sum(tagged), row[f"cost_sum_{n}d"])
    row |= share_changes(daily, day, row["tagged_share_7d"], row["tagged_share_28d"])
    for n in (1, 7):
        before = daily.get(back(day, n), {}).get("daily_dbu")
        change = None if before is None else ratio(dbu - before, before)
        row[f"dbu_change_pct_{n}d"] = None if change is None else 100 * change
    for n in (1, 7, 14, 28):
        row[f"cost_lag_{n}d"] = daily.get(back(day, n), {}).get("daily_cost")
    norm = weekday_norm(daily, day)
    spread = norm["cost_weekday_mad_28d"]
    if spread:
        deviation = cost - norm["cost_weekday_median_28d"]
        return row | norm | {"cost_robust_z": deviation / (1.4826 * spread)}
    return row | norm | {"cost_robust_z": None}


def share_changes(daily: Days, day: date, week: float | None, month: float | None) -> Row:
    """Return how a week's tagged share differs from that of 3 and 28 days and of its days."""
    three = days_before(day, 2, 0)
    parts = (sum(values(daily, c, three)) for c in ("tagged_cost", "daily_cost"))
    mean_of_days = mean(values(daily, "tagged_cost_share", days_before(day, 6, 0)))
    return {
        "tagged_share_change_3d_7d": difference(ratio(*parts), week),
        "tagged_share_change_7d_28d": difference(week, month),
        "tagged_share_day_gap_7d": difference(mean_of_days, week),
    }


def difference(one: float | None, other: float | None) -> float | None:
    """Return one - other; None when either is unknown."""
    return None if one is None or other is None else one - other


def weekday_norm(daily: Days, day: date) -> Row:
    """Return a day's cost against the same weekday of the four weeks before."""
    past = values(daily, "daily_cost", [back(day, n) for n in (28, 21, 14, 7)])
    centre = median(past)
    return {
        "cost_weekday_median_28d": centre,
        "cost_weekday_mad_28d": None if centre is None else median(abs(v - centre) for v in past),
        "cost_ratio_weekday": ratio(daily[day]["daily_cost"], centre),
    }


def values(daily: Days, column: str, days: list[date]) -> list[float]:
    """Return a column's values on those of the days that have a row."""
    return [daily[d][column] for d in days if d in daily]


def calendar_columns(day: date) -> Row:
    """Return what the calendar says about a day."""
    month_length = monthrange(day.year, day.month)[1]
    place = {"day_of_month": day.day, "month_position": day.day / month_length}
    return weekday_columns(day) | place
