"""The whole way for a range of days: gold and features, training, scoring; what `ngm run` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ngm_assets import build
from ngm_assets.days import monday_of
from ngm_assets.errors import ConfigError, DataError
from ngm_assets.execution import Progress
from ngm_assets.features.tables import longest_lookback
from ngm_assets.gold.tables import gold_contracts
from ngm_assets.models.data.dataset import catalog
from ngm_assets.orchestration import JobRun, open_instance, run_job
from ngm_assets.raw.contract import raw_tables
from ngm_assets.raw.landing import Landing
from ngm_assets.settings import HOME_FILE, LOCAL, Settings, load_settings, remember

EARLIEST = date(2000, 1, 1)
"""No system table has older rows; look-backs and Dagster's partitions cannot go to year 1."""

Stage = Callable[[str], Progress]
"""Called with the title of a stage; returns who is told of its steps."""


@dataclass(frozen=True)
class RunPlan:
    """What a run will do.

    Attributes:
        start: First day of gold and features.
        end: Last day.
        warm_up: First day of gold, before `start` where features look further back.
        warm_tables: Gold tables whose source has rows from `warm_up` to the day before `start`.
        weeks: Mondays to train as of.
        score_from: First day to score.
        models: Models to train and score.
    """

    start: date
    end: date
    warm_up: date
    warm_tables: tuple[str, ...]
    weeks: tuple[date, ...]
    score_from: date
    models: tuple[str, ...]


def plan_run(
    spans: Mapping[str, tuple[date, date]],
    start: date,
    end: date,
    *,
    score_days: int,
    models: Sequence[str],
    today: date,
) -> RunPlan:
    """Plan a run.

    The newest due Monday is trained, and the one before the first scored day, so that every
    scored day has a champion that knew nothing of it.

    Args:
        spans: First and last day of every raw table that has rows.
        start: First day of gold and features.
        end: Last day.
        score_days: Days to score, counted back from `end`.
        models: Models to train and score.
        today: Not over yet (UTC).

    Raises:
        ConfigError: Days in the wrong order or not over yet, or an unknown model.
    """
    if start > end:
        raise ConfigError(f"--from {start} lies after --to {end}.", mend="Swap the two days.")
    if end >= today:
        raise ConfigError(
            f"--to {end} is not over yet (today is {today}, UTC).",
            where="--to",
            mend=f"Choose {today - timedelta(days=1)} or earlier.",
        )
    if start < EARLIEST:
        raise ConfigError(
            f"--from {start} lies before {EARLIEST}.",
            where="--from",
            mend="Choose a day on which the source had rows.",
        )
    if score_days < 1:
        raise ConfigError("--score-days must be at least 1.", where="--score-days")
    look_back = start - timedelta(days=longest_lookback())
    early = {
        contract.name: max(spans[contract.sources[0]][0], look_back)
        for contract in gold_contracts().values()
        if contract.sources[0] in spans
        and spans[contract.sources[0]][0] < start
        and spans[contract.sources[0]][1] >= look_back
    }
    score_from = end - timedelta(days=min(score_days - 1, (end - start).days))
    weeks = sorted({monday_of(score_from), monday_of(end)})
    return RunPlan(
        start=start,
        end=end,
        warm_up=min(early.values(), default=start),
        warm_tables=tuple(early),
        weeks=tuple(weeks),
        score_from=score_from,
        models=known_models(models),
    )


def known_models(names: Sequence[str]) -> tuple[str, ...]:
    """Return the models named; `all` or nothing means every model.

    Raises:
        ConfigError: A name is unknown.
    """
    import difflib

    known = [spec.name for spec in catalog()]
    if not names or list(names) == ["all"]:
        return tuple(known)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
            raise ConfigError(f"There is no model {name!r}.", where="--models", mend=hint)
    return tuple(names)


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
) -> list[JobRun]:
    """Materialise gold and features, train, score, monitor; a failed stage stops no later one.

    A failed table stops what depends on it within its run; other tables and models go on.

    Args:
        plan: What to run.
        settings: Of the environment.
        stage: Told of each stage.
        log_level: Level of Dagster's console log.
        monitored: Whether the scored days are monitored at the end.
    """
    runs: list[JobRun] = []
    selected = [("models", name) for name in plan.models]
    scored = [("predictions", f"{name}_predictions") for name in plan.models]

    def go(
        title: str, job: str, first: date, last: date, keys: Sequence[tuple[str, str]] | None
    ) -> None:
        runs.append(
            run_job(
                settings,
                instance,
                job,
                first.isoformat(),
                last.isoformat(),
                assets=keys,
                progress=stage(title),
                log_level=log_level,
            )
        )

    with open_instance(settings) as instance:
        if plan.warm_up < plan.start:
            gold = [("gold", name) for name in plan.warm_tables]
            before = plan.start - timedelta(days=1)
            go(f"gold {plan.warm_up}..{before}", build.FEATURE_JOB, plan.warm_up, before, gold)
        go("gold and features", build.FEATURE_JOB, plan.start, plan.end, None)
        for week in plan.weeks:
            go(f"models as of {week}", build.TRAINING_JOB, week, week, selected)
        go("predictions", build.INFERENCE_JOB, plan.score_from, plan.end, scored)
        if monitored:
            go("monitoring", build.MONITORING_JOB, plan.score_from, plan.end, None)
    return runs


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
