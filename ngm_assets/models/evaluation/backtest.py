"""Judges a specification out of time: trained at several origins, tested on what came after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from ngm_assets.errors import InsufficientData
from ngm_assets.models.data.frames import concatenated
from ngm_assets.models.data.split import date_column, latest_per_entity, split_by_entity
from ngm_assets.models.estimators.base import resolve_estimator
from ngm_assets.models.evaluation import measures as ev
from ngm_assets.models.evaluation.assessment import (
    Judged,
    calibration_of,
    compared_with,
    judge_rows,
    measured_on,
)
from ngm_assets.models.training import require_variation

if TYPE_CHECKING:
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import BoolArray, FloatArray, ModelFrame
    from ngm_assets.models.estimators.base import Fitted
    from ngm_assets.models.evaluation.measures import Comparison, Measurement

TESTED_SHARE = 0.5
MIN_ORIGINS = 3


@dataclass(frozen=True)
class Fold:
    """One origin: what was trained before it, and how it did until the next one.

    Attributes:
        origin: Nothing dated this day or later was known.
        until: Last tested day.
        train_rows: Rows it was trained on.
        measured: Primary metric on the tested rows.
        baseline: Against the baseline on the same rows.
        reason: Why it was left out; empty if it was not.
    """

    origin: date
    until: date
    train_rows: int = 0
    measured: Measurement | None = None
    baseline: Comparison | None = None
    reason: str = ""


@dataclass(frozen=True)
class Backtest:
    """All origins of a model, and all tested rows together.

    Attributes:
        folds: Origins in order.
        measured: Primary metric over all tested rows, with a 90 % interval.
        baseline: Against the baseline over the same rows.
        lift: Precision over base rate at the alert budget; None where it has no meaning.
        calibration: See `calibration_of`.
        rows: Every tested row with its outcome and output; labelled ones only.
        scored: Anomaly models: every tested row, labelled or not; None otherwise.
        scores: Their anomaly scores, shape (n,).
    """

    folds: tuple[Fold, ...]
    measured: Measurement
    baseline: Comparison
    lift: float | None
    calibration: float | None
    rows: int
    scored: ModelFrame | None = None
    scores: FloatArray | None = None


def origins_of(first: date, last: date, count: int) -> tuple[tuple[date, date], ...]:
    """Return (origin, last tested day) of spans that tile the last half of `first..last`.

    Raises:
        InsufficientData: There are fewer than two days per origin.
    """
    days = (last - first).days + 1
    tested = int(days * TESTED_SHARE)
    if tested < 2 * count:
        raise InsufficientData(
            f"{days} labelled days ({first} to {last}) are too few for {count} origins.",
            mend="Import more history or wait until it exists.",
        )
    begin = last - timedelta(days=tested - 1)
    starts = [begin + timedelta(days=tested * place // count) for place in range(count)]
    ends = [start - timedelta(days=1) for start in starts[1:]] + [last]
    return tuple(zip(starts, ends, strict=True))


def backtest(spec: ModelSpec, frame: ModelFrame, *, count: int) -> Backtest:
    """Train at `count` origins on what was known by then and test on the days up to the next.

    A training row's label must have been ripe at the origin. With `split: entity` each origin holds
    out other entities, and is tested on them alone.

    Args:
        spec: What to train.
        frame: All rows known today.
        count: Number of origins, at least 3.

    Raises:
        InsufficientData: The history is too short, or no origin could be trained.
    """
    import numpy as np

    labelled = np.isfinite(frame.label) if frame.label is not None else np.zeros(len(frame), bool)
    known = frame.dates if spec.problem == "anomaly" else frame.dates[labelled]
    if not len(known):
        raise InsufficientData(f"{spec.name} has no rows to test on.")
    folds: list[Fold] = []
    judged: list[Judged] = []
    tested: list[tuple[ModelFrame, FloatArray]] = []
    spans = origins_of(known.min().item(), known.max().item(), max(count, MIN_ORIGINS))
    for number, (origin, until) in enumerate(spans):
        train, test = _sides(spec, frame, origin, until, number)
        try:
            fitted = _fitted(spec, frame.select(train))
        except InsufficientData as error:
            folds.append(Fold(origin, until, reason=error.what))
            continue
        rows = frame.select(test)
        found, _ = judge_rows(rows, fitted)
        folds.append(_fold(spec, origin, until, int(train.sum()), found))
        judged.append(found)
        if spec.problem == "anomaly":
            tested.append((rows, fitted.predict(rows.features).prediction))
    if not judged:
        raise InsufficientData(folds[-1].reason)
    return _together(spec, folds, judged, tested)


def _sides(
    spec: ModelSpec, frame: ModelFrame, origin: date, until: date, number: int
) -> tuple[BoolArray, BoolArray]:
    """Return which rows train and which test at an origin, each of shape (n,)."""
    import numpy as np

    start, end = np.datetime64(origin, "D"), np.datetime64(until, "D")
    horizon = 0 if spec.problem == "anomaly" else spec.horizon_days
    ripe = frame.dates + np.timedelta64(horizon, "D") < start
    after = (frame.dates >= start) & (frame.dates <= end)
    if spec.training.split == "time":
        return ripe, after
    day = date_column(frame.keys)
    share, seed = spec.training.holdout_share, spec.seed + 1 + number
    held = split_by_entity(frame.keys, day, share=share, seed=seed).holdout
    return _latest(frame, ripe & ~held, day), _latest(frame, after & held, day)


def _latest(frame: ModelFrame, mask: BoolArray, day: str) -> BoolArray:
    import numpy as np

    chosen = np.zeros(len(frame), dtype=bool)
    places = np.flatnonzero(mask)
    chosen[places[latest_per_entity(frame.keys.iloc[places], day)]] = True
    return chosen


def _fitted(spec: ModelSpec, rows: ModelFrame) -> Fitted:
    if not len(rows):
        raise InsufficientData(f"{spec.name} has no rows before the origin.")
    require_variation(spec, rows)
    return resolve_estimator(spec.estimator.type).fit(rows, spec=spec, seed=spec.seed)


def _measures(spec: ModelSpec, judged: Judged) -> tuple[Measurement, Comparison]:
    measured, baseline = measured_on(spec, judged), judged.frame.baseline
    if baseline is None:
        return measured, ev.Comparison(None, None, reason="no baseline")
    return measured, compared_with(spec, judged, baseline)


def _fold(spec: ModelSpec, origin: date, until: date, rows: int, found: Judged) -> Fold:
    measured, compared = _measures(spec, found)
    return Fold(origin, until, rows, measured, compared)


def _together(
    spec: ModelSpec,
    folds: Sequence[Fold],
    judged: Sequence[Judged],
    tested: Sequence[tuple[ModelFrame, FloatArray]],
) -> Backtest:
    import numpy as np

    frame = concatenated([one.frame for one in judged])
    truth = np.concatenate([one.truth for one in judged])
    output = np.concatenate([one.output for one in judged])
    claims = [one.calibrated for one in judged if one.calibrated is not None]
    covers = [one.covered for one in judged if one.covered is not None]
    whole = Judged(
        frame,
        truth,
        output,
        (np.concatenate([c[0] for c in claims]), np.concatenate([c[1] for c in claims]))
        if claims
        else None,
        np.concatenate(covers) if covers else None,
    )
    measured, compared = _measures(spec, whole)
    ranked = spec.problem in ("binary", "anomaly")
    return Backtest(
        folds=tuple(folds),
        measured=measured,
        baseline=compared,
        lift=ev.lift_at_budget(truth, output, spec.alert_budget) if ranked else None,
        calibration=calibration_of(whole),
        rows=len(truth),
        scored=concatenated([rows for rows, _ in tested]) if tested else None,
        scores=np.concatenate([scores for _, scores in tested]) if tested else None,
    )
