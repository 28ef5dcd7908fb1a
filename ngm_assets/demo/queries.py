"""Builds `query/history`: warehouse loads, waiting, spill, cache, and statements still running."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ngm_assets.demo.arrow import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from ngm_assets.demo.draws import ar1, expand, pick_rows, stream
from ngm_assets.demo.incidents import of_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa

    from ngm_assets.demo.draws import Array
    from ngm_assets.demo.estate import Estate
    from ngm_assets.demo.incidents import Incident

KINDS = ("SELECT", "INSERT", "MERGE", "CREATE", "UPDATE", "SHOW")
STATES = ("FINISHED", "FAILED", "CANCELED")
_OFFICE = (
    0.4, 0.3, 0.6, 0.5, 0.4, 0.6, 1.2, 2.5, 4.6, 6.2, 6.6, 5.8,
    4.4, 5.4, 6.2, 5.8, 4.6, 3.2, 2.0, 1.2, 0.9, 0.7, 0.6, 0.8,
)  # fmt: skip


@dataclass(frozen=True)
class Statements:
    """Statements before they become Arrow, all of shape (n,).

    `warehouse` is -1 for serverless compute, `user` a principal number, times are microseconds,
    durations milliseconds; `slow` is the statement's own factor on the usual execution time.
    """

    warehouse: Array
    workspace: Array
    user: Array
    start: Array
    kind: Array
    state: Array
    cached: Array
    waiting_compute: Array
    waiting_capacity: Array
    compilation: Array
    execution: Array
    slow: Array
    strain: Array

    @property
    def total(self) -> Array:
        """Total duration in milliseconds, the sum of its parts."""
        waits = self.waiting_compute + self.waiting_capacity
        return waits + self.compilation + self.execution


def _counts(rng: np.random.Generator, estate: Estate) -> Array:
    """Return statements per warehouse and day; the last row is serverless compute."""
    import numpy as np

    calendar = estate.calendar
    houses = estate.warehouses
    shape = (len(houses) + 1, calendar.days)
    daily = np.asarray([h.daily for h in houses] + [6.0 * len(houses) * 0.7])
    rest = np.asarray([0.45 if h.weekends else 0.0 for h in houses] + [0.3])
    weekend = np.where(calendar.weekdays() >= 5, rest[:, None], 1.0)
    growth = rng.normal(0.01, 0.02, (shape[0], 1)) * np.arange(calendar.days) / 30.0
    mood = ar1(rng, shape, phi=0.6, sd=0.18)
    monday = 1.0 + 0.15 * (calendar.weekdays() == 0)
    return np.asarray(rng.poisson(daily[:, None] * weekend * monday * np.exp(growth + mood)))


def _pace(rng: np.random.Generator, estate: Estate, incidents: Sequence[Incident]) -> Array:
    """Return the log factor on execution time per warehouse and day.

    Mean-reverting (AR 0.75), with a week-day effect of each warehouse, a slow drift, and the
    planted regressions.
    """
    import numpy as np

    calendar = estate.calendar
    shape = (len(estate.warehouses) + 1, calendar.days)
    week = rng.normal(0.0, 0.16, (shape[0], 7))[:, calendar.weekdays()]
    phase = rng.uniform(0.0, 2 * np.pi, (shape[0], 1))
    period = rng.uniform(60.0, 140.0, (shape[0], 1))
    slow = 0.28 * np.sin(2 * np.pi * np.arange(calendar.days) / period + phase)
    pace = ar1(rng, shape, phi=0.75, sd=0.36) + week + slow
    for incident in of_kind(incidents, "warehouse_regression"):
        hit, days = pace[incident.target], list(incident.days())
        before = float(hit[max(0, incident.first - 28) : incident.first].mean())
        hit[days] = before + np.log(incident.magnitude) + 0.4 * (hit[days] - hit[days].mean())
    return np.asarray(pace)


def _starts(
    rng: np.random.Generator, estate: Estate, row: Array, day: Array
) -> tuple[Array, Array]:
    """Return start times (office hours, dashboards on the full hour) and which are nightly loads.

    Nightly loads start in the last ten minutes of a day, on warehouses that also work at weekends.
    """
    import numpy as np

    n = len(row)
    hours = np.tile(np.asarray(_OFFICE), (len(estate.warehouses) + 1, 1))
    hours *= np.exp(rng.normal(0.0, 0.3, hours.shape))
    hour = pick_rows(rng, hours, row)
    board = rng.random(n) < 0.3
    inside = np.where(board, rng.integers(0, 40 * SECOND_US, n), rng.integers(0, HOUR_US, n))
    nightly = np.asarray([h.weekends for h in estate.warehouses] + [True])[row]
    late = nightly & (rng.random(n) < 0.005)
    inside = np.where(late, 23 * HOUR_US + rng.integers(50 * MINUTE_US, HOUR_US, n), inside)
    inside = np.where(late, inside, hour * HOUR_US + inside)
    return np.asarray(estate.calendar.origin_us + day * DAY_US + inside), late


def _users(rng: np.random.Generator, estate: Estate, row: Array) -> Array:
    """Return who runs each statement: a handful of people and services per warehouse."""
    import numpy as np

    weights = np.zeros((len(estate.warehouses) + 1, len(estate.principals)))
    for number in range(len(weights)):
        pool = rng.permutation(len(estate.principals) - 1)[: int(rng.integers(6, 19))]
        weights[number, pool] = rng.gamma(0.8, 1.0, len(pool)) + 0.02
    return pick_rows(rng, weights, row)


def _strain(estate: Estate, row: Array, start: Array) -> Array:
    """Return how full the warehouse is in the statement's hour: load times its pressure."""
    import numpy as np

    hour = (start - estate.calendar.origin_us) // HOUR_US
    hours = estate.calendar.days * 24 + 1
    key = row * hours + np.minimum(hour, hours - 1)
    load = np.bincount(key, minlength=int(key.max()) + 1)[key]
    pressure = np.asarray([h.pressure for h in estate.warehouses] + [0.0])[row]
    return np.asarray(load / 7.0 * pressure)


def _cached(rng: np.random.Generator, estate: Estate, row: Array, day: Array) -> Array:
    """Return which statements the result cache answers; its share wanders slowly."""
    import numpy as np

    share = np.asarray([h.cached for h in estate.warehouses] + [0.05])
    odds = np.log(share / (1.0 - share))[:, None]
    odds = odds + ar1(rng, (len(share), estate.calendar.days), phi=0.8, sd=0.45)
    return np.asarray(rng.random(len(row)) < 1.0 / (1.0 + np.exp(-odds[row, day])))


def _weights(rng: np.random.Generator, kind: Array) -> Array:
    """Return each statement's own factor on the usual time; writes are heavier, SHOW is light."""
    import numpy as np

    slow = np.exp(rng.normal(0.0, 0.85, len(kind))) * np.where(kind == 5, 0.05, 1.0)
    return np.where(np.isin(kind, (1, 2, 3)), slow * 1.8, slow)


def _execution(
    rng: np.random.Generator, usual: Array, late: Array, cached: Array, state: Array
) -> Array:
    """Return execution times in ms: nightly loads last, the cache is quick, failures end early."""
    import numpy as np

    n = len(usual)
    out = np.where(late & ~cached, usual + rng.uniform(3e5, 1.5e6, n), usual)
    out = np.where(cached, rng.uniform(20.0, 160.0, n), out)
    out = np.where(state > 0, out * rng.uniform(0.02, 0.7, n), out)
    return np.asarray(np.minimum(out, 7.2e6).astype(np.int64) + 1)


def draw_statements(estate: Estate, incidents: Sequence[Incident], *, seed: int) -> Statements:
    """Draw all statements in order of their start.

    Args:
        estate: The estate.
        incidents: Planted incidents; those of kind `warehouse_regression` act here.
        seed: Seed of the estate.
    """
    import numpy as np

    rng = stream(seed, "query/history")
    pace = _pace(stream(seed, "query/pace"), estate, incidents)
    row, day = expand(_counts(rng, estate))
    n = len(row)
    start, late = _starts(rng, estate, row, day)
    order = np.argsort(start, kind="stable")
    row, day, start, late = row[order], day[order], start[order], late[order]
    kind = rng.choice(len(KINDS), n, p=(0.78, 0.07, 0.05, 0.04, 0.02, 0.04))
    cached = _cached(rng, estate, row, day) & (kind == 0)
    strain = _strain(estate, row, start)
    slow = _weights(rng, kind)
    usual = np.asarray([h.median_ms for h in estate.warehouses] + [2500.0])[row]
    usual = usual * np.exp(pace[row, day]) * slow * (1.0 + 0.12 * strain)
    state = rng.choice(3, n, p=(0.958, 0.028, 0.014))
    queued = (strain > 1.0) & (rng.random(n) < np.minimum(0.75, 0.22 * strain)) & ~cached
    cold = (rng.random(n) < 0.02) & ~cached
    homes = np.asarray([h.workspace for h in estate.warehouses] + [estate.steady()[0]])
    return Statements(
        warehouse=np.where(row == len(estate.warehouses), -1, row),
        workspace=homes[row],
        user=_users(rng, estate, row),
        start=start,
        kind=kind,
        state=state,
        cached=cached,
        waiting_compute=np.where(cold, rng.uniform(1e3, 1.2e4, n), 0.0).astype(np.int64),
        waiting_capacity=np.where(queued, rng.gamma(1.5, 2500.0, n) * strain, 0).astype(np.int64),
        compilation=rng.gamma(2.0, 90.0, n).astype(np.int64) + 5,
        execution=_execution(rng, usual, late, cached, state),
        slow=slow,
        strain=strain,
    )


def build_queries(estate: Estate, incidents: Sequence[Incident], *, seed: int) -> pa.Table:
    """Build `query/history`, sorted by start; see `query_columns.to_table` for its odd rows."""
    from ngm_assets.demo import query_columns

    return query_columns.to_table(estate, draw_statements(estate, incidents, seed=seed), seed=seed)
