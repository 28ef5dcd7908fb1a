"""The rows of monitoring.model_performance: how good predictions turned out to be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ngm_assets.days import days_between
from ngm_assets.errors import NgmError
from ngm_assets.models.data.dataset import catalog, named
from ngm_assets.models.evaluation.metrics import metrics
from ngm_assets.monitoring.performance.holdout import Holdout, Promises
from ngm_assets.monitoring.performance.live import Live, measure_live, point
from ngm_assets.monitoring.performance.loss import Estimate, Loss, could_not, judge_loss
from ngm_assets.monitoring.performance.ripe import (
    Outcomes,
    outcomes_by_day,
    performance_window,
    ripe_labels,
)
from ngm_assets.monitoring.telling import ANY_VERSION

if TYPE_CHECKING:
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.registry.registry import ModelRegistry
    from ngm_assets.platform import Platform
    from ngm_assets.watching import PerformanceSettings

FEWEST_DAYS, FEWEST_HORIZONS = 7, 3
"""Days with labels below which nothing is said, at most those of the window.

A week has all weekdays. Labels of days closer than the horizon overlap, so an interval must come
from blocks of that length, and of fewer than three blocks nothing can be resampled.
"""
FEWEST_EVENTS = 5
"""Rows of either class below which a ranking is not judged: one event more or less moves it."""


def performance_rows(
    platform: Platform,
    registry: ModelRegistry,
    start: date,
    end: date,
    models: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """Return the rows of the days `start..end`, for each model and day at least version 0.

    A row of day d follows from what is dated d or before, whatever range it is computed in. A model
    that cannot be read has rows that say why.

    Args:
        platform: Where predictions, features and gold are read.
        registry: Where holdouts are read.
        start: First day.
        end: Last day.
        models: Names; None = all of the catalogue.
    """
    days = days_between(start, end)
    specs = catalog() if models is None else [named(name) for name in models]
    return [row for spec in specs for row in _model_rows(platform, registry, spec, days)]


def new_labels(
    platform: Platform, registry: ModelRegistry, day: date, models: Sequence[str] | None = None
) -> dict[str, int]:
    """Return how many labels have ripened by the end of a day since the champion was trained.

    Counted are rows of feature days after the last one the champion in force has seen, with the
    horizon over; without a champion, all of a training window. A model whose labels or versions
    cannot be read is left out.

    Args:
        platform: Where tables are read.
        registry: Which champions there are.
        day: Nothing dated later is read.
        models: Names; None = all of the catalogue.
    """
    counts = {}
    for spec in catalog() if models is None else [named(name) for name in models]:
        try:
            champion = registry.champion_in_force(spec.name, day)
            window = day - timedelta(days=spec.training.window_days)
            seen = window if champion is None else champion.trained_through
            first, words = seen + timedelta(days=1), platform.settings.words
            counts[spec.name] = ripe_labels(platform.engine, spec, words, first, day)
        except NgmError:
            continue
    return counts


def _model_rows(
    platform: Platform, registry: ModelRegistry, spec: ModelSpec, days: Sequence[date]
) -> list[dict[str, Any]]:
    blanks = {day: _blank(spec, day, performance_window(platform, spec, day)) for day in days}
    try:
        outcomes = outcomes_by_day(platform, spec, days)
        promises = Promises(registry, spec)
        settings = platform.settings.monitoring.performance
        return [
            row
            for day in days
            for row in _day_rows(spec, outcomes[day], promises, settings, blanks[day])
        ]
    except NgmError as error:
        reason = f"{type(error).__name__}: {error.what}"
        return [blank | _verdict(could_not(reason)) for blank in blanks.values()]


def _day_rows(
    spec: ModelSpec,
    outcomes: Outcomes,
    promises: Promises,
    settings: PerformanceSettings,
    blank: dict[str, Any],
) -> list[dict[str, Any]]:
    """Return the row of version 0 and, with labels, one per version that predicted."""
    labelled = outcomes.labelled()
    if not len(labelled):
        reason = "no label is ripe yet" if len(outcomes) else "no predictions in the window"
        return [blank | _counts(spec, outcomes, labelled) | _verdict(could_not(reason))]
    versions = sorted({int(version) for version in outcomes.versions})
    newest = promises.newest(versions)
    rows = [_row(spec, outcomes, promises.of(newest), settings, blank)]
    if len(versions) == 1:
        return [*rows, rows[0] | {"model_version": newest}]
    for version in versions:
        own = outcomes.select(outcomes.versions == version)
        row = _row(spec, own, promises.of(version), settings, blank)
        rows.append(row | {"model_version": version})
    return rows


def _row(
    spec: ModelSpec,
    outcomes: Outcomes,
    holdout: Holdout,
    settings: PerformanceSettings,
    blank: dict[str, Any],
) -> dict[str, Any]:
    labelled = outcomes.labelled()
    row = blank | _counts(spec, outcomes, labelled) | _promised(holdout)
    reason = _too_little(spec, labelled, settings)
    if reason:
        value = point(spec, labelled).value if len(labelled) else None
        return row | {"value": value} | _verdict(could_not(reason))
    live = measure_live(spec, labelled, holdout.positive_share)
    loss = _judged(spec, live, holdout, settings.loss)
    reason = _too_short(spec, labelled, settings)
    if reason:
        loss = could_not(reason, loss.relative)
    return row | _measured(live) | _verdict(loss)


def _judged(spec: ModelSpec, live: Live, holdout: Holdout, bound: float) -> Loss:
    comparable = live.comparable
    if comparable.value is None:
        return could_not(comparable.reason)
    if holdout.value is None:
        return could_not(holdout.reason)
    metric = metrics()[spec.metric.name]
    if metric.needs_both_classes and holdout.positive_share is None:
        return could_not("the share of positives in the holdout is not known")
    return judge_loss(
        Estimate(comparable.value, comparable.low, comparable.high),
        Estimate(holdout.value, holdout.low, holdout.high),
        metric.sign,
        live.baseline.gain_high,
        bound,
    )


def _too_little(spec: ModelSpec, labelled: Outcomes, settings: PerformanceSettings) -> str:
    """Return why labelled predictions are too few to be measured; empty if they are enough."""
    if len(labelled) < settings.min_labels:
        return f"{len(labelled)} ripe labels of at least {settings.min_labels}"
    if metrics()[spec.metric.name].needs_both_classes:
        positives = int((labelled.truth > 0).sum())
        if min(positives, len(labelled) - positives) < FEWEST_EVENTS:
            return (
                f"{positives} positives among {len(labelled)} labels, of either class at least "
                f"{FEWEST_EVENTS}"
            )
    return ""


def _too_short(spec: ModelSpec, labelled: Outcomes, settings: PerformanceSettings) -> str:
    """Return why the days with labels are too few for a verdict; empty if they are enough."""
    days = len({*labelled.dates.tolist()})
    wanted = min(settings.window_days, max(FEWEST_DAYS, FEWEST_HORIZONS * spec.horizon_days))
    return f"labels of {days} days of at least {wanted}" if days < wanted else ""


def _blank(spec: ModelSpec, day: date, window: tuple[date, date]) -> dict[str, Any]:
    """Return a row of version 0 that says nothing yet."""
    metric = metrics()[spec.metric.name]
    return {
        "monitor_date": day,
        "model_name": spec.name,
        "model_version": ANY_VERSION,
        "metric": metric.name,
        "direction": metric.direction,
        "window_start": window[0],
        "window_end": window[1],
        "predictions": 0,
        "labels": 0,
        "positives": None,
        **dict.fromkeys(("value", "value_low", "value_high")),
        **dict.fromkeys(("comparable_value", "comparable_low", "comparable_high")),
        **_promised(Holdout()),
        **dict.fromkeys(("baseline_value", "baseline_gain_low", "baseline_gain_high")),
    }


def _counts(spec: ModelSpec, outcomes: Outcomes, labelled: Outcomes) -> dict[str, Any]:
    events = spec.problem in ("binary", "anomaly")
    return {
        "predictions": len(outcomes),
        "labels": len(labelled),
        "positives": int((labelled.truth > 0).sum()) if events else None,
    }


def _promised(holdout: Holdout) -> dict[str, Any]:
    return {
        "holdout_value": holdout.value,
        "holdout_low": holdout.low,
        "holdout_high": holdout.high,
    }


def _measured(live: Live) -> dict[str, Any]:
    return {
        "value": live.measured.value,
        "value_low": live.measured.low,
        "value_high": live.measured.high,
        "comparable_value": live.comparable.value,
        "comparable_low": live.comparable.low,
        "comparable_high": live.comparable.high,
        "baseline_value": live.baseline.theirs,
        "baseline_gain_low": live.baseline.gain_low,
        "baseline_gain_high": live.baseline.gain_high,
    }


def _verdict(loss: Loss) -> dict[str, Any]:
    return {
        "relative_loss": loss.relative,
        "severity": loss.severity,
        "status": loss.status,
        "reason": loss.reason,
    }
