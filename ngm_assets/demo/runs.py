"""Draws job runs and their attempts: hidden health, runtime upgrades, durations and repairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ngm_assets.demo.arrow import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from ngm_assets.demo.draws import ar1, expand, stream, two_state
from ngm_assets.demo.fleet import firing, run_number, slots_per_day
from ngm_assets.demo.incidents import of_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from ngm_assets.demo.draws import Array
    from ngm_assets.demo.estate import Estate
    from ngm_assets.demo.fleet import Fleet, Job
    from ngm_assets.demo.incidents import Incident

OUTCOMES = ("SUCCEEDED", "FAILED", "ERROR", "TIMED_OUT", "CANCELLED", "SKIPPED")
STREAMING = -2
SUBMITTED = -1
_ENTER = {"healthy": 0.011, "flaky": 0.045, "degrading": 0.03}
_LEAVE = {"healthy": 0.24, "flaky": 0.22, "degrading": 0.12}
_BASE = {"healthy": -4.5, "flaky": -3.0, "degrading": -4.4}


@dataclass(frozen=True)
class Attempts:
    """Run attempts, all arrays of shape (n,); times are microseconds.

    `job` is a job number, `SUBMITTED` (no job) or `STREAMING`; `run` the run id; `outcome` a
    position in `OUTCOMES`; `day` the day on which the run started.
    """

    job: Array
    workspace: Array
    run: Array
    day: Array
    start: Array
    end: Array
    outcome: Array


@dataclass(frozen=True)
class _State:
    """Per job and day: log-odds of failure, planted failure rate (NaN = none), duration factor."""

    odds: Array
    planted: Array
    pace: Array
    bad: Array


def _upgrade_risk(fleet: Fleet, days: int) -> Array:
    """Return what runtime upgrades add to the log-odds for 14 days, fading, (jobs, days)."""
    import numpy as np

    out = np.zeros((len(fleet.jobs), days))
    day = np.arange(days)
    for number, job in enumerate(fleet.jobs):
        for upgrade in fleet.clusters[job.cluster].upgrades if job.cluster >= 0 else ():
            age = day - upgrade.day
            fresh = (age >= 0) & (age < 14)
            out[number] += np.where(fresh, upgrade.risk * (1.0 - age / 28.0), 0.0)
    return out


def _state(
    rng: np.random.Generator, estate: Estate, fleet: Fleet, incidents: Sequence[Incident]
) -> _State:
    import numpy as np

    calendar = estate.calendar
    jobs = fleet.jobs
    shape = (len(jobs), calendar.days)
    bad = two_state(
        rng,
        shape,
        enter=np.asarray([_ENTER[j.health] for j in jobs]),
        leave=np.asarray([_LEAVE[j.health] for j in jobs]),
    )
    worn = np.asarray([j.health == "degrading" for j in jobs])[:, None]
    age = np.arange(calendar.days) / max(1, calendar.days - 1)
    base = np.asarray([_BASE[j.health] for j in jobs]) + rng.normal(0.0, 0.35, len(jobs))
    often = np.asarray([slots_per_day(j.schedule) > 1 for j in jobs])[:, None]
    odds = base[:, None] + 2.7 * bad + 1.8 * worn * age - 1.1 * often
    odds = odds + 0.5 * (calendar.weekdays() == 0) + _upgrade_risk(fleet, calendar.days)
    soon = np.pad(bad, ((0, 0), (0, 2)))[:, 2:] & ~bad
    pace = ar1(rng, shape, phi=0.7, sd=0.13) + 0.3 * bad + 0.2 * soon + 0.45 * worn * age
    planted = np.full(shape, np.nan)
    for incident in of_kind(incidents, "broken_upgrade"):
        planted[incident.target, list(incident.days())] = incident.magnitude
    return _State(odds, planted, pace, bad | ~np.isnan(planted))


def _due(rng: np.random.Generator, jobs: Sequence[Job], job: Array, slot: Array) -> Array:
    """Return microseconds from midnight to the start; one run in 70 starts on the exact hour."""
    import numpy as np

    hour = np.asarray([j.hour for j in jobs])[job]
    hourly = np.asarray([j.schedule == "hourly" for j in jobs])[job]
    several = np.asarray([j.schedule == "3-hourly" for j in jobs])[job]
    hour = np.where(hourly, slot, np.where(several, slot * 3 + hour % 3, hour))
    minute = np.asarray([j.minute for j in jobs])[job]
    jitter = rng.integers(0, 95 * SECOND_US, len(job))
    usual = hour * HOUR_US + minute * MINUTE_US + jitter
    return np.where(rng.random(len(job)) < 1 / 70, hour * HOUR_US, usual)


def _outcomes(rng: np.random.Generator, failure: Array, *, undecided: float) -> Array:
    """Return outcomes; `failure` is each attempt's probability of failing."""
    import numpy as np

    n = len(failure)
    fails = rng.random(n) < failure
    how = rng.choice((1, 2, 3), n, p=(0.7, 0.18, 0.12))
    other = rng.choice((4, 5), n)
    undone = rng.random(n) < undecided
    return np.where(undone, other, np.where(fails, how, 0))


def _seconds(
    rng: np.random.Generator, jobs: Sequence[Job], job: Array, pace: Array, outcome: Array
) -> Array:
    """Return durations in whole seconds: failures end early, time-outs at four times the usual."""
    import numpy as np

    n = len(job)
    usual = np.asarray([j.minutes for j in jobs])[job] * 60.0
    length = usual * np.exp(pace + rng.normal(0.0, 0.14, n))
    length = np.where((outcome == 1) | (outcome == 2), length * rng.uniform(0.03, 1.0, n), length)
    length = np.where(outcome == 3, usual * 4.0, length)
    length = np.where(outcome == 4, length * rng.uniform(0.1, 1.5, n), length)
    length = np.where(outcome == 5, 0.0, np.maximum(length, 20.0))
    return np.asarray(length.astype(np.int64))


def _scheduled(rng: np.random.Generator, estate: Estate, fleet: Fleet, state: _State) -> Attempts:
    """Return the first attempts of the scheduled runs."""
    import numpy as np

    jobs = fleet.jobs
    counts = firing(estate, jobs) * np.asarray([slots_per_day(j.schedule) for j in jobs])[:, None]
    job, day = expand(counts)
    edge = np.r_[True, (np.diff(job) != 0) | (np.diff(day) != 0)]
    opened = np.maximum.accumulate(np.where(edge, np.arange(len(job)), 0))
    slot = np.arange(len(job)) - opened
    planted = state.planted[job, day]
    failure = 1.0 / (1.0 + np.exp(-state.odds[job, day]))
    failure = np.where(np.isnan(planted), failure, planted)
    outcome = _outcomes(rng, failure, undecided=0.018)
    seconds = _seconds(rng, jobs, job, state.pace[job, day], outcome)
    offset = _due(rng, jobs, job, slot)
    exact = (offset % HOUR_US == 0) & (outcome == 0) & (seconds > 1800)
    seconds = np.where(exact, np.maximum(1, np.round(seconds / 3600)) * 3600, seconds)
    start = estate.calendar.origin_us + day * DAY_US + offset
    home = np.asarray([j.workspace for j in jobs])[job]
    run = run_number(job, day, slot)
    end = start + seconds.astype(np.int64) * SECOND_US
    return Attempts(job, home, run, day, start, end, outcome)


def _repairs(
    rng: np.random.Generator, fleet: Fleet, state: _State, before: Attempts, share: float
) -> Attempts:
    """Return further attempts of some failed runs: repairs work less often in a bad spell."""
    import numpy as np

    failed = np.isin(before.outcome, (1, 2, 3)) & (rng.random(len(before.job)) < share)
    chosen = np.nonzero(failed)[0]
    job, day = before.job[chosen], before.day[chosen]
    failure = np.where(state.bad[job, day], 0.58, 0.2)
    failure = np.where(np.isnan(state.planted[job, day]), failure, 0.9)
    outcome = _outcomes(rng, failure, undecided=0.01)
    seconds = _seconds(rng, fleet.jobs, job, state.pace[job, day], outcome)
    gap = rng.integers(2 * MINUTE_US, 55 * MINUTE_US, len(chosen))
    start = before.end[chosen] + gap
    end = start + seconds * SECOND_US
    return Attempts(job, before.workspace[chosen], before.run[chosen], day, start, end, outcome)


def _submitted(rng: np.random.Generator, estate: Estate, per_day: float) -> Attempts:
    """Return one-time runs submitted from outside: they have no job id."""
    import numpy as np

    days = rng.poisson(per_day, (1, estate.calendar.days))
    _, day = expand(days)
    n = len(day)
    offset = np.clip(rng.normal(11.0, 3.5, n), 0.1, 23.5) * HOUR_US
    start = estate.calendar.origin_us + day * DAY_US + offset.astype(np.int64)
    outcome = _outcomes(rng, np.full(n, 0.05), undecided=0.02)
    seconds = np.exp(rng.normal(6.3, 1.2, n)).astype(np.int64) + 5
    steady = np.asarray(estate.steady())
    run = 900_000_000_000 + np.arange(n) * 13
    home = steady[rng.integers(0, len(steady), n)]
    job = np.full(n, SUBMITTED)
    return Attempts(job, home, run, day, start, start + seconds * SECOND_US, outcome)


def _streams(estate: Estate) -> Attempts:
    """Return two runs of a continuous job: one of 26 hours, one that still goes on at the end."""
    import numpy as np

    day = np.asarray([estate.calendar.days - 9, estate.calendar.days - 3])
    start = estate.calendar.origin_us + day * DAY_US + 7 * HOUR_US + 11 * MINUTE_US
    end = start + np.asarray([26, 24 * 30]) * HOUR_US
    home = np.full(2, estate.steady()[0])
    run = 800_000_000_000 + day
    return Attempts(np.full(2, STREAMING), home, run, day, start, end, np.zeros(2, dtype=np.int64))


def draw_attempts(
    estate: Estate, fleet: Fleet, incidents: Sequence[Incident], *, seed: int
) -> Attempts:
    """Draw all attempts of all runs.

    Each job has a hidden good or bad state (two-state Markov chain by day) that drives failures
    and, from two days before, durations; risky runtime upgrades raise the odds for two weeks.

    Args:
        estate: The estate.
        fleet: Its clusters and jobs.
        incidents: Planted incidents; those of kind `broken_upgrade` act here.
        seed: Seed of the estate.
    """
    import numpy as np

    rng = stream(seed, "lakeflow/job_run_timeline")
    state = _state(stream(seed, "lakeflow/health"), estate, fleet, incidents)
    first = _scheduled(rng, estate, fleet, state)
    second = _repairs(rng, fleet, state, first, 0.42)
    third = _repairs(rng, fleet, state, second, 0.35)
    other = _submitted(stream(seed, "lakeflow/submitted"), estate, len(fleet.jobs) / 8.0)
    parts = (first, second, third, other, _streams(estate))
    return Attempts(*(np.concatenate([getattr(p, n) for p in parts]) for n in vars(first)))
