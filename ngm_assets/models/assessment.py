"""Measures a fitted model on its holdout and gathers what the gates need to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ngm_assets.models import evaluation as ev
from ngm_assets.models.gates import Decision, Evidence, judge
from ngm_assets.models.head_to_head import against_champion
from ngm_assets.models.leakage import scan
from ngm_assets.models.metrics import metrics

if TYPE_CHECKING:
    from ngm_assets.models.estimators.base import Fitted
    from ngm_assets.models.evaluation import Comparison
    from ngm_assets.models.frames import BoolArray, FloatArray, ModelFrame
    from ngm_assets.models.loaded import LoadedModel
    from ngm_assets.models.spec import ModelSpec


@dataclass(frozen=True)
class Judged:
    """Labelled holdout rows with the candidate's outputs.

    Attributes:
        frame: The rows, n of them.
        truth: Label or proxy, shape (n,), no NaN.
        output: Value, probability or score, shape (n,).
    """

    frame: ModelFrame
    truth: FloatArray
    output: FloatArray


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
        champion: The version to compare with, or None.
    """
    judged, stray = judge_rows(holdout, evaluated)
    measured, baseline = measurements(spec, judged)
    against = None if champion is None else against_champion(spec, rows, champion)
    stray += count_unfinite(rows, final, final.predict(rows.features).prediction)
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

    output = model.predict(holdout.features).prediction
    label = np.full(len(holdout), np.nan) if holdout.label is None else holdout.label
    usable = np.isfinite(label) & (np.isfinite(output) | ~_unknown(holdout, model))
    judged = Judged(holdout.select(usable), label[usable], output[usable])
    return judged, count_unfinite(holdout, model, output)


def count_unfinite(frame: ModelFrame, model: Fitted, output: FloatArray) -> int:
    """Return how many outputs are not finite although a feature that counts is known."""
    import numpy as np

    return int((~np.isfinite(output) & ~_unknown(frame, model)).sum())


def _unknown(frame: ModelFrame, model: Fitted) -> BoolArray:
    import numpy as np

    counted = [name for name, weight in model.importance().items() if weight > 0]
    unknown: BoolArray = np.asarray(frame.features[counted].isna().to_numpy().all(axis=1))
    return unknown


def measurements(spec: ModelSpec, judged: Judged) -> tuple[ev.Measurement, Comparison]:
    """Return the primary metric and the comparison with the baseline."""
    metric, frame = metrics()[spec.metric.name], judged.frame
    measured = ev.measure(
        metric,
        judged.truth,
        judged.output,
        budget=spec.alert_budget,
        dates=frame.dates,
        seed=spec.seed,
    )
    return measured, against_baseline(spec, judged)


def against_baseline(spec: ModelSpec, judged: Judged) -> Comparison:
    """Compare on the labelled holdout rows where the baseline is known, at least half of them."""
    import numpy as np

    baseline = judged.frame.baseline
    known = 0 if baseline is None else int(np.isfinite(baseline).sum())
    if baseline is None or 2 * known < len(judged.truth):
        reason = f"the baseline is known on {known} of {len(judged.truth)} rows"
        return ev.Comparison(None, None, rows=known, reason=reason)
    return ev.compare(
        metrics()[spec.metric.name],
        judged.truth,
        judged.output,
        baseline,
        dates=judged.frame.dates,
        budget=spec.alert_budget,
        seed=spec.seed,
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

    classes, binary = spec.problem != "regression", spec.problem == "binary"
    label = train_part.label
    scanned = None
    if label is not None and spec.problem != "anomaly":
        scanned = scan(train_part.features, label, binary=binary)
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
        train_positives=int(np.nansum(label)) if classes and label is not None else None,
        holdout_positives=int(judged.truth.sum()) if classes else None,
        min_positives=spec.training.min_positives,
        leakage=scanned,
        unfinite=unfinite,
        outputs=outputs,
        calibration_error=ev.calibration_error(judged.truth, judged.output) if binary else None,
        max_calibration_error=spec.max_calibration_error,
    )


def secondary(
    spec: ModelSpec, judged: Judged, calibration_error: float | None
) -> dict[str, float | None]:
    """Return the other metrics of the problem type, lift and calibration error, by name."""
    values: dict[str, float | None] = {
        name: ev.measure(metric, judged.truth, judged.output, budget=spec.alert_budget).value
        for name, metric in metrics().items()
        if spec.problem in metric.problems and name != spec.metric.name
    }
    if spec.problem != "regression":
        values["lift_at_budget"] = ev.lift_at_budget(judged.truth, judged.output, spec.alert_budget)
    if spec.problem == "binary":
        values["calibration_error"] = calibration_error
    return values
