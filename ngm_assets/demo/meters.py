"""What produces usage in the demo: one meter per cluster, job, warehouse, pipeline and the like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ngm_assets.demo.draws import stream
from ngm_assets.demo.estate import hex_id
from ngm_assets.demo.prices import SKUS, sku_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from ngm_assets.demo.estate import Estate
    from ngm_assets.demo.fleet import Fleet

_SHARES = {
    "interactive": (0.44, 0.20, 0.20, 0.04, 0.04, 0.06, 0.02),
    "batch": (0.18, 0.52, 0.08, 0.12, 0.02, 0.06, 0.02),
    "bi": (0.14, 0.18, 0.55, 0.03, 0.02, 0.06, 0.02),
    "dev": (0.55, 0.15, 0.12, 0.05, 0.05, 0.06, 0.02),
}
_PRODUCTS = (
    "ALL_PURPOSE", "JOBS", "SQL", "DLT", "MODEL_SERVING", "DEFAULT_STORAGE", "NETWORKING"
)  # fmt: skip
_DAILY_USD = 240.0
_OFFICE = (8, 10, 12, 14, 16)


@dataclass(frozen=True)
class Meter:
    """A source of usage.

    `usd` is its usual cost on an ordinary day, `hours` the hours it reports, `job` a job number
    or -1, `team` the value of its tags (of a job: the job's team), `tags` how it is tagged (`full`,
    `owner`, `team`, `empty` or `none`) from day `tagged_from` on (before that: `empty`), `owner` a
    principal number.
    """

    workspace: int
    sku: int
    usd: float
    hours: tuple[int, ...]
    owner: int
    team: str
    tags: str
    tagged_from: int = 0
    job: int = -1
    hosted: tuple[int, ...] = ()
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def product(self) -> str:
        """The `billing_origin_product`."""
        return SKUS[self.sku].product


@dataclass(frozen=True)
class _Draft:
    """A meter before its cost is known."""

    product: str
    sku: str
    hours: tuple[int, ...]
    owner: int
    ids: dict[str, str]
    weight: float = 1.0
    job: int = -1
    team: str | None = None
    hosted: tuple[int, ...] = ()


def _clusters(rng: np.random.Generator, fleet: Fleet, workspace: int) -> list[_Draft]:
    out = []
    for number, cluster in enumerate(fleet.clusters):
        if cluster.workspace != workspace or cluster.source != "UI":
            continue
        jobs = tuple(i for i, j in enumerate(fleet.jobs) if j.cluster == number)
        hosted: set[int] = set()
        for i in jobs:
            job = fleet.jobs[i]
            long = 1 + int(job.minute + job.minutes) // 60
            starts = range(0, 24, 3) if job.schedule.endswith("hourly") else (job.hour,)
            hosted |= {(s + k) % 24 for s in starts for k in range(min(long, 3))}
        photon = "_(PHOTON)" if rng.random() < 0.3 else ""
        out.append(
            _Draft(
                "ALL_PURPOSE",
                f"PREMIUM_ALL_PURPOSE_COMPUTE{photon}",
                tuple(sorted(hosted | set(_OFFICE))),
                cluster.owner,
                {"cluster_id": cluster.cluster_id, "node_type": cluster.node_type},
                float(rng.uniform(0.5, 1.5)),
                hosted=jobs,
            )
        )
    return out


def _jobs(rng: np.random.Generator, fleet: Fleet, workspace: int) -> list[_Draft]:
    out = []
    for number, job in enumerate(fleet.jobs):
        if job.workspace != workspace or job.on_all_purpose:
            continue
        ids = {"job_id": job.job_id, "job_name": job.name}
        sku = "PREMIUM_JOBS_SERVERLESS_COMPUTE_US_EAST"
        if job.cluster >= 0:
            cluster = fleet.clusters[job.cluster]
            ids["node_type"] = cluster.node_type
            if not job.fresh_cluster:
                ids["cluster_id"] = cluster.cluster_id
            sku = "PREMIUM_JOBS_COMPUTE" + ("_(PHOTON)" if rng.random() < 0.3 else "")
        hours = (2, 8, 14, 20) if job.schedule.endswith("hourly") else (job.hour,)
        weight = float(rng.uniform(0.4, 1.6)) * job.minutes**0.5
        draft = _Draft("JOBS", sku, hours, job.owner, ids, weight, job=number, team=job.team)
        out.append(draft)
    return out


def _warehouses(rng: np.random.Generator, estate: Estate, workspace: int) -> list[_Draft]:
    out = []
    for house in estate.warehouses:
        if house.workspace == workspace:
            pro = house.median_ms > 5e3
            sku = "PREMIUM_SQL_PRO_COMPUTE_US_EAST" if pro else SKUS[5].name
            ids = {"warehouse_id": house.warehouse_id}
            out.append(_Draft("SQL", sku, (7, 9, 11, 14, 17), 0, ids, house.daily))
    return out


def _services(rng: np.random.Generator, estate: Estate, workspace: int) -> list[_Draft]:
    people = estate.people()
    owner = people[int(rng.integers(len(people)))]
    out = []
    if rng.random() < 0.7:
        ids = {"dlt_pipeline_id": hex_id(rng, 32)}
        sku = "PREMIUM_DLT_" + ("ADVANCED" if workspace % 2 == 0 else "CORE") + "_COMPUTE"
        out.append(_Draft("DLT", sku, (1, 13), owner, ids))
    if rng.random() < 0.4:
        ids = {"endpoint_name": f"scorer-{workspace}", "endpoint_id": hex_id(rng, 32)}
        out.append(_Draft("MODEL_SERVING", SKUS[9].name, (3, 11, 19), owner, ids))
    out.append(_Draft("DEFAULT_STORAGE", SKUS[10].name, (0,), owner, {}))
    regions = {"source_region": "us-east-1", "destination_region": "eu-west-1"}
    for sku in (SKUS[11].name, SKUS[12].name):
        out.append(_Draft("NETWORKING", sku, (0,), owner, regions))
    if workspace == 1:
        out.append(_Draft("AI_RUNTIME", SKUS[13].name, (10,), owner, {"notebook_id": "90210"}))
    return out


def _priced(
    rng: np.random.Generator, estate: Estate, workspace: int, drafts: Sequence[_Draft]
) -> list[Meter]:
    home = estate.workspaces[workspace]
    share = dict(zip(_PRODUCTS, _SHARES[home.kind], strict=True))
    totals: dict[str, float] = {}
    for d in drafts:
        totals[d.product] = totals.get(d.product, 0.0) + d.weight
    present = sum(share.get(p, 0.0) for p in totals)
    untagged = rng.uniform(0.1, 0.5)
    out = []
    for d in drafts:
        part = share.get(d.product, 0.03) / present * d.weight / totals[d.product]
        style = "full" if rng.random() > untagged else str(rng.choice(_STYLES))
        adopted = int(rng.integers(20, estate.calendar.days)) if rng.random() < 0.15 else 0
        other = str(rng.choice([p.team for p in estate.principals]))
        usual = other if rng.random() < 0.12 else home.team
        out.append(
            Meter(
                workspace=workspace,
                sku=sku_number(d.sku),
                usd=_DAILY_USD * home.size * part,
                hours=d.hours,
                owner=d.owner,
                team=usual if d.team is None else d.team,
                tags=style,
                tagged_from=adopted,
                job=d.job,
                hosted=d.hosted,
                ids=d.ids,
            )
        )
    return out


_STYLES = ("owner", "team", "empty", "none")


def build_meters(estate: Estate, fleet: Fleet, *, seed: int) -> tuple[Meter, ...]:
    """Draw the meters of every workspace; their usual costs add up to the workspace's level."""
    out: list[Meter] = []
    for workspace in range(len(estate.workspaces)):
        rng = stream(seed, f"billing/meters/{workspace}")
        drafts = [
            *_clusters(rng, fleet, workspace),
            *_jobs(rng, fleet, workspace),
            *_warehouses(rng, estate, workspace),
            *_services(rng, estate, workspace),
        ]
        out.extend(_priced(rng, estate, workspace, drafts))
    return tuple(out)
