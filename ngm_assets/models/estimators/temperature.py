"""Temperature scaling: one number that makes class probabilities come true as often as they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ngm_assets.models.data.frames import FloatArray

_MIN_ROWS = 30
_BOUNDS = (-3.0, 3.0)


def softmax(scores: FloatArray, temperature: float = 1.0) -> FloatArray:
    """Return class probabilities of scores (n, classes) divided by the temperature."""
    from scipy.special import softmax as scipy_softmax

    probability: FloatArray = scipy_softmax(scores / temperature, axis=1)
    return probability


def fit_temperature(scores: FloatArray, label: FloatArray) -> float:
    """Return the temperature with the least log loss on rows the scores were not fitted to.

    Source: Guo, Pleiss, Sun, Weinberger 2017. 1 with fewer than 30 rows.

    Args:
        scores: Log odds per class, shape (n, classes).
        label: Position of the class that came true, shape (n,).
    """
    import numpy as np
    from scipy.optimize import minimize_scalar

    if len(label) < _MIN_ROWS:
        return 1.0
    rows, true = np.arange(len(label)), label.astype(np.intp)

    def loss(log_temperature: float) -> float:
        probability = softmax(scores, float(np.exp(log_temperature)))[rows, true]
        return float(-np.log(np.maximum(probability, 1e-12)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=_BOUNDS, method="bounded").x))
