"""Platt calibration: turns a margin into a probability that comes true as often as it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ngm_assets.models.data.frames import FloatArray

_MIN_PER_CLASS = 5


@dataclass(frozen=True)
class Platt:
    """probability = 1 / (1 + exp(-(slope x margin + intercept))) (Platt 1999).

    Attributes:
        slope: > 0, so the order of rows is the margin's.
        intercept: Shift in log odds.
        rows: Rows it was learnt on; 0 = identity, for want of rows of both classes.
    """

    slope: float = 1.0
    intercept: float = 0.0
    rows: int = 0

    def apply(self, margin: FloatArray) -> FloatArray:
        """Return probabilities, shape (n,)."""
        from scipy.special import expit

        probability: FloatArray = expit(self.slope * margin + self.intercept)
        return probability


def fit_platt(margin: FloatArray, label: FloatArray) -> Platt:
    """Learn slope and intercept on rows the margin was not fitted to.

    The identity is returned when a class has fewer than 5 rows, or when the slope would not be
    positive: a calibration must not reverse the order.
    """
    import numpy as np

    positives = int((label == 1).sum())
    if min(positives, len(label) - positives) < _MIN_PER_CLASS:
        return Platt()
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=10.0).fit(margin.reshape(-1, 1), label)
    slope, intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if not (np.isfinite(intercept) and slope > 0):
        return Platt()
    return Platt(slope, intercept, len(label))
