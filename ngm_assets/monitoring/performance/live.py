"""Measures predictions whose labels are ripe, and makes the value comparable to a holdout's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ngm_assets.models.evaluation.measures import Comparison, Measurement, compare, measure
from ngm_assets.models.evaluation.metrics import metrics

if TYPE_CHECKING:
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import FloatArray
    from ngm_assets.models.evaluation.metrics import Metric
    from ngm_assets.monitoring.performance.ripe import Outcomes


@dataclass(frozen=True)
class Live:
    """A window of labelled predictions, measured.

    Attributes:
        measured: The primary metric.
        comparable: The same at the holdout's share of positives.
        baseline: Comparison with the baseline on the same rows.
    """

    measured: Measurement
    comparable: Measurement
    baseline: Comparison


def measure_live(spec: ModelSpec, rows: Outcomes, positive_share: float | None) -> Live:
    """Measure labelled predictions with intervals, as the holdout was: seed, blocks and budget.

    Args:
        spec: Metric, budget, seed, horizon.
        rows: Labelled predictions.
        positive_share: Share of positives in the holdout; None = compare the value as it is.
    """
    metric = metrics()[spec.metric.name]
    measured = _measure(spec, metric, rows)
    comparable = measured
    if positive_share is not None and metric.needs_both_classes:
        comparable = _measure(spec, at_share(metric, positive_share), rows)
    return Live(measured, comparable, _against_baseline(spec, metric, rows))


def point(spec: ModelSpec, rows: Outcomes) -> Measurement:
    """Return the primary metric without an interval."""
    metric = metrics()[spec.metric.name]
    return measure(metric, rows.truth, rows.output, budget=spec.alert_budget)


def at_share(metric: Metric, positive_share: float) -> Metric:
    """Return a metric as it would be if positives were that share of the rows.

    What a ranking scores depends on how many positives there are: a random one has an average
    precision equal to their share. When fewer incidents happen the metric falls although the model
    is as good as ever, so rows are weighted until the shares agree. Source: Siblini, Frery,
    He-Guelton, Oble, Wang, Master your metrics with calibration, 2020.

    Args:
        metric: A metric that needs both classes.
        positive_share: Greater than 0, less than 1.
    """
    import numpy as np

    def function(truth: FloatArray, output: FloatArray, weight: FloatArray, budget: float) -> float:
        positive = truth > 0
        found = float(weight[positive].sum())
        total = float(weight.sum())
        scale = np.where(
            positive,
            positive_share * total / found,
            (1.0 - positive_share) * total / (total - found),
        )
        return metric.function(truth, output, weight * scale, budget)

    return replace(metric, function=function)


def _measure(spec: ModelSpec, metric: Metric, rows: Outcomes) -> Measurement:
    return measure(
        metric,
        rows.truth,
        rows.output,
        budget=spec.alert_budget,
        dates=rows.dates,
        block_days=spec.horizon_days,
        seed=spec.seed,
    )


def _against_baseline(spec: ModelSpec, metric: Metric, rows: Outcomes) -> Comparison:
    """Compare where the baseline is known, at least half of the rows: as the gates do."""
    import numpy as np

    known = int(np.isfinite(rows.baseline).sum())
    if 2 * known < len(rows):
        reason = f"the baseline is known on {known} of {len(rows)} rows"
        return Comparison(None, None, rows=known, reason=reason)
    return compare(
        metric,
        rows.truth,
        rows.output,
        rows.baseline,
        dates=rows.dates,
        budget=spec.alert_budget,
        seed=spec.seed,
        block_days=spec.horizon_days,
    )
