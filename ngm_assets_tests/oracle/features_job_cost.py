"""Works out job cost features: one job at a time, over the days on which usage names it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

from ngm_assets_tests.oracle.calendar import days_before
from ngm_assets_tests.oracle.frames import Row
from ngm_assets_tests.oracle.statistics import ratio, total

TEAM_TAG = "team"
LONG_AGO = datetime.min.replace(tzinfo=UTC)

Job = tuple[str, str]
Days = dict[date, Row]
Records = dict[str, dict[date, list[Row]]]


def job_cost_rows(usage: list[Row]) -> list[Row]:
    """Return the cost features of every job and day that usage names."""
    records: dict[Job, dict[date, list[Row]]] = {}
    tagged: Records = {}
    for record in usage:
        days = tagged.setdefault(record["workspace_id"], {})
        days.setdefault(record["usage_date"], []).append(record)
        if record["job_id"] is not None:
            job = (record["workspace_id"], record["job_id"])
            records.setdefault(job, {}).setdefault(record["usage_date"], []).append(record)
    jobs = {
        job: {day: daily_row(found) for day, found in days.items()} for job, days in records.items()
    }
    return [
        {"workspace_id": job[0], "job_id": job[1], "usage_date": day}
        | row
        | windows(days, day)
        | usual_job_tag(jobs, job, day)
        | suggestions(tagged, job, row["job_name"], day)
        for job, days in jobs.items()
        for day, row in days.items()
    ]


def daily_row(records: list[Row]) -> Row:
    """Return what the records of one job and day say."""
    cost = total(r["list_cost"] for r in records)
    row: dict[str, Any] = {
        "job_name": latest_name(records),
        "tag_value": own_tag(records),
        "daily_cost": cost,
        "daily_dbu": sum(float(r["usage_quantity"]) for r in records if r["usage_unit"] == "DBU"),
        "usage_records": len(records),
        "distinct_runs": len({r["job_run_id"] for r in records} - {None}),
        "day_of_week": records[0]["usage_date"].isoweekday(),
    }
    for name, chosen in (
        ("serverless", [r for r in records if r["is_serverless"]]),
        ("photon", [r for r in records if r["is_photon"]]),
        ("all_purpose", [r for r in records if r["product_family"] == "all_purpose"]),
    ):
        part = total(r["list_cost"] for r in chosen)
        row[f"{name}_share"] = ratio(part or 0.0, cost)
    return row


def latest_name(records: list[Row]) -> str | None:
    """Return the name in the record that began last; of equally late ones the greatest."""
    named = [(r["usage_start_time"] or LONG_AGO, r["job_name"]) for r in records if r["job_name"]]
    return max(named)[1] if named else None


def own_tag(records: list[Row]) -> str | None:
    """Return the team tag most records carry; a cluster's tags say nothing of the job."""
    found: Counter[str] = Counter()
    for record in records:
        value = tag_of(record)
        if value and record["product_family"] != "all_purpose":
            found[value] += 1
    return min(found, key=lambda value: (-found[value], value)) if found else None


def tag_of(record: Row) -> str:
    """Return a record's team tag without blanks around it; empty without one."""
    return ((record["custom_tags"] or {}).get(TEAM_TAG) or "").strip(" ")


def suggestions(tagged: Records, own: Job, name: str | None, day: date) -> Row:
    """Return what name and workspace suggest, from records of 28 days that are not the job's."""
    found: dict[str, Counter[str]] = {}
    for workspace, records in tagged.items():
        month = [r for d in days_before(day, 27, 0) for r in records.get(d, ())]
        others = [r for r in month if (workspace, r["job_id"]) != own]
        found[workspace] = Counter(value for value in map(tag_of, others) if value)
    usual = found[own[0]]
    known = {value for counted in found.values() for value in counted if len(value) >= 3}
    within = [value for value in known if value.lower() in (name or "").lower()]
    by_name = min(within, key=lambda value: (-len(value), value), default=None)
    by_place = min(usual, key=lambda value: (-usual[value], value), default=None)
    return {
        "name_tag_28d": by_name,
        "workspace_tag_28d": by_place,
        "suggested_tag_28d": by_name or by_place,
    }


def windows(days: Days, day: date) -> Row:
    """Return the columns of one day that look back over the job's own days."""
    month = [days[d] for d in days_before(day, 27, 0) if d in days]
    return {
        "cost_sum_28d": total(row["daily_cost"] for row in month),
        "runs_28d": sum(row["distinct_runs"] for row in month),
        "days_active_28d": len(month),
    }


def usual_job_tag(jobs: dict[Job, Days], own: Job, day: date) -> Row:
    """Return the value most other jobs of the workspace carried in the 28 days up to `day`."""
    carriers: Counter[str] = Counter()
    job_days: Counter[str] = Counter()
    for job, days in jobs.items():
        if job[0] != own[0] or job == own:
            continue
        carried = [days[d]["tag_value"] for d in days_before(day, 27, 0) if d in days]
        counted = Counter(value for value in carried if value is not None)
        carriers.update(set(counted))
        job_days.update(counted)
    if not carriers:
        return {"workspace_job_tag_28d": None, "workspace_job_tag_share_28d": None}
    first = min(carriers, key=lambda value: (-carriers[value], -job_days[value], value))
    return {
        "workspace_job_tag_28d": first,
        "workspace_job_tag_share_28d": carriers[first] / carriers.total(),
    }
