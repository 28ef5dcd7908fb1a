"""Builds `billing/usage`: daily rhythms, tags, corrections, late rows and runaway clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ngm_assets.demo import arrow
from ngm_assets.demo.draws import ar1, stream, two_state, with_repeats
from ngm_assets.demo.estate import ACCOUNT_ID
from ngm_assets.demo.fleet import firing
from ngm_assets.demo.incidents import of_kind
from ngm_assets.demo.meters import build_meters
from ngm_assets.demo.prices import CLOUD_FACTOR, SKUS
from ngm_assets.demo.schemas import schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa

    from ngm_assets.demo.draws import Array
    from ngm_assets.demo.estate import Estate
    from ngm_assets.demo.fleet import Fleet
    from ngm_assets.demo.incidents import Incident
    from ngm_assets.demo.meters import Meter

_WEEKEND = {
    "ALL_PURPOSE": -1.7, "JOBS": -0.3, "SQL": -1.2, "MODEL_SERVING": -0.4, "NETWORKING": -0.3
}  # fmt: skip
_OWN_SHAPE = ("DEFAULT_STORAGE", "NETWORKING")


@dataclass(frozen=True)
class _Rows:
    """Usage records before they become Arrow: all arrays of shape (n,)."""

    meter: Array
    day: Array
    hour: Array
    quantity: Array
    job: Array
    record_type: Array


def _levels(rng: np.random.Generator, estate: Estate) -> Array:
    """Return the workspaces' daily log level: growth, month end and slow noise, (w, days)."""
    import numpy as np

    calendar = estate.calendar
    w, days = len(estate.workspaces), calendar.days
    growth = rng.normal(0.02, 0.03, (w, 1)) * np.arange(days) / 30.0
    closing = np.where(rng.random((w, 1)) < 0.4, rng.uniform(0.1, 0.3, (w, 1)), 0.03)
    slow = ar1(rng, (w, days), phi=0.85, sd=0.12)
    return np.asarray(growth + closing * calendar.month_edges() + slow)


def _episodes(rng: np.random.Generator, estate: Estate) -> tuple[Array, Array]:
    """Return log factors (w, days) of busy spells (several days) and of spikes (one day)."""
    import numpy as np

    shape = (len(estate.workspaces), estate.calendar.days)
    busy = two_state(rng, shape, enter=0.005, leave=0.3)
    spell = np.where(busy, np.log(rng.uniform(1.8, 3.4, (shape[0], 1))), 0.0)
    spell = spell * rng.uniform(0.75, 1.25, shape)
    spike = np.where(rng.random(shape) < 0.006, np.log(rng.uniform(1.6, 3.0, shape)), 0.0)
    return spell, spike


def _daily_usd(rng: np.random.Generator, estate: Estate, meters: Sequence[Meter]) -> Array:
    """Return what each meter costs each day in USD, shape (meters, days); 0 = no usage."""
    import numpy as np

    calendar = estate.calendar
    home = np.asarray([m.workspace for m in meters])
    levels = _levels(rng, estate)
    spell, spike = _episodes(rng, estate)
    weekend = (calendar.weekdays() >= 5).astype(np.float64)
    batch = np.asarray([estate.workspaces[m.workspace].kind == "batch" for m in meters])
    rest = np.asarray([_WEEKEND.get(m.product, 0.0) for m in meters])
    rest = np.where(batch & np.asarray([m.product == "JOBS" for m in meters]), 0.35, rest)
    steady = np.asarray([m.product in _OWN_SHAPE for m in meters])[:, None]
    bursty = np.asarray([m.product in ("JOBS", "MODEL_SERVING") for m in meters])[:, None]
    noise = rng.normal(0.0, 0.22, (len(meters), calendar.days))
    log = np.log([m.usd for m in meters])[:, None] + levels[home] + noise
    log = log + rest[:, None] * weekend
    log = log + np.where(bursty, spike[home], spell[home]) * ~steady
    return np.asarray(np.exp(log) * _alive(rng, estate, meters))


def _alive(rng: np.random.Generator, estate: Estate, meters: Sequence[Meter]) -> Array:
    """Return on which days a meter reports anything, bool (meters, days)."""
    import numpy as np

    calendar = estate.calendar
    day = np.arange(calendar.days)
    first = np.asarray([estate.workspaces[m.workspace].first_day for m in meters])[:, None]
    last = np.asarray([estate.workspaces[m.workspace].last_day for m in meters])[:, None]
    alive = (day >= first) & (day <= last)
    idle = rng.random(alive.shape) < np.where(calendar.weekdays() >= 5, 0.45, 0.02)
    pausing = np.asarray([m.product == "ALL_PURPOSE" and not m.hosted for m in meters])
    return np.asarray(alive & ~(idle & pausing[:, None]))


def _on_schedule(estate: Estate, fleet: Fleet, meters: Sequence[Meter]) -> Array:
    """Return on which days a meter's job runs (always true without a job), (meters, days)."""
    import numpy as np

    job = np.asarray([m.job for m in meters])
    due = firing(estate, fleet.jobs)[np.maximum(job, 0)]
    return np.where((job < 0)[:, None], True, due)


def _ordinary(
    rng: np.random.Generator, estate: Estate, meters: Sequence[Meter], usd: Array
) -> _Rows:
    import numpy as np

    job = np.asarray([m.job for m in meters])
    meter, day = np.nonzero(usd)
    chunks = np.asarray([len(m.hours) for m in meters])[meter]
    row = np.repeat(np.arange(len(meter)), chunks)
    start = np.concatenate([[0], np.cumsum(chunks)])
    inside = np.arange(len(row)) - start[row]
    hours = np.zeros((len(meters), max(len(m.hours) for m in meters)), dtype=np.int64)
    for number, m in enumerate(meters):
        hours[number, : len(m.hours)] = m.hours
    part = rng.gamma(4.0, 1.0, len(row))
    part = part / np.bincount(row, weights=part)[row]
    price = _usd_prices(estate, meters)[meter][row]
    quantity = usd[meter, day][row] * part / price
    jobs = _present_jobs(rng, meters, meter[row], job)
    kind = np.zeros(len(row), dtype=np.int64)
    return _Rows(meter[row], day[row], hours[meter[row], inside], quantity, jobs, kind)


def _present_jobs(
    rng: np.random.Generator, meters: Sequence[Meter], meter: Array, job: Array
) -> Array:
    """Return the job number a record names, else -1: all-purpose records seldom name one."""
    import numpy as np

    hosted = np.asarray([m.hosted[0] if m.hosted else -1 for m in meters])
    named = rng.random(len(meter)) < 0.06
    return np.where(job[meter] >= 0, job[meter], np.where(named, hosted[meter], -1))


def _usd_prices(estate: Estate, meters: Sequence[Meter]) -> Array:
    import numpy as np

    clouds = [CLOUD_FACTOR[estate.workspaces[m.workspace].cloud] for m in meters]
    usd = [SKUS[m.sku].usd or 1.0 for m in meters]
    return np.asarray([u * c for u, c in zip(usd, clouds, strict=True)])


def _runaways(
    rng: np.random.Generator,
    estate: Estate,
    meters: Sequence[Meter],
    usd: Array,
    incidents: Sequence[Incident],
) -> list[_Rows]:
    """Return round-the-clock rows of one all-purpose cluster per incident."""
    import numpy as np

    home = np.asarray([m.workspace for m in meters])
    prices = _usd_prices(estate, meters)
    out = []
    for incident in of_kind(incidents, "runaway_cluster"):
        number = next(
            i
            for i, m in enumerate(meters)
            if m.workspace == incident.target and m.product == "ALL_PURPOSE"
        )
        own = usd[home == incident.target].sum(axis=0)
        days = np.repeat(np.asarray(list(incident.days())), 24)
        normal = np.asarray([np.median(own[d % 7 : d : 7][-4:]) for d in incident.days()])
        hourly = (incident.magnitude - 1.0) * np.repeat(normal, 24) / 24.0 / prices[number]
        n = len(days)
        out.append(
            _Rows(
                meter=np.full(n, number),
                day=days,
                hour=np.tile(np.arange(24), n // 24),
                quantity=hourly * rng.uniform(0.85, 1.15, n),
                job=np.full(n, -1),
                record_type=np.zeros(n, dtype=np.int64),
            )
        )
    return out


def _corrections(rng: np.random.Generator, rows: _Rows) -> list[_Rows]:
    """Return retractions (the same record, negative) and restatements of a small share of rows."""
    import numpy as np

    chosen = np.nonzero(rng.random(len(rows.day)) < 0.006)[0]
    factor = rng.uniform(0.85, 1.1, len(chosen))
    out = []
    for code, scale in ((1, np.full(len(chosen), -1.0)), (2, factor)):
        out.append(
            _Rows(
                rows.meter[chosen],
                rows.day[chosen],
                rows.hour[chosen],
                rows.quantity[chosen] * scale,
                rows.job[chosen],
                np.full(len(chosen), code),
            )
        )
    return out


def _joined(parts: Sequence[_Rows]) -> _Rows:
    import numpy as np

    names = ("meter", "day", "hour", "quantity", "job", "record_type")
    return _Rows(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))


def build_usage(
    estate: Estate, fleet: Fleet, incidents: Sequence[Incident], *, seed: int
) -> pa.Table:
    """Build `billing/usage`, sorted by day.

    A landing read on the morning after the last day: rows that the source would publish later
    than that day are not there yet.

    Args:
        estate: The estate.
        fleet: Its clusters and jobs.
        incidents: The planted incidents; those of kind `runaway_cluster` are made real here.
        seed: Seed of the estate.
    """
    import numpy as np

    rng = stream(seed, "billing/usage")
    meters = build_meters(estate, fleet, seed=seed)
    usd = _daily_usd(rng, estate, meters) * _on_schedule(estate, fleet, meters)
    first = _ordinary(rng, estate, meters, usd)
    extra = _runaways(stream(seed, "billing/runaway"), estate, meters, usd, incidents)
    rows = _joined([first, *extra])
    rows = _joined([rows, *_corrections(rng, rows)])
    order = np.lexsort((rows.record_type, rows.hour, rows.meter, rows.day))
    rows = _Rows(*(a[order] for a in vars(rows).values()))
    table, delay = _table(rng, estate, fleet, meters, rows)
    keep = np.nonzero(rows.day + delay <= estate.calendar.days)[0]
    return table.take(keep[with_repeats(rng, len(keep), 0.005)])


def _delays(rng: np.random.Generator, rows: _Rows) -> Array:
    """Return the days from usage to publication: mostly 0 or 1, a few 2..5, corrections 2..8."""
    import numpy as np

    n = len(rows.day)
    usual = rng.choice(6, n, p=(0.6, 0.37, 0.012, 0.008, 0.006, 0.004))
    return np.where(rows.record_type > 0, rng.integers(2, 9, n), usual)


def _table(
    rng: np.random.Generator,
    estate: Estate,
    fleet: Fleet,
    meters: Sequence[Meter],
    rows: _Rows,
) -> tuple[pa.Table, Array]:
    from ngm_assets.demo import usage_columns

    n = len(rows.day)
    calendar = estate.calendar
    start = calendar.origin_us + rows.day * arrow.DAY_US + rows.hour * arrow.HOUR_US
    delay = _delays(rng, rows)
    days = calendar.epoch_day + rows.day
    homes = [estate.workspaces[m.workspace] for m in meters]
    skus = [SKUS[m.sku] for m in meters]
    columns: dict[str, Any] = {
        "account_id": arrow.constant(ACCOUNT_ID, n),
        "workspace_id": arrow.pick([h.workspace_id for h in homes], rows.meter),
        "record_id": arrow.uuids(rng, n),
        "sku_name": arrow.pick([s.name for s in skus], rows.meter),
        "cloud": arrow.pick([h.cloud for h in homes], rows.meter),
        "usage_start_time": arrow.stamps(start),
        "usage_end_time": arrow.stamps(start + usage_columns.lengths(meters, rows.meter)),
        "usage_date": arrow.dates(days),
        "custom_tags": usage_columns.tags(estate, meters, rows.meter, rows.day),
        "usage_unit": arrow.pick([s.unit for s in skus], rows.meter),
        "usage_quantity": arrow.decimals(rows.quantity),
        "record_type": arrow.pick(["ORIGINAL", "RETRACTION", "RESTATEMENT"], rows.record_type),
        "ingestion_date": arrow.dates(days + delay),
        "billing_origin_product": arrow.pick([s.product for s in skus], rows.meter),
        "usage_type": arrow.pick([s.usage_type for s in skus], rows.meter),
        "identity_metadata": usage_columns.identity(estate, meters, rows.meter),
        "product_features": usage_columns.features(meters, rows.meter),
        "usage_metadata": usage_columns.metadata(
            estate, fleet, meters, (rows.meter, rows.day, rows.hour, rows.job)
        ),
    }
    return arrow.frame(schema("billing/usage"), n, columns), delay
