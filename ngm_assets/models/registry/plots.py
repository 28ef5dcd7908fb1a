"""Pictures of a candidate as PNG bytes, drawn without any global plotting state."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ngm_assets.models.evaluation.measures import calibration_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ngm_assets.models.candidate import Candidate
    from ngm_assets.models.data.frames import FloatArray

_SIZE = (5.0, 4.0)


def plots(candidate: Candidate) -> dict[str, bytes]:
    """Return PNG files by name: importance, and what suits the problem and the holdout's rows."""
    import numpy as np

    truth, prediction = candidate.holdout.truth, candidate.holdout.prediction
    known = np.isfinite(prediction)
    truth, prediction = truth[known], prediction[known]
    drawn = {"importance.png": importance(candidate.importance)}
    if not len(truth):
        return drawn
    if candidate.spec.problem in ("regression", "quantile"):
        drawn["residuals.png"] = residuals(truth, prediction)
    elif candidate.spec.problem == "multiclass":
        drawn["confusion.png"] = confusion(truth, prediction, list(candidate.class_counts))
    elif 0 < truth.sum() < len(truth):
        drawn["precision_recall.png"] = precision_recall(truth, prediction)
    if candidate.holdout.calibrated is not None:
        drawn["calibration.png"] = calibration(*candidate.holdout.calibrated)
    return drawn


def importance(weights: Mapping[str, float], top: int = 15) -> bytes:
    """Draw the largest feature weights as bars."""
    names = sorted(weights, key=lambda name: -weights[name])[:top][::-1]
    figure, axes = _figure()
    axes.barh(names, [weights[name] for name in names], color="#4063d8")
    axes.set_xlabel("share of importance")
    axes.tick_params(axis="y", labelsize=7)
    return _png(figure)


def calibration(truth: FloatArray, probability: FloatArray) -> bytes:
    """Draw how often what was given a probability came true."""
    mean, rate, _ = calibration_curve(truth, probability)
    figure, axes = _figure()
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1)
    axes.plot(mean, rate, marker="o", color="#4063d8")
    axes.set_xlabel("mean probability")
    axes.set_ylabel("share that came true")
    return _png(figure)


def precision_recall(truth: FloatArray, score: FloatArray) -> bytes:
    """Draw precision against recall, and the base rate."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(truth, score)
    figure, axes = _figure()
    axes.step(recall, precision, where="post", color="#4063d8")
    axes.axhline(float(truth.mean()), color="#999999", linewidth=1)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.set_ylim(0, 1.02)
    return _png(figure)


def confusion(truth: FloatArray, prediction: FloatArray, classes: Sequence[str]) -> bytes:
    """Draw how many rows of each class were called what."""
    import numpy as np

    size = len(classes)
    cell = truth.astype(np.intp) * size + prediction.astype(np.intp)
    counts = np.bincount(cell, minlength=size * size).reshape(size, size)
    figure, axes = _figure()
    axes.imshow(counts, cmap="Blues")
    axes.set_xticks(range(size), classes, rotation=45, ha="right", fontsize=7)
    axes.set_yticks(range(size), classes, fontsize=7)
    for row, column in zip(*np.nonzero(counts), strict=True):
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=7)
    axes.set_xlabel("predicted")
    axes.set_ylabel("came true")
    return _png(figure)


def residuals(truth: FloatArray, prediction: FloatArray) -> bytes:
    """Draw predictions against what came true, at most 5000 rows evenly taken."""
    step = max(1, len(truth) // 5000)
    figure, axes = _figure()
    axes.scatter(truth[::step], prediction[::step], s=6, alpha=0.4, color="#4063d8")
    low, high = float(min(truth.min(), prediction.min())), float(max(truth.max(), prediction.max()))
    axes.plot([low, high], [low, high], color="#999999", linewidth=1)
    if low > 0 and high > 50 * low:
        axes.set_xscale("log")
        axes.set_yscale("log")
    axes.set_xlabel("came true")
    axes.set_ylabel("predicted")
    return _png(figure)


def _figure() -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90, metadata={"Software": None})
    return buffer.getvalue()
