"""Awkward job run slices and cluster changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from ngm_assets_tests.landing_rows.dice import (
    Row,
    at,
    copied,
    dice,
    home,
    quiet_days,
    second_of_day,
)

if TYPE_CHECKING:
    import random

HOUR = timedelta(hours=1)
JOBS = (("1001", "101"), ("1002", "101"), ("1001", "102"), ("1002", "103"), ("1001", None))
RESULTS = (
    *(("SUCCEEDED",) * 6),
    "FAILED",
    "FAILED",
    "ERROR",
    "TIMED_OUT",
    "CANCELLED",
    "SKIPPED",
    "UPSTREAM_FAILED",
)
COMPUTE: tuple[list[str | None] | None, ...] = (
    None,
    [],
    ["c-1"],
    ["c-2", "c-1", "c-2"],
    ["c-3"],
    ["c-3", "no such cluster"],
)
LENGTHS = (0, 1, 600, 3599, 3600, 3601, 7200, 9000, 30000)


def slices(seed: int, span: list[date]) -> list[Row]:
    """Return run slices in both cuts: repaired, running, across midnight and broken ones too."""
    rng = dice(seed, "timeline")
    quiet = quiet_days(rng, span)
    rows: list[Row] = []
    for number, day in enumerate(span):
        for i in range(0 if day in quiet else rng.randrange(2, 6)):
            begun = at(day, second_of_day(rng))
            place, late = rng.choice(JOBS), number >= len(span) // 2
            rows += run(rng, begun, place, f"{number}{i:02d}", on_the_hour=late)
            if i == 0 and number % 8 == 0:
                other = ("1002" if place[0] == "1001" else "1001", "101")
                rows += run(rng, begun, other, f"{number}{i:02d}", on_the_hour=late)
    return copied(rng, rows, 0.06) + broken(rng, span)


def run(
    rng: random.Random,
    begun: datetime,
    place: tuple[str, str | None],
    ident: str,
    *,
    on_the_hour: bool,
) -> list[Row]:
    """Return the slices of one run: an attempt, now and then repairs, or no end yet."""
    workspace, job = place
    common = {
        "account_id": "acc",
        "workspace_id": workspace,
        "job_id": job,
        "run_id": ident,
        "trigger_type": rng.choice((None, "CRON")),
        "run_type": "SUBMIT_RUN" if job is None else "JOB_RUN",
        "run_name": rng.choice((None, "nightly 'é' \"x\"")),
        "compute_ids": rng.choice(COMPUTE),
        "_home": home(rng),
    }
    rows: list[Row] = []
    for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
        ended = begun + timedelta(seconds=rng.choice(LENGTHS))
        pieces = cuts(begun, ended, on_the_hour=on_the_hour)
        for first, last in pieces:
            rows.append(common | {"period_start_time": first, "period_end_time": last})
        result = rng.choice(RESULTS)
        rows[-1] |= {"result_state": result, "termination_code": f"CODE_{result}"}
        begun = ended + timedelta(seconds=rng.choice((1, 3600, 90000)))
    if rng.random() < 0.08:
        rows[-1] |= {"result_state": None, "termination_code": None}
    if rng.random() < 0.08:
        rows.append(common | {"period_start_time": begun, "period_end_time": None})
    return rows


def cuts(begun: datetime, ended: datetime, *, on_the_hour: bool) -> list[tuple[datetime, datetime]]:
    """Return the periods a run is cut into: hours from its start, or clock hours."""
    found = []
    first = begun
    while ended - first > HOUR or (on_the_hour and hour_after(first) < ended):
        last = hour_after(first) if on_the_hour else first + HOUR
        found.append((first, last))
        first = last
    return [*found, (first, ended)]


def hour_after(moment: datetime) -> datetime:
    """Return the next full clock hour after a moment."""
    return moment.replace(minute=0, second=0, microsecond=0, tzinfo=UTC) + HOUR


def broken(rng: random.Random, span: list[date]) -> list[Row]:
    """Return a slice for every hard rule, breaking just that one."""
    rows = []
    for i in range(6):
        begun = at(rng.choice(span), 7200)
        row = run(rng, begun, JOBS[0], f"9{i}0000", on_the_hour=False)[0] | {"compute_ids": None}
        rows.append(row | {"period_end_time": begun + HOUR, "result_state": "SUCCEEDED"})
    rows[0] |= {"workspace_id": None}
    rows[1] |= {"run_id": None}
    rows[2] |= {"period_start_time": None}
    rows[3] |= {"period_end_time": rows[3]["period_start_time"] - HOUR}
    rows[4] |= {"period_end_time": None}
    rows[5] |= {"period_start_time": None, "period_end_time": None}
    return rows


def clusters(seed: int, span: list[date]) -> list[Row]:
    """Return cluster changes: upgrades, downgrades, repeats, and ones without a key."""
    rng = dice(seed, "clusters")
    rows: list[Row] = []
    for workspace in ("1001", "1002"):
        for cluster in ("c-1", "c-2", "c-3"):
            version = rng.choice((13, 14))
            for day in sorted(rng.sample(span, min(9, len(span)))):
                version += rng.choice((0, 0, 0, 1, -1))
                rows.append(change(rng, workspace, cluster, day, f"{version}.3.x-scala2.12"))
    more = [rng.choice(rows) | {"_home": 0} for _ in range(4)]
    more[0] |= {"workspace_id": None}
    more[1] |= {"cluster_id": None}
    more[2] |= {"change_time": None}
    more[3] |= {"change_time": None, "change_date": None}
    return copied(rng, rows, 0.1) + more


def change(rng: random.Random, workspace: str, cluster: str, day: date, version: str) -> Row:
    """Return one change of a cluster."""
    when = at(day, second_of_day(rng))
    scales = rng.random() < 0.5
    return {
        "account_id": "acc",
        "workspace_id": workspace,
        "cluster_id": cluster,
        "cluster_name": "Shared \"é\" 'x'",
        "owned_by": "ana@example.com",
        "create_time": at(day - timedelta(days=100), 0),
        "delete_time": None,
        "driver_node_type": "m5.large",
        "worker_node_type": rng.choice((None, "m5.large")),
        "worker_count": None if scales else rng.randrange(9),
        "min_autoscale_workers": 1 if scales else None,
        "max_autoscale_workers": 8 if scales else None,
        "cluster_source": rng.choice(("UI", "JOB")),
        "dbr_version": version,
        "change_time": when,
        "change_date": day,
        "_home": home(rng),
    }
