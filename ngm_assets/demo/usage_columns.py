"""The nested columns of `billing/usage`: tags, identity, product features and usage metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ngm_assets.demo import arrow
from ngm_assets.demo.fleet import run_cluster_id, run_number
from ngm_assets.demo.prices import SKUS
from ngm_assets.demo.schemas import schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from ngm_assets.demo.draws import Array
    from ngm_assets.demo.estate import Estate
    from ngm_assets.demo.fleet import Fleet
    from ngm_assets.demo.meters import Meter


def lengths(meters: Sequence[Meter], meter: Array) -> Array:
    """Return the length of a record's usage in microseconds: a day for storage, else an hour."""
    import numpy as np

    whole = np.asarray([m.product in ("DEFAULT_STORAGE", "NETWORKING") for m in meters])
    return np.where(whole[meter], arrow.DAY_US, arrow.HOUR_US)


def _tag_entry(estate: Estate, m: Meter) -> dict[str, str] | None:
    owner = estate.principals[m.owner].name
    full = {"owner": owner, "team": m.team, "cost_center": f"cc-{len(m.team) * 100 + m.workspace}"}
    chosen: dict[str, dict[str, str] | None] = {
        "full": full,
        "owner": {"owner": owner},
        "team": {"team": m.team},
        "empty": {},
        "none": None,
    }
    return chosen[m.tags]


def tags(estate: Estate, meters: Sequence[Meter], meter: Array, day: Array) -> pa.Array:
    """Return `custom_tags`: as the meter is tagged, an empty map before its tagging began."""
    import numpy as np

    entries = [_tag_entry(estate, m) for m in meters] + [{}]
    since = np.asarray([m.tagged_from for m in meters])
    return arrow.tag_maps(entries, np.where(day >= since[meter], meter, len(meters)))


def identity(estate: Estate, meters: Sequence[Meter], meter: Array) -> dict[str, pa.Array]:
    """Return the fields of `identity_metadata` that are set: who ran, created or owns it."""
    import numpy as np

    names = [p.name for p in estate.principals]
    owner = np.asarray([m.owner for m in meters])[meter]
    product = np.asarray([m.product for m in meters])[meter]
    serving = product == "MODEL_SERVING"
    runs = np.isin(product, ("JOBS", "DLT", "ALL_PURPOSE", "AI_RUNTIME"))
    return {
        "run_as": arrow.pick(names, np.where(runs, owner, -1)),
        "created_by": arrow.pick(names, np.where(serving, owner, -1)),
        "owned_by": arrow.pick(names, np.where(product == "SQL", owner, -1)),
    }


def features(meters: Sequence[Meter], meter: Array) -> dict[str, pa.Array]:
    """Return the fields of `product_features` that have a meaning here."""
    import pyarrow as pa

    kind = schema("billing/usage").field("product_features").type
    skus = [SKUS[m.sku] for m in meters]
    tiers = {"jobs_tier": "JOBS", "sql_tier": "SQL", "dlt_tier": "DLT"}
    words = {"jobs_tier": "CLASSIC", "sql_tier": "PRO", "dlt_tier": "ADVANCED"}
    out: dict[str, Any] = {}
    for name, product in tiers.items():
        tier = [words[name] if s.product == product else None for s in skus]
        out[name] = arrow.pick(tier, meter)
    out["is_serverless"] = pa.array([s.serverless for s in skus]).take(meter)
    out["is_photon"] = pa.array([s.photon or s.product == "SQL" for s in skus]).take(meter)
    serving = ["MODEL" if s.product == "MODEL_SERVING" else None for s in skus]
    out["serving_type"] = arrow.pick(serving, meter)
    net = ["PUBLIC_IP" if s.product == "NETWORKING" else None for s in skus]
    out["networking"] = arrow.record(
        kind.field("networking").type, len(meter), {"connectivity_type": arrow.pick(net, meter)}
    )
    target = ["STANDARD" if s.product == "JOBS" and s.serverless else None for s in skus]
    out["performance_target"] = arrow.pick(target, meter)
    return out


def _runs(
    estate: Estate, fleet: Fleet, meters: Sequence[Meter], where: tuple[Array, Array, Array, Array]
) -> tuple[pa.Array, pa.Array]:
    """Return run id and, for jobs with a fresh cluster, the cluster id of every record."""
    import numpy as np

    meter, day, hour, job = where
    frequent = np.asarray([j.schedule == "hourly" for j in fleet.jobs])
    several = np.asarray([j.schedule == "3-hourly" for j in fleet.jobs])
    fresh = np.asarray([j.fresh_cluster for j in fleet.jobs])
    number = np.maximum(job, 0)
    slot = np.where(frequent[number], hour, np.where(several[number], hour // 3, 0))
    key = (number * estate.calendar.days + day) * 24 + slot
    unique, back = np.unique(key, return_inverse=True)
    days, jobs = (unique // 24) % estate.calendar.days, unique // 24 // estate.calendar.days
    pairs = [(int(j), int(d), int(s)) for j, d, s in zip(jobs, days, unique % 24, strict=True)]
    ids = [str(run_number(*p)) for p in pairs]
    stamp = [estate.calendar.day(d).strftime("%m%d") for d in range(estate.calendar.days)]
    own = [run_cluster_id(j, stamp[d]) for j, d, _ in pairs]
    named = job >= 0
    hosted = np.asarray([bool(m.hosted) for m in meters])[meter]
    return (
        arrow.pick(ids, np.where(named & ~hosted, back, -1)),
        arrow.pick(own, np.where(named & fresh[number], back, -1)),
    )


def metadata(
    estate: Estate, fleet: Fleet, meters: Sequence[Meter], where: tuple[Array, Array, Array, Array]
) -> dict[str, pa.Array]:
    """Return the fields of `usage_metadata`; `where` is (meter, day, hour, job) of the records."""
    import pyarrow.compute as pc

    meter, _, _, job = where
    names = sorted({key for m in meters for key in m.ids})
    out: dict[str, Any] = {n: arrow.pick([m.ids.get(n) for m in meters], meter) for n in names}
    out["job_id"] = arrow.pick([j.job_id for j in fleet.jobs], job)
    out["job_name"] = arrow.pick([j.name for j in fleet.jobs], job)
    runs, own = _runs(estate, fleet, meters, where)
    out["job_run_id"] = runs
    out["cluster_id"] = pc.coalesce(out["cluster_id"], own)
    return out
