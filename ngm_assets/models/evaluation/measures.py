"""Measures outputs on rows: metrics with intervals, lift, calibration, paired comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ngm_assets.models.evaluation.metrics import Metric, metrics

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ngm_assets.models.data.frames import FloatArray

RESAMPLES = 200
ROWS_PER_BIN, MIN_BINS, MAX_BINS = 30, 2, 10


@dataclass(frozen=True)
class Measurement:
    """A metric's value, or why there is none.

    Attributes:
        metric: Name of the metric.
        value: The value; None if it cannot be evaluated.
        low: 5 % quantile over day-block resamples; None without intervals.
        high: 95 % quantile.
        rows: Rows it was measured on.
        reason: Why there is no value; empty if there is one.
    """

    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    rows: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two sets of outputs measured on the same rows.

    Attributes:
        ours: The candidate.
        theirs: The baseline or champion.
        gain: How much better the candidate is, positive = better whatever the direction.
        gain_low: 5 % quantile of the gain over paired day-block resamples.
        gain_high: 95 % quantile.
        rows: Rows known to both.
        reason: Why there is no comparison; empty if there is one.
    """

    ours: float | None
    theirs: float | None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    rows: int = 0
    reason: str = ""


def measure(
    metric: Metric,
    truth: FloatArray,
    output: FloatArray,
    *,
    budget: float,
    dates: NDArray[np.datetime64] | None = None,
    block_days: int = 1,
    seed: int = 0,
) -> Measurement:
    """Measure one metric; with `dates`, add a 90 % interval from resampled days.

    Args:
        metric: What to measure.
        truth: Label, shape (n,), no NaN.
        output: Prediction, probability or score, shape (n,).
        budget: Share of rows that may be flagged.
        dates: Day of each row; None = no interval.
        block_days: Days that are drawn together: the label's horizon.
        seed: Seed of the resampling.
    """
    import numpy as np

    reason = why_not(metric, truth, output)
    if reason:
        return Measurement(metric.name, None, rows=len(truth), reason=reason)
    value = metric.function(truth, output, np.ones(len(truth)), budget)
    low = high = None
    if dates is not None:
        samples = bootstrap(
            metric, truth, [output], dates, budget=budget, seed=seed, block_days=block_days
        )
        low, high = interval(samples[:, 0])
    return Measurement(metric.name, value, low, high, len(truth))


def compare(
    metric: Metric,
    truth: FloatArray,
    ours: FloatArray,
    theirs: FloatArray,
    *,
    dates: NDArray[np.datetime64],
    budget: float,
    seed: int,
    block_days: int = 1,
) -> Comparison:
    """Compare two outputs on the rows where both are known, days resampled in pairs."""
    import numpy as np

    known = np.isfinite(ours) & np.isfinite(theirs)
    truth, ours, theirs, dates = truth[known], ours[known], theirs[known], dates[known]
    reason = why_not(metric, truth, ours)
    if reason:
        return Comparison(None, None, rows=len(truth), reason=reason)
    ones = np.ones(len(truth))
    a = metric.function(truth, ours, ones, budget)
    b = metric.function(truth, theirs, ones, budget)
    samples = bootstrap(
        metric, truth, [ours, theirs], dates, budget=budget, seed=seed, block_days=block_days
    )
    low, high = interval(metric.sign * (samples[:, 0] - samples[:, 1]))
    return Comparison(a, b, metric.sign * (a - b), low, high, len(truth))


def why_not(metric: Metric, truth: FloatArray, output: FloatArray) -> str:
    """Return why the metric has no value on these rows; empty if it has one."""
    import numpy as np

    if len(truth) == 0:
        return "no rows"
    if not np.isfinite(output).all():
        return f"{int((~np.isfinite(output)).sum())} outputs are not finite"
    if metric.needs_both_classes:
        positives = int((truth > 0).sum())
        if positives == 0:
            return f"no positives among {len(truth)} rows"
        if positives == len(truth):
            return f"only positives among {len(truth)} rows"
    return ""


def bootstrap(
    metric: Metric,
    truth: FloatArray,
    outputs: Sequence[FloatArray],
    dates: NDArray[np.datetime64],
    *,
    budget: float,
    seed: int,
    resamples: int = RESAMPLES,
    block_days: int = 1,
) -> FloatArray:
    """Return the metric of each output over resampled days, shape (kept resamples, outputs).

    Blocks of consecutive days are drawn with replacement, all rows of a day together: rows of one
    day are not independent, and neither are labels whose horizons overlap. Moving blocks, closed
    to a circle (Kunsch 1989; Politis and Romano 1992), at most a third of the days long. A resample
    in which the metric has no value (one class) is left out. Rows are put in the order of each
    output beforehand: a metric that ranks them finds them ranked, which sorts fast.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    days, day_of_row = np.unique(dates, return_inverse=True)
    n = len(days)
    block = np.arange(max(1, min(block_days, n // 3)))
    orders = [np.argsort(-out, kind="stable") for out in outputs]
    ranked = [(truth[o], out[o], day_of_row[o]) for o, out in zip(orders, outputs, strict=True)]
    kept = []
    for _ in range(resamples):
        starts = rng.integers(0, n, -(-n // len(block)))
        drawn_days = ((starts[:, None] + block) % n).ravel()[:n]
        counts = np.bincount(drawn_days, minlength=n)
        if metric.needs_both_classes and not _two_classes(truth[counts[day_of_row] > 0]):
            continue
        kept.append([_on_days(metric, rows, counts, budget) for rows in ranked])
    return np.array(kept, dtype=np.float64).reshape(-1, len(outputs))


def _two_classes(truth: FloatArray) -> bool:
    return bool(len(truth)) and bool(truth.min() < truth.max())


def _on_days(
    metric: Metric,
    rows: tuple[FloatArray, FloatArray, NDArray[np.intp]],
    counts: NDArray[np.intp],
    budget: float,
) -> float:
    """Return the metric on truth, output and day of rows, each day as often as it was drawn."""
    truth, output, day = rows
    weight = counts[day].astype(float)
    drawn = weight > 0
    return metric.function(truth[drawn], output[drawn], weight[drawn], budget)


def interval(samples: FloatArray) -> tuple[float | None, float | None]:
    """Return the 5 % and 95 % quantiles, or (None, None) with fewer than 20 samples."""
    import numpy as np

    if len(samples) < 20:
        return None, None
    low, high = np.quantile(samples, (0.05, 0.95))
    return float(low), float(high)


def calibration_curve(
    truth: FloatArray, probability: FloatArray, bins: int = 10
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return mean probability, observed rate and row count per bin of (nearly) equal count."""
    import numpy as np

    order = np.argsort(probability, kind="stable")
    groups = [group for group in np.array_split(order, min(bins, len(order))) if len(group)]
    mean = np.array([probability[group].mean() for group in groups])
    rate = np.array([truth[group].mean() for group in groups])
    return mean, rate, np.array([float(len(group)) for group in groups])


def calibration_error(truth: FloatArray, probability: FloatArray) -> float | None:
    """Return the expected calibration error over equal-count bins; None without rows.

    There are as many bins as hold 30 rows each, at least 2 and at most 10: in smaller bins even
    perfect probabilities are far off by chance. Source: Naeini, Cooper, Hauskrecht 2015, with
    equal-count instead of equal-width bins.
    """
    import numpy as np

    if len(truth) == 0:
        return None
    bins = min(MAX_BINS, max(MIN_BINS, len(truth) // ROWS_PER_BIN))
    mean, rate, count = calibration_curve(truth, probability, bins)
    return float(np.average(np.abs(mean - rate), weights=count))


def lift_at_budget(truth: FloatArray, score: FloatArray, budget: float) -> float | None:
    """Return precision in the top `budget` share over the base rate; None without positives."""
    import numpy as np

    metric = metrics()["precision_at_budget"]
    if why_not(metric, truth, score):
        return None
    precision = metric.function(truth, score, np.ones(len(truth)), budget)
    return precision / float(truth.mean())
