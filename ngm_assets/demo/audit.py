"""Builds `access/audit`: the habits of people and services, and the events of ordinary days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ngm_assets.demo.actions import ACTIONS, of_kind
from ngm_assets.demo.arrow import DAY_US, HOUR_US
from ngm_assets.demo.draws import ar1, expand, pick_rows, stream, two_state
from ngm_assets.demo.estate import ROLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa

    from ngm_assets.demo.draws import Array
    from ngm_assets.demo.estate import Estate
    from ngm_assets.demo.incidents import Incident

_DAILY = {
    "analyst": 11.0, "engineer": 16.0, "scientist": 14.0, "admin": 12.0,
    "service": 34.0, "system": 120.0,
}  # fmt: skip
IPS = 5


@dataclass(frozen=True)
class Habits:
    """What principals usually do: shapes start with the number of principals.

    `actions`, `workspaces` and `tables` are weights; `addresses` are IPv4 numbers; `peak` is the
    hour of the day around which a person works (negative for round-the-clock services).
    """

    daily: Array
    actions: Array
    workspaces: Array
    tables: Array
    addresses: Array
    peak: Array
    spread: Array
    denied: Array


@dataclass(frozen=True)
class Events:
    """Audit events before they become Arrow, all of shape (n,).

    `action`, `principal`, `workspace` and `table` are numbers; table -1 = none.
    """

    principal: Array
    time: Array
    action: Array
    workspace: Array
    address: Array
    table: Array
    status: Array


def joined(parts: Sequence[Events]) -> Events:
    """Return the events of all parts in one."""
    import numpy as np

    return Events(*(np.concatenate([getattr(p, n) for p in parts]) for n in vars(parts[0])))


def table_names(estate: Estate) -> list[str]:
    """Return the full names that table numbers stand for."""
    return [t.full_name for c in estate.catalogs for t in c.tables]


def _action_weights(rng: np.random.Generator, estate: Estate) -> Array:
    import numpy as np

    role = [ROLES.index(p.role) for p in estate.principals]
    base = np.asarray([a.weights for a in ACTIONS]).T[role]
    weights = base * rng.gamma(1.5, 1.0 / 1.5, base.shape) + base * 0.05
    barred = np.asarray([not p.may_grant for p in estate.principals])
    closed = of_kind("permission", "token")
    granting = np.isin(np.arange(len(ACTIONS)), closed)
    return np.where(barred[:, None] & granting, 0.0, weights)


def _workspace_weights(rng: np.random.Generator, estate: Estate) -> Array:
    import numpy as np

    out = np.zeros((len(estate.principals), len(estate.workspaces)))
    for number, p in enumerate(estate.principals):
        out[number, list(p.workspaces)] = rng.uniform(0.04, 0.3, len(p.workspaces))
        out[number, p.home] = 1.0
    return out


def _table_weights(rng: np.random.Generator, estate: Estate) -> Array:
    """Return each principal's 4..24 usual tables, most of them in the own team's catalogs."""
    import numpy as np

    teams = np.asarray([c.team for c in estate.catalogs for _ in c.tables])
    out = np.full((len(estate.principals), len(teams)), 2e-5)
    for number, p in enumerate(estate.principals):
        likely = np.where(teams == p.team, 8.0, 1.0)
        size = min(len(teams), int(rng.integers(4, 25)))
        usual = rng.choice(len(teams), size, replace=False, p=likely / likely.sum())
        out[number, usual] += 1.0 / (1.0 + np.arange(size)) ** 1.1
    return out


def habits(estate: Estate, *, seed: int) -> Habits:
    """Draw what every principal usually does."""
    import numpy as np

    rng = stream(seed, "access/habits")
    n = len(estate.principals)
    role = np.asarray([p.role for p in estate.principals])
    machine = np.isin(role, ("service", "system"))
    addresses = rng.integers(0x0A000000, 0x0A00FFFF, (n, IPS))
    addresses[:, 2:] = rng.integers(0x50000000, 0x5FFFFFFF, (n, IPS - 2))
    clumsy = rng.random(n) < 0.08
    return Habits(
        daily=np.asarray([_DAILY[r] for r in role]) * np.exp(rng.normal(-0.1, 0.45, n)),
        actions=_action_weights(rng, estate),
        workspaces=_workspace_weights(rng, estate),
        tables=_table_weights(rng, estate),
        addresses=addresses,
        peak=np.where(machine, np.where(rng.random(n) < 0.4, 2.5, -1.0), rng.normal(12.5, 1.6, n)),
        spread=np.where(machine, 1.2, rng.uniform(1.6, 2.8, n)),
        denied=np.where(clumsy, rng.uniform(0.03, 0.08, n), rng.gamma(1.2, 0.0022, n)),
    )


def _counts(rng: np.random.Generator, estate: Estate, usual: Habits) -> Array:
    """Return the number of events of every principal and day: week, mood, leave and growth."""
    import numpy as np

    calendar = estate.calendar
    shape = (len(estate.principals), calendar.days)
    person = np.asarray(["service" != p.role != "system" for p in estate.principals])
    keen = rng.random(shape[0]) < 0.12
    rest = np.where(person, np.where(keen, 0.35, 0.03), 0.8)
    week = np.where(calendar.weekdays() >= 5, rest[:, None], 1.0)
    mood = np.exp(ar1(rng, shape, phi=0.7, sd=0.28))
    away = two_state(rng, shape, enter=0.012, leave=0.2) | (rng.random(shape) < 0.07)
    burst = np.where(rng.random(shape) < 0.002, rng.uniform(4.0, 11.0, shape), 1.0)
    mean = usual.daily[:, None] * week * mood * burst * ~(away & person[:, None])
    return np.asarray(rng.poisson(mean))


def _times(
    rng: np.random.Generator, estate: Estate, usual: Habits, who: Array, day: Array
) -> Array:
    """Return event times: around the person's peak hour, or evenly for round-the-clock services."""
    import numpy as np

    n = len(who)
    hour = rng.normal(usual.peak[who], usual.spread[who])
    flat = (usual.peak[who] < 0) | (rng.random(n) < 0.03)
    hour = np.where(flat, rng.uniform(0.0, 24.0, n), hour) % 24.0
    inside = np.minimum((hour * HOUR_US).astype(np.int64), DAY_US - 1)
    return np.asarray(estate.calendar.origin_us + day * DAY_US + inside)


def _addresses(rng: np.random.Generator, usual: Habits, who: Array) -> Array:
    """Return an address per event: one of the usual ones, seldom one never seen before."""
    import numpy as np

    place = rng.choice(IPS, len(who), p=(0.62, 0.2, 0.12, 0.04, 0.02))
    fresh = rng.integers(0x30000000, 0x4FFFFFFF, len(who))
    return np.where(rng.random(len(who)) < 0.0012, fresh, usual.addresses[who, place])


def _statuses(rng: np.random.Generator, estate: Estate, denied: Array) -> Array:
    """Return HTTP status codes; `denied` is each event's probability of 401 or 403."""
    import numpy as np

    n = len(denied)
    other = rng.choice((200, 400, 404, 500), n, p=(0.978, 0.005, 0.013, 0.004))
    refusal = np.where(rng.random(n) < 0.25, 401, 403)
    return np.where(rng.random(n) < denied, refusal, other)


def _living(estate: Estate, workspace: Array, who: Array, day: Array) -> Array:
    """Return the workspaces, replaced by the principal's home where one does not exist that day."""
    import numpy as np

    first = np.asarray([w.first_day for w in estate.workspaces])[workspace]
    last = np.asarray([w.last_day for w in estate.workspaces])[workspace]
    home = np.asarray([p.home for p in estate.principals])[who]
    return np.where((day >= first) & (day <= last), workspace, home)


@dataclass(frozen=True)
class _Spells:
    """Days on which a principal moves to new work, and the days of refusals that follow."""

    moving: Array
    refused: Array
    workspace: Array


def _spells(rng: np.random.Generator, estate: Estate) -> _Spells:
    """Draw spells of refusals (lost or expired access); most follow a move to a new workspace."""
    import numpy as np

    shape = (len(estate.principals), estate.calendar.days)
    refused = two_state(rng, shape, enter=0.006, leave=0.22)
    onset = refused & ~np.pad(refused, ((0, 0), (1, 0)))[:, :-1]
    moves = onset & (rng.random(shape) < 0.65)
    ahead = np.pad(moves, ((0, 0), (0, 2)))
    moving = ahead[:, 1 : shape[1] + 1] | ahead[:, 2 : shape[1] + 2] | moves
    false_alarm = rng.random(shape) < 0.003
    return _Spells(moving | false_alarm, refused, rng.integers(0, len(estate.workspaces), shape))


def ordinary(estate: Estate, usual: Habits, *, seed: int) -> Events:
    """Return the events of days on which nothing is planted.

    Args:
        estate: The estate.
        usual: What its principals usually do.
        seed: Seed of the estate.
    """
    import numpy as np

    rng = stream(seed, "access/audit")
    who, day = expand(_counts(rng, estate, usual))
    n = len(who)
    spells = _spells(rng, estate)
    action = pick_rows(rng, usual.actions, who)
    workspace = pick_rows(rng, usual.workspaces, who)
    moved = spells.moving[who, day] & (rng.random(n) < 0.35)
    workspace = np.where(moved, spells.workspace[who, day], workspace)
    workspace = _living(estate, workspace, who, day)
    table = pick_rows(rng, usual.tables, who)
    named = np.asarray([bool(a.param) for a in ACTIONS])[action]
    person = np.asarray([p.role != "system" for p in estate.principals])[who]
    denied = usual.denied[who] + np.where(spells.refused[who, day], 0.22, 0.0) * person
    denied = np.where(moved, denied + 0.02, denied)
    return Events(
        principal=who,
        time=_times(rng, estate, usual, who, day),
        action=action,
        workspace=workspace,
        address=_addresses(rng, usual, who),
        table=np.where(named, table, -1),
        status=_statuses(rng, estate, denied),
    )


def build_audit(estate: Estate, incidents: Sequence[Incident], *, seed: int) -> pa.Table:
    """Build `access/audit`, sorted by time, with 1.5 % exact repeats."""
    import numpy as np

    from ngm_assets.demo import audit_columns, intrusions

    usual = habits(estate, seed=seed)
    quiet = intrusions.displaced(ordinary(estate, usual, seed=seed), estate, incidents)
    events = joined([quiet, *intrusions.events(estate, usual, incidents, seed=seed)])
    order = np.argsort(events.time, kind="stable")
    events = Events(*(a[order] for a in vars(events).values()))
    return audit_columns.to_table(estate, events, seed=seed)
