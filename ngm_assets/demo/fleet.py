"""The clusters and jobs of the demo estate, with their schedules and runtime upgrades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ngm_assets.demo.draws import stream
from ngm_assets.demo.estate import ENTITIES, EntityScale, Estate, hex_id, scaled

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from ngm_assets.demo.draws import Array

RUNTIMES = ("14.3.x-scala2.12", "15.4.x-scala2.12", "16.4.x-scala2.12", "17.3.x-scala2.13")
NODES = {"AWS": ("m5d.large", "i3.xlarge", "r5d.2xlarge"), "GCP": ("n2-highmem-4", "n2-standard-8")}
_SCHEDULES = ("daily",) * 10 + ("weekdays",) * 5 + ("weekly",) * 3
_VERBS = ("load", "ingest", "merge", "export", "refresh", "score", "train", "sync")


@dataclass(frozen=True)
class Upgrade:
    """A change of a cluster's runtime on a day; `risk` is added to its jobs' failure log-odds."""

    day: int
    dbr_version: str
    risk: float


@dataclass(frozen=True)
class Cluster:
    """An all-purpose (`UI`) or a job (`JOB`) cluster; the first upgrade is its creation."""

    cluster_id: str
    workspace: int
    source: str
    name: str
    owner: int
    node_type: str
    workers: int
    upgrades: tuple[Upgrade, ...]


@dataclass(frozen=True)
class Job:
    """A scheduled job; `cluster` is a cluster number, or -1 for serverless compute.

    `minutes` is its usual duration; `health` healthy, flaky or degrading; `fresh_cluster` means
    that every run starts a job cluster of its own.
    """

    job_id: str
    workspace: int
    name: str
    team: str
    owner: int
    schedule: str
    hour: int
    minute: int
    minutes: float
    health: str
    cluster: int
    fresh_cluster: bool
    on_all_purpose: bool


@dataclass(frozen=True)
class Fleet:
    """The clusters and the jobs of an estate."""

    clusters: tuple[Cluster, ...]
    jobs: tuple[Job, ...]


def _upgrades(rng: np.random.Generator, days: int) -> tuple[Upgrade, ...]:
    version = int(rng.integers(0, 2))
    out = [Upgrade(-int(rng.integers(20, 300)), RUNTIMES[version], 0.0)]
    day = int(rng.integers(8, 110))
    while day < days - 4 and version + 1 < len(RUNTIMES):
        version += 1
        risk = float(rng.uniform(0.9, 2.2)) if rng.random() < 0.4 else 0.0
        out.append(Upgrade(day, RUNTIMES[version], risk))
        day += int(rng.integers(45, 120))
    return tuple(out)


def _cluster(
    rng: np.random.Generator, estate: Estate, workspace: int, source: str, label: str
) -> Cluster:
    nodes = NODES[estate.workspaces[workspace].cloud]
    people = estate.people()
    members = [i for i in people if workspace in estate.principals[i].workspaces] or people
    stamp = f"{int(rng.integers(1, 13)):02d}{int(rng.integers(1, 29)):02d}"
    return Cluster(
        cluster_id=f"{stamp}-{int(rng.integers(60000, 239999)):06d}-{hex_id(rng, 8)}",
        workspace=workspace,
        source=source,
        name=label,
        owner=members[int(rng.integers(len(members)))],
        node_type=nodes[int(rng.integers(len(nodes)))],
        workers=int(rng.integers(1, 12)),
        upgrades=_upgrades(rng, estate.calendar.days),
    )


def _schedule(rng: np.random.Generator, number: int) -> str:
    if number % 30 == 7:
        return "hourly"
    if number % 30 == 15:
        return "3-hourly"
    return str(rng.choice(_SCHEDULES))


def _job_name(rng: np.random.Generator, team: str, schedule: str) -> str:
    shown = team if rng.random() < 0.55 else str(rng.choice(("dwh", "core", "tmp", "etl")))
    parts = [shown, str(rng.choice(ENTITIES)), str(rng.choice(_VERBS)), schedule.strip("3-")]
    style = int(rng.integers(3))
    if style == 0:
        return "_".join(parts)
    if style == 1:
        return f"{parts[0]}-{parts[1]}.{parts[2]}:{parts[3]}"
    return "".join(p.capitalize() for p in parts)


def _usual_minutes(rng: np.random.Generator, schedule: str) -> float:
    import numpy as np

    if schedule == "hourly":
        return float(rng.uniform(4.0, 18.0))
    return float(min(260.0, np.exp(rng.normal(3.3, 0.9))))


@dataclass(frozen=True)
class _Shape:
    """Where a job runs: which kind of compute, by the job's number."""

    on_all_purpose: bool
    serverless: bool
    fresh: bool


def _shape(rng: np.random.Generator, number: int, schedule: str) -> _Shape:
    all_purpose = number % 5 == 2
    serverless = not all_purpose and bool(rng.random() < 0.2)
    fresh = not (all_purpose or serverless) and schedule == "daily" and number % 4 == 1
    return _Shape(all_purpose, serverless, fresh)


def _job(
    rng: np.random.Generator, estate: Estate, number: int, workspace: int, clusters: list[Cluster]
) -> Job:
    shared = [i for i, c in enumerate(clusters) if c.workspace == workspace and c.source == "UI"]
    schedule = _schedule(rng, number)
    shape = _shape(rng, number, schedule)
    team = estate.workspaces[workspace].team
    if rng.random() < 0.3:
        team = str(rng.choice([p.team for p in estate.principals]))
    name = _job_name(rng, team, schedule)
    cluster = -1
    if shape.on_all_purpose:
        cluster = shared[int(rng.integers(len(shared)))]
    elif not shape.serverless:
        clusters.append(_cluster(rng, estate, workspace, "JOB", f"job-{name}"))
        cluster = len(clusters) - 1
    night = number % 9 == 4 and schedule == "daily"
    return Job(
        job_id="",
        workspace=workspace,
        name=name,
        team=team,
        owner=int(rng.integers(len(estate.principals) - 1)),
        schedule=schedule,
        hour=23 if night else int(rng.integers(0, 23)),
        minute=int(rng.choice((0, 5, 15, 30, 45))),
        minutes=90.0 if night else _usual_minutes(rng, schedule),
        health=str(rng.choice(("healthy", "flaky", "degrading"), p=(0.62, 0.23, 0.15))),
        cluster=cluster,
        fresh_cluster=shape.fresh,
        on_all_purpose=shape.on_all_purpose,
    )


def build_fleet(estate: Estate, *, seed: int, scale: float | EntityScale) -> Fleet:
    """Draw clusters and jobs; job ids repeat between workspaces (each counts from 101)."""
    from dataclasses import replace

    rng = stream(seed, "estate/fleet")
    clusters = [
        _cluster(rng, estate, w, "UI", f"shared-{w}-{n}")
        for w in range(len(estate.workspaces))
        for n in range(2)
    ]
    jobs: list[Job] = []
    seen: dict[int, int] = {}
    for number in range(scaled(120, EntityScale.of(scale).jobs, 24)):
        workspace = (number * 7 + number // 24) % len(estate.workspaces)
        job = _job(rng, estate, number, workspace, clusters)
        seen[workspace] = seen.get(workspace, 100) + 1
        jobs.append(replace(job, job_id=str(seen[workspace])))
    return Fleet(tuple(clusters), tuple(jobs))


def slots_per_day(schedule: str) -> int:
    """Return how often a schedule fires on a day on which it fires."""
    return {"hourly": 24, "3-hourly": 8}.get(schedule, 1)


def firing(estate: Estate, jobs: Sequence[Job]) -> Array:
    """Return on which days the jobs run, bool (jobs, days): schedule and life of the workspace."""
    import numpy as np

    weekday = estate.calendar.weekdays()
    day = np.arange(estate.calendar.days)
    rows = []
    for number, job in enumerate(jobs):
        home = estate.workspaces[job.workspace]
        due = np.ones(len(day), dtype=bool)
        if job.schedule == "weekdays":
            due = weekday < 5
        elif job.schedule == "weekly":
            due = weekday == number % 6
        rows.append(due & (day >= home.first_day) & (day <= home.last_day))
    return np.stack(rows)


def run_number(job: Array | int, day: Array | int, slot: Array | int) -> Any:
    """Return the id of scheduled runs; usage and run timeline name the same run alike.

    Args:
        job: Number of the job in the fleet, or an array of them.
        day: Day number.
        slot: Number of the run within the day.
    """
    return 500_000_000_000 + job * 10_000_000 + day * 1_000 + slot * 7 + 11


def run_cluster_id(job_number: int, day_text: str) -> str:
    """Return the id of the job cluster that a run started for itself.

    Args:
        job_number: Number of the job in the fleet.
        day_text: Month and day of the run, `MMDD`.
    """
    return f"{day_text}-{job_number:06d}-run{job_number * 7919 % 99999:05d}"
