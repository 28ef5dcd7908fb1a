"""Measures a fitted model on its holdout and gathers what the gates need to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ngm_assets.models.data.frames import all_missing
from ngm_assets.models.estimators.base import COVERAGE
from ngm_assets.models.evaluation import measures as ev
from ngm_assets.models.evaluation.gates import Decision, Evidence, judge
from ngm_assets.models.evaluation.head_to_head import against_champion
from ngm_assets.models.evaluation.leakage import scan
from ngm_assets.models.evaluation.metrics import metrics

if TYPE_CHECKING:
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import BoolArray, FloatArray, ModelFrame
    from ngm_assets.models.estimators.base import Fitted
    from ngm_assets.models.evaluation.measures import Comparison
    from ngm_assets.models.registry.loaded import LoadedModel


@dataclass(frozen=True)
class Judged:
    """Labelled holdout rows with the candidate's outputs.

    Attributes:
        frame: The rows, n of them.
        truth: Label or proxy, shape (n,), no NaN.
        output: Value, probability, score or class position, shape (n,).
        calibrated: Classifiers: whether the probability's claim came true, and the probability,
            each of shape (n,); None otherwise.
        covered: Quantiles: whether the truth lies in P10..P90, shape (n,); None otherwise.
    """

    frame: ModelFrame
    truth: FloatArray
    output: FloatArray
    calibrated: tuple[FloatArray, FloatArray] | None = None
    covered: BoolArray | None = None


@dataclass(frozen=True)
class Assessment:
    """What was measured on the holdout, and the verdict.

    Attributes:
        judged: Labelled holdout rows with outputs.
        measured: Primary metric.
        baseline: Comparison with the baseline.
        champion: Comparison with the champion; None without one.
        secondary: Other metrics by name.
        decision: Gates and verdict.
    """

    judged: Judged
    measured: ev.Measurement
    baseline: Comparison
    champion: Comparison | None
    secondary: Mapping[str, float | None]
    decision: Decision


def assess(
    spec: ModelSpec,
    *,
    rows: ModelFrame,
    train_part: ModelFrame,
    holdout: ModelFrame,
    evaluated: Fitted,
    final: Fitted,
    said: FloatArray,
    champion: LoadedModel | None,
) -> Assessment:
    """Measure and judge.

    Args:
        spec: What was asked for.
        rows: All rows, on which `final` was fitted.
        train_part: Rows on which `evaluated` was fitted.
        holdout: Rows that `evaluated` never saw.
        evaluated: The model that is measured.
        final: The refitted model; only checked for outputs that are not finite.
        said: What `final` predicts for `rows`, shape (n,).
        champion: The version to compare with, or None.
    """
    judged, stray = judge_rows(holdout, evaluated)
    measured, baseline = measurements(spec, judged)
    against = None if champion is None else against_champion(spec, rows, champion)
    stray += count_unfinite(rows, final, said)
    evidence = evidence_of(
        spec,
        rows=len(rows),
        train_part=train_part,
        judged=judged,
        measured=measured,
        baseline=baseline,
        champion=against,
        unfinite=stray,
        outputs=len(holdout) + len(rows),
    )
    others = secondary(spec, judged, evidence.calibration_error)
    return Assessment(judged, measured, baseline, against, others, judge(evidence))


def judge_rows(holdout: ModelFrame, model: Fitted) -> tuple[Judged, int]:
    """Return the labelled holdout rows with outputs, and how many outputs are not finite.

    Rows that the model knows nothing of are left out: it says nothing of them either.
    """
    import numpy as np

    outputs = model.predict(holdout.features)
    output = outputs.prediction
    label = np.full(len(holdout), np.nan) if holdout.label is None else holdout.label
    usable = np.isfinite(label) & (np.isfinite(output) | ~_unknown(holdout, model))
    truth, calibrated, covered = label[usable], None, None
    if outputs.probability is not None:
        came_true = truth if outputs.label is None else (truth == output[usable]).astype(np.float64)
        calibrated = came_true, outputs.probability[usable]
    if outputs.lower is not None and outputs.upper is not None:
        covered = (truth >= outputs.lower[usable]) & (truth <= outputs.upper[usable])
    judged = Judged(holdout.select(usable), truth, output[usable], calibrated, covered)
    return judged, count_unfinite(holdout, model, output)


def count_unfinite(frame: ModelFrame, model: Fitted, output: FloatArray) -> int:
    """Return how many outputs are not finite although a feature that counts is known."""
    import numpy as np

    return int((~np.isfinite(output) & ~_unknown(frame, model)).sum())


def _unknown(frame: ModelFrame, model: Fitted) -> BoolArray:
    counted = [name for name, weight in model.importance().items() if weight > 0]
    return all_missing(frame.features[counted])


def measurements(spec: ModelSpec, judged: Judged) -> tuple[ev.Measurement, Comparison]:
    """Return the primary metric and the comparison with the baseline."""
    return measured_on(spec, judged), against_baseline(spec, judged)


def measured_on(spec: ModelSpec, judged: Judged) -> ev.Measurement:
    """Return the primary metric with its interval."""
    return ev.measure(
        metrics()[spec.metric.name],
        judged.truth,
        judged.output,
        budget=spec.alert_budget,
        dates=judged.frame.dates,
        seed=spec.seed,
        block_days=spec.horizon_days,
    )


def against_baseline(spec: ModelSpec, judged: Judged) -> Comparison:
    """Compare on the labelled holdout rows where the baseline is known, at least half of them."""
    import numpy as np

    baseline = judged.frame.baseline
    known = 0 if baseline is None else int(np.isfinite(baseline).sum())
    if baseline is None or 2 * known < len(judged.truth):
        reason = f"the baseline is known on {known} of {len(judged.truth)} rows"
        return ev.Comparison(None, None, rows=known, reason=reason)
    return compared_with(spec, judged, baseline)


def compared_with(spec: ModelSpec, judged: Judged, baseline: FloatArray) -> Comparison:
    """Compare with a baseline (n,) on the rows where it is known."""
    return ev.compare(
        metrics()[spec.metric.name],
        judged.truth,
        judged.output,
        baseline,
        dates=judged.frame.dates,
        budget=spec.alert_budget,
        seed=spec.seed,
        block_days=spec.horizon_days,
    )


def evidence_of(
    spec: ModelSpec,
    *,
    rows: int,
    train_part: ModelFrame,
    judged: Judged,
    measured: ev.Measurement,
    baseline: Comparison,
    champion: Comparison | None,
    unfinite: int,
    outputs: int,
) -> Evidence:
    """Return what the gates need to know.

    Args:
        spec: What was asked for.
        rows: All rows, holdout included.
        train_part: Rows the evaluated model was fitted on.
        judged: Labelled holdout rows with outputs.
        measured: Primary metric.
        baseline: Comparison with the baseline.
        champion: Comparison with the champion, or None.
        unfinite: Outputs that are not finite.
        outputs: Outputs looked at.
    """
    import numpy as np

    events = spec.problem in ("binary", "anomaly")
    label = train_part.label
    scanned = None
    if label is not None and spec.problem != "anomaly":
        classes = spec.problem in ("binary", "multiclass")
        scanned = scan(train_part.features, label, classes=classes)
    return Evidence(
        problem=spec.problem,
        metric=metrics()[spec.metric.name],
        threshold=spec.metric.threshold,
        measured=measured,
        baseline=baseline,
        champion=champion,
        champion_tolerance=spec.champion_tolerance,
        rows=rows,
        train_rows=len(train_part),
        min_rows=spec.training.min_rows,
        holdout_rows=len(judged.truth),
        train_positives=int(np.nansum(label)) if events and label is not None else None,
        holdout_positives=int(judged.truth.sum()) if events else None,
        min_positives=spec.training.min_positives,
        leakage=scanned,
        unfinite=unfinite,
        outputs=outputs,
        calibration_error=calibration_of(judged),
        max_calibration_error=spec.max_calibration_error,
    )


def calibration_of(judged: Judged) -> float | None:
    """Return how far probabilities, or the coverage of P10..P90, are from what they claim.

    Classifiers: the expected calibration error. Quantiles: the distance of the coverage from 0.8.
    None for other models and without rows.
    """
    if judged.calibrated is not None:
        return ev.calibration_error(*judged.calibrated)
    if judged.covered is not None and len(judged.covered):
        return abs(float(judged.covered.mean()) - COVERAGE)
    return None


def secondary(
    spec: ModelSpec, judged: Judged, calibration_error: float | None
) -> dict[str, float | None]:
    """Return the other metrics of the problem type, lift and calibration error, by name."""
    values: dict[str, float | None] = {
        name: ev.measure(metric, judged.truth, judged.output, budget=spec.alert_budget).value
        for name, metric in metrics().items()
        if spec.problem in metric.problems and name != spec.metric.name
    }
    if spec.problem in ("binary", "anomaly"):
        values["lift_at_budget"] = ev.lift_at_budget(judged.truth, judged.output, spec.alert_budget)
    if judged.calibrated is not None:
        values["calibration_error"] = calibration_error
    if judged.covered is not None and len(judged.covered):
        values["coverage_p10_p90"] = float(judged.covered.mean())
    return values
