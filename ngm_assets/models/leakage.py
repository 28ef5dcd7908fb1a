"""Finds a single feature that gives the label away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.models.frames import FloatArray

_MIN_ROWS = 30
_MIN_PER_CLASS = 5


@dataclass(frozen=True)
class LeakageScan:
    """The feature that alone says most about the label.

    Attributes:
        feature: Its name; None if no feature could be scanned.
        strength: AUC (binary, either direction) or R2 (regression, the better of the values' and
            their ranks'), 0..1; None if no feature could be scanned.
        statistic: "AUC" or "R2".
    """

    feature: str | None
    strength: float | None
    statistic: str


def scan(features: pd.DataFrame, label: FloatArray, *, binary: bool) -> LeakageScan:
    """Return the strongest single feature on the training rows.

    Present values are scanned, and for a binary label also whether the value is missing. Features
    with fewer than 30 known rows, or 5 per class, are left out: chance alone could look perfect.
    """
    import numpy as np

    best: tuple[float, str] | None = None
    for name in features.columns:
        values = features[name].to_numpy(dtype=np.float64)
        strength = _auc(values, label) if binary else _r2(values, label)
        if strength is not None and (best is None or strength > best[0]):
            best = (strength, str(name))
    statistic = "AUC" if binary else "R2"
    return (
        LeakageScan(None, None, statistic)
        if best is None
        else LeakageScan(best[1], best[0], statistic)
    )


def _auc(values: FloatArray, label: FloatArray) -> float | None:
    import numpy as np

    missing = np.isnan(values)
    parts = [
        _one_auc(values[~missing], label[~missing]),
        _one_auc(missing.astype(np.float64), label),
    ]
    found = [part for part in parts if part is not None]
    return max(found, default=None)


def _one_auc(values: FloatArray, label: FloatArray) -> float | None:
    from scipy.stats import rankdata

    positives = int((label == 1).sum())
    negatives = len(label) - positives
    if len(label) < _MIN_ROWS or min(positives, negatives) < _MIN_PER_CLASS:
        return None
    ranks = rankdata(values)
    auc = (ranks[label == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    return float(max(auc, 1.0 - auc))


def _r2(values: FloatArray, label: FloatArray) -> float | None:
    import numpy as np
    from scipy.stats import rankdata

    known = np.isfinite(values)
    x, y = values[known], label[known]
    if len(x) < _MIN_ROWS or x.max() <= x.min() or y.max() <= y.min():
        return None
    linear = float(np.corrcoef(x, y)[0, 1]) ** 2
    monotone = float(np.corrcoef(rankdata(x), rankdata(y))[0, 1]) ** 2
    return max(linear, monotone)
