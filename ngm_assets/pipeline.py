"""Runs a plan, batch after batch, as Dagster runs; what `ngm run` does."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from datetime import date

from ngm_assets.batches import Batch, batches_of, fingerprint, seconds_left
from ngm_assets.days import BATCH_DAYS, monday_of
from ngm_assets.errors import ConfigError, DataError
from ngm_assets.execution import Progress
from ngm_assets.orchestration import (
    BATCH_TAG,
    PLAN_TAG,
    START_TAG,
    JobRun,
    last_start,
    open_instance,
    run_job,
)
from ngm_assets.planning import RunPlan
from ngm_assets.raw.contract import raw_tables
from ngm_assets.raw.landing import Landing
from ngm_assets.settings import HOME_FILE, LOCAL, Settings, load_settings, remember

Stage = Callable[[str], Progress]
"""Called with the title of a stage; returns who is told of its steps."""
MOST_STAGES = 6
"""Batches of a plain run: gold before, gold and features, two Mondays, predictions, monitoring."""


def raw_spans(settings: Settings, end: date) -> dict[str, tuple[date, date]]:
    """Return the first and last day of every raw table that has rows.

    The system tables of a workspace are not looked into: they count from the first partition on.

    Raises:
        DataError: The landing folder does not exist or holds none of the tables.
    """
    if settings.local:
        return day_spans(Landing(settings.local_landing))
    return {name: (settings.start_date, end) for name in raw_tables()}


def day_spans(landing: Landing) -> dict[str, tuple[date, date]]:
    """Return the first and last day of every table of a landing folder that has rows.

    A table that cannot be read is left out: its own asset fails with the error, and names it.

    Raises:
        DataError: The folder does not exist or holds none of the tables.
    """
    if not landing.root.is_dir():
        raise DataError(
            f"There is no landing folder {landing.root}.",
            where="--landing",
            mend="Name the folder that holds billing/usage, access/audit, ...",
        )
    tables = [name for name in raw_tables() if _has_files(landing, name)]
    if not tables:
        folders = ", ".join(table.folder for table in raw_tables().values())
        raise DataError(
            "The landing folder holds none of the raw tables.",
            where=str(landing.root),
            mend=f"Put Parquet files into at least one of: {folders}.",
        )
    found: dict[str, tuple[date, date]] = {}
    for name in tables:
        try:
            first, last, _ = landing.date_range(name)
        except DataError:
            continue
        if first is not None:
            found[name] = (first, last)
    return found


def _has_files(landing: Landing, name: str) -> bool:
    try:
        return bool(landing.files(name))
    except DataError:
        return True


def run_pipeline(
    plan: RunPlan,
    settings: Settings,
    *,
    stage: Stage,
    log_level: str = "CRITICAL",
    monitored: bool = True,
    batch_days: int = BATCH_DAYS,
    resume: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> list[JobRun]:
    """Materialise gold and features, train, score, monitor; a failed batch stops no later one.

    A failed table stops what depends on it within its run; other tables and models go on.

    Args:
        plan: What to run.
        settings: Of the environment.
        stage: Told of each batch, with the rough time left where there are several of a kind.
        log_level: Level of Dagster's console log.
        monitored: Whether the scored days are monitored at the end.
        batch_days: Most days of one Dagster run.
        resume: Go on at the first batch that has not succeeded since the same plan was last
            started: what came after a batch that failed may have been made from what it left.
        clock: Seconds that only grow.
    """
    runs: list[JobRun] = []
    every = batches_of(plan, days=batch_days, monitored=monitored)
    name = fingerprint(every, _place(settings))
    with open_instance(settings) as instance:
        start, first = (resume and last_start(instance, name)) or (uuid.uuid4().hex, 0)
        took: list[tuple[Batch, float]] = []
        for number, batch in enumerate(every[first:], first):
            begun = clock()
            runs.append(
                run_job(
                    settings,
                    instance,
                    batch.job,
                    batch.first.isoformat(),
                    batch.last.isoformat(),
                    assets=batch.keys,
                    progress=stage(_title(number, every, took)),
                    log_level=log_level,
                    tags={PLAN_TAG: name, START_TAG: start, BATCH_TAG: str(number)},
                )
            )
            took.append((batch, clock() - begun))
    return runs


def _place(settings: Settings) -> tuple[str, ...]:
    """Return what tells the tables of one environment, landing and home from those of another."""
    if not settings.local:
        return settings.env, settings.catalog
    return settings.env, str(settings.home.resolve()), str(settings.local_landing.resolve())


def _title(number: int, every: Sequence[Batch], took: Sequence[tuple[Batch, float]]) -> str:
    """Say what runs, which of how many it is, and roughly how long the rest will take."""
    batch = every[number]
    usual = sum(each.title == batch.title for each in every) == 1 and len(every) <= MOST_STAGES
    if usual:
        return batch.title
    time_left = ""
    if (estimate := seconds_left(took, every[number:])) is not None:
        seconds, whole = estimate
        time_left = f", {'about' if whole else 'over'} {max(1, round(seconds / 60))} min left"
    days = "" if batch.first == batch.last else f" {batch.first}..{batch.last}"
    return f"{batch.title}{days} ({number + 1} of {len(every)}{time_left})"


def settings_for(plan: RunPlan, current: Settings, *, ends: bool = False) -> Settings:
    """Return settings whose partitions span the plan; on `local` the home remembers them.

    Args:
        plan: What will run.
        current: Settings in force.
        ends: The estate ends with the plan, as a demo does: there are no partitions after it.

    Raises:
        ConfigError: The plan begins before the first partition of a Databricks environment.
    """
    if not current.local:
        if plan.start < current.start_date:
            raise ConfigError(
                f"The partitions of {current.env} begin on {current.start_date}.",
                where="NGM_START_DATE",
                mend="Choose a later --from, or set NGM_START_DATE for everybody who runs it.",
            )
        return current
    home, landing = current.home, current.local_landing
    known = (home / HOME_FILE).is_file()
    first = min([plan.warm_up, monday_of(plan.weeks[0])] + [current.start_date] * known)
    remember(home, landing=landing.resolve(), start_date=first, end_date=plan.end if ends else None)
    return load_settings(env=LOCAL, home=home, landing=landing)
