"""Which incidents are planted where and when; the tables make them real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ngm_assets.demo.draws import stream
from ngm_assets.demo.estate import EntityScale

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from ngm_assets.demo.estate import Estate
    from ngm_assets.demo.fleet import Fleet


@dataclass(frozen=True)
class Incident:
    """A planted incident.

    Args:
        incident_id: Unique name.
        domain: cost, security, performance, reliability or quality.
        kind: What happens.
        target: Number of the workspace, principal, warehouse, job or catalog in the estate.
        first: First day number.
        last: Last day number, included.
        magnitude: Size; `unit` says of what.
        unit: What the magnitude measures.
        entity: The key columns of the feature table and their values.
        description: One sentence.
    """

    incident_id: str
    domain: str
    kind: str
    target: int
    first: int
    last: int
    magnitude: float
    unit: str
    entity: dict[str, str]
    description: str

    def days(self) -> range:
        """Return the day numbers it covers."""
        return range(self.first, self.last + 1)


@dataclass(frozen=True)
class _Kind:
    """How one kind of incident is drawn: count at scale 1, recent ones, length, size, words."""

    domain: str
    kind: str
    count: int
    recent: int
    length: tuple[int, int]
    size: tuple[float, float]
    unit: str
    text: str


_KINDS = (
    _Kind("cost", "runaway_cluster", 6, 1, (2, 3), (4.0, 8.0), "x cost of the same weekday",
          "an all-purpose cluster runs away until somebody notices: the cost multiplies"),
    _Kind("security", "credential_stuffing", 6, 2, (1, 2), (60.0, 120.0), "failed logins",
          "bursts of failed logins from many new addresses at night, then reads in new places"),
    _Kind("security", "exfiltration", 4, 1, (1, 2), (80.0, 220.0), "exports a day",
          "downloads and exports far above the person's own norm"),
    _Kind("security", "privilege_escalation", 4, 1, (1, 2), (6.0, 16.0), "grants and tokens a day",
          "a person without any permission action before grants rights and creates tokens"),
    _Kind("security", "behaviour_change", 3, 1, (10, 14), (30.0, 60.0), "night events a day",
          "a person starts to work at night on other tables"),
    _Kind("performance", "warehouse_regression", 3, 0, (10, 14), (2.2, 3.0), "x duration",
          "the warehouse's statements take a multiple of their usual time"),
    _Kind("reliability", "broken_upgrade", 4, 1, (6, 9), (0.7, 0.95), "failure rate",
          "the job breaks after its cluster's runtime upgrade"),
    _Kind("quality", "mass_schema_change", 3, 1, (1, 1), (0.4, 0.7), "share of tables changed",
          "a mass structural change: columns dropped, retyped and added in many tables at once"),
)  # fmt: skip


def _start(rng: np.random.Generator, days: int, length: int, rank: int, kind: _Kind) -> int:
    """Draw the first day: `rank` below `kind.recent` lies in the last 12 days."""
    if rank < kind.recent:
        earliest = days - 12
        latest = max(earliest, days - 4 - min(length, 4))
        return int(rng.integers(earliest, latest + 1))
    first = min(45, int(days * 0.4))
    room = max(first + 1, days - 14 - length)
    older = max(1, kind.count - kind.recent)
    step = (room - first) / older
    place = first + step * (rank - kind.recent) + rng.uniform(0.0, step)
    return int(min(place, room))


def _mid_sized(estate: Estate, fleet: Fleet) -> list[int]:
    steady = estate.steady()
    return steady[: max(2, (len(steady) * 2) // 3)]


def _quiet_people(estate: Estate, fleet: Fleet) -> list[int]:
    return [i for i in estate.people() if not estate.principals[i].may_grant]


def _regular_jobs(estate: Estate, fleet: Fleet) -> list[int]:
    steady = set(estate.steady())
    return [
        i
        for i, j in enumerate(fleet.jobs)
        if j.schedule in ("daily", "3-hourly")
        and j.health == "healthy"
        and j.cluster >= 0
        and not j.on_all_purpose
        and not j.fresh_cluster
        and j.workspace in steady
    ]


def _candidates(kind: str, estate: Estate, fleet: Fleet) -> list[int]:
    if kind == "runaway_cluster":
        return _mid_sized(estate, fleet)
    if kind == "warehouse_regression":
        return list(range(len(estate.warehouses)))
    if kind == "broken_upgrade":
        return _regular_jobs(estate, fleet)
    if kind == "mass_schema_change":
        return list(range(len(estate.catalogs)))
    return _quiet_people(estate, fleet)


def _entity(kind: _Kind, target: int, estate: Estate, fleet: Fleet) -> dict[str, str]:
    if kind.domain == "cost":
        return {"workspace_id": estate.workspaces[target].workspace_id}
    if kind.domain == "security":
        return {"user_id": estate.principals[target].name}
    if kind.domain == "performance":
        house = estate.warehouses[target]
        workspace = estate.workspaces[house.workspace].workspace_id
        return {"workspace_id": workspace, "warehouse_id": house.warehouse_id}
    if kind.domain == "reliability":
        job = fleet.jobs[target]
        workspace = estate.workspaces[job.workspace].workspace_id
        return {"workspace_id": workspace, "job_id": job.job_id}
    return {"catalog_name": estate.catalogs[target].name}


def _size(rng: np.random.Generator, kind: _Kind) -> float:
    drawn = float(rng.uniform(*kind.size))
    return round(drawn) * 1.0 if kind.domain == "security" else round(drawn, 2)


def plan_incidents(
    estate: Estate, fleet: Fleet, *, seed: int, scale: float | EntityScale
) -> tuple[Incident, ...]:
    """Choose entity, days and size of every incident.

    No principal, workspace, warehouse, job or catalog is hit twice; a small estate gets fewer.
    The recent ones (last 12 days) are always there; the others lie after day 45, or after 40 % of
    a shorter history.
    """
    taken: dict[str, set[int]] = {}
    out: list[Incident] = []
    share = min(1.0, EntityScale.of(scale).incidents)
    for kind in _KINDS:
        rng = stream(seed, f"incidents/{kind.kind}")
        used = taken.setdefault(kind.domain, set())
        free = [c for c in _candidates(kind.kind, estate, fleet) if c not in used]
        order = [free[int(i)] for i in rng.permutation(len(free))]
        wanted = max(kind.recent + 1, round(kind.count * share))
        for rank, target in enumerate(order[:wanted]):
            used.add(target)
            low, high = kind.length
            length = 1 if rank < kind.recent and high == 2 else int(rng.integers(low, high + 1))
            start = _start(rng, estate.calendar.days, length, rank, kind)
            last = min(start + length - 1, estate.calendar.days - 1)
            out.append(
                Incident(
                    incident_id=f"{kind.kind}-{rank + 1}",
                    domain=kind.domain,
                    kind=kind.kind,
                    target=target,
                    first=start,
                    last=last,
                    magnitude=_size(rng, kind),
                    unit=kind.unit,
                    entity=_entity(kind, target, estate, fleet),
                    description=kind.text,
                )
            )
    return tuple(out)


def of_kind(incidents: Sequence[Incident], *kinds: str) -> list[Incident]:
    """Return the incidents of the given kinds, in order."""
    return [i for i in incidents if i.kind in kinds]


def with_broken_upgrades(fleet: Fleet, incidents: Sequence[Incident]) -> Fleet:
    """Return the fleet with the runtime upgrades that the `broken_upgrade` incidents speak of."""
    from dataclasses import replace

    from ngm_assets.demo.fleet import RUNTIMES, Upgrade

    clusters = list(fleet.clusters)
    for incident in of_kind(incidents, "broken_upgrade"):
        number = fleet.jobs[incident.target].cluster
        before = [u for u in clusters[number].upgrades if u.day < incident.first - 14]
        newer = [*RUNTIMES, "18.0.x-scala2.13"][RUNTIMES.index(before[-1].dbr_version) + 1]
        upgrades = (*before, Upgrade(incident.first, newer, 0.0))
        clusters[number] = replace(clusters[number], upgrades=upgrades)
    return replace(fleet, clusters=tuple(clusters))


def as_json(incidents: Sequence[Incident], estate: Estate) -> list[dict[str, Any]]:
    """Return what `_incidents.json` holds: id, domain, kind, start, end, entity and size."""
    return [
        {
            "id": i.incident_id,
            "domain": i.domain,
            "kind": i.kind,
            "start": estate.calendar.day(i.first).isoformat(),
            "end": estate.calendar.day(i.last).isoformat(),
            "entity": i.entity,
            "description": i.description,
            "magnitude": i.magnitude,
            "magnitude_unit": i.unit,
        }
        for i in incidents
    ]
