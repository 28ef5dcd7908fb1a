"""What a run will do: which days of gold, which Mondays of training, which days to score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ngm_assets.days import days_between, monday_of
from ngm_assets.errors import ConfigError
from ngm_assets.features.tables import longest_lookback
from ngm_assets.gold.tables import gold_contracts
from ngm_assets.models.data.dataset import catalog

EARLIEST = date(2000, 1, 1)
"""No system table has older rows; look-backs and Dagster's partitions cannot go to year 1."""


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
    every_week: bool = False,
    since: date | None = None,
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
        every_week: Train as of the Mondays between these two as well.
        since: First day of the partitions, where it is fixed: Mondays before it have none.

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
    mondays = (monday_of(score_from), monday_of(end))
    weeks = days_between(*mondays)[::7] if every_week else sorted(set(mondays))
    return RunPlan(
        start=start,
        end=end,
        warm_up=min(early.values(), default=start),
        warm_tables=tuple(early),
        weeks=tuple(week for week in weeks if since is None or week >= since),
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
