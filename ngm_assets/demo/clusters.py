"""Builds `compute/clusters`: the change history of shared, job and one-run clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ngm_assets.demo import arrow
from ngm_assets.demo.draws import stream
from ngm_assets.demo.estate import ACCOUNT_ID
from ngm_assets.demo.fleet import firing, run_cluster_id
from ngm_assets.demo.schemas import schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa

    from ngm_assets.demo.estate import Estate
    from ngm_assets.demo.fleet import Cluster, Fleet, Upgrade


@dataclass(frozen=True)
class _Change:
    """A row of the history; times are microseconds, `deleted` 0 = alive."""

    workspace: int
    cluster_id: str
    name: str
    owner: int
    source: str
    created: int
    deleted: int
    node: str
    workers: int
    version: str
    idle: int
    changed: int


def _moment(estate: Estate, day: int, hour: float) -> int:
    return int(estate.calendar.origin_us + day * arrow.DAY_US + int(hour * arrow.HOUR_US))


def _long_lived(rng: np.random.Generator, estate: Estate, c: Cluster) -> list[_Change]:
    """Return creation, runtime upgrades and, now and then, other changes of one cluster."""
    created = _moment(estate, c.upgrades[0].day, 9.0)
    edits = [(_moment(estate, u.day, 0.0 if u.day < 0 else 0.05), u) for u in c.upgrades]
    out = []
    workers, owner = c.workers, c.owner
    idle = 0 if c.source == "JOB" else int(rng.choice((20, 30, 60, 120)))
    for number, (moment, upgrade) in enumerate(edits):
        at = created if number == 0 else moment
        out.append(_change(c, upgrade, owner, workers, idle, created, at))
        if rng.random() < 0.5:
            workers = max(1, workers + int(rng.integers(-2, 5)))
            owner = owner if rng.random() < 0.8 else int(rng.integers(len(estate.people())))
            later = at + int(rng.integers(1, 20)) * arrow.DAY_US + arrow.HOUR_US
            limit = edits[number + 1][0] if number + 1 < len(edits) else estate.calendar.cut_us
            if later < limit:
                out.append(_change(c, upgrade, owner, workers, idle, created, later))
    return out


def _change(
    c: Cluster, upgrade: Upgrade, owner: int, workers: int, idle: int, created: int, at: int
) -> _Change:
    return _Change(
        workspace=c.workspace,
        cluster_id=c.cluster_id,
        name=c.name,
        owner=owner,
        source=c.source,
        created=created,
        deleted=0,
        node=c.node_type,
        workers=workers,
        version=upgrade.dbr_version,
        idle=idle,
        changed=at,
    )


def _one_run(estate: Estate, fleet: Fleet) -> list[_Change]:
    """Return creation and deletion of the clusters that live for one run."""
    due = firing(estate, fleet.jobs)
    out = []
    for number, job in enumerate(fleet.jobs):
        if not job.fresh_cluster:
            continue
        model = fleet.clusters[job.cluster]
        for day in due[number].nonzero()[0].tolist():
            version = [u.dbr_version for u in model.upgrades if u.day <= day][-1]
            start = _moment(estate, day, job.hour + job.minute / 60.0)
            stop = start + int(4.5 * job.minutes * arrow.MINUTE_US)
            stamp = estate.calendar.day(day).strftime("%m%d")
            for deleted, at in ((0, start), (stop, stop)):
                if at < estate.calendar.cut_us:
                    out.append(
                        _Change(job.workspace, run_cluster_id(number, stamp),
                                f"job-{job.job_id}-run", job.owner, "JOB", start, deleted,
                                model.node_type, model.workers, version, 0, at)
                    )  # fmt: skip
    return out


def build_clusters(estate: Estate, fleet: Fleet, *, seed: int) -> pa.Table:
    """Build `compute/clusters`, one row per change, sorted by the time of the change."""
    rng = stream(seed, "compute/clusters")
    rows = [r for c in fleet.clusters for r in _long_lived(rng, estate, c)]
    rows = sorted([*rows, *_one_run(estate, fleet)], key=lambda r: (r.changed, r.cluster_id))
    columns = {**_identity(estate, rows), **_configuration(estate, rows)}
    return arrow.frame(schema("compute/clusters"), len(rows), columns)


def _identity(estate: Estate, rows: Sequence[_Change]) -> dict[str, Any]:
    """Return the columns that say which cluster changed, whose it is, and when."""
    import numpy as np

    n = len(rows)
    codes = np.arange(n)
    homes = [estate.workspaces[r.workspace] for r in rows]
    changed = np.asarray([r.changed for r in rows], dtype=np.int64)
    deleted = np.asarray([r.deleted for r in rows], dtype=np.int64)
    names = [p.name for p in estate.principals]
    return {
        "account_id": arrow.constant(ACCOUNT_ID, n),
        "workspace_id": arrow.pick([h.workspace_id for h in homes], codes),
        "cluster_id": arrow.pick([r.cluster_id for r in rows], codes),
        "cluster_name": arrow.pick([r.name for r in rows], codes),
        "owned_by": arrow.pick(names, np.asarray([r.owner for r in rows])),
        "create_time": arrow.stamps(np.asarray([r.created for r in rows])),
        "delete_time": arrow.stamps(deleted, deleted == 0),
        "tags": arrow.tag_maps([{"team": h.team} for h in homes], codes),
        "cluster_source": arrow.pick([r.source for r in rows], codes),
        "change_time": arrow.stamps(changed),
        "change_date": arrow.dates(changed // arrow.DAY_US),
    }


def _configuration(estate: Estate, rows: Sequence[_Change]) -> dict[str, Any]:
    """Return the columns that say how the cluster is set up after the change."""
    import numpy as np
    import pyarrow as pa

    n = len(rows)
    codes = np.arange(n)
    scaling = np.asarray([r.workers > 6 for r in rows])
    workers = np.asarray([r.workers for r in rows])
    google = np.asarray([estate.workspaces[r.workspace].cloud == "GCP" for r in rows])
    availability = pa.array(["SPOT_WITH_FALLBACK"] * n)
    kind = schema("compute/clusters")
    return {
        "driver_node_type": arrow.pick([r.node for r in rows], codes),
        "worker_node_type": arrow.pick([r.node for r in rows], codes),
        "worker_count": pa.array(workers, mask=scaling),
        "min_autoscale_workers": pa.array(np.ones(n, dtype=np.int64), mask=~scaling),
        "max_autoscale_workers": pa.array(workers, mask=~scaling),
        "auto_termination_minutes": pa.array([r.idle for r in rows]),
        "enable_elastic_disk": pa.array([True] * n),
        "init_scripts": pa.array([[]] * n, pa.list_(pa.string())),
        "aws_attributes": _attributes(kind, "aws_attributes", availability, google),
        "gcp_attributes": _attributes(kind, "gcp_attributes", availability, ~google),
        "dbr_version": arrow.pick([r.version for r in rows], codes),
        "data_security_mode": arrow.constant("USER_ISOLATION", n),
    }


def _attributes(kind: pa.Schema, name: str, availability: pa.Array, absent: Any) -> pa.Array:
    import pyarrow as pa

    fields = list(kind.field(name).type)
    n = len(availability)
    children = [availability if f.name == "availability" else pa.nulls(n, f.type) for f in fields]
    return pa.StructArray.from_arrays(children, fields=fields, mask=pa.array(absent))
