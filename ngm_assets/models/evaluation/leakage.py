"""Finds a single feature that gives the label away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.models.data.frames import FloatArray

_MIN_ROWS = 30
_MIN_PER_CLASS = 5


@dataclass(frozen=True)
class LeakageScan:
    """The feature that alone says most about the label.

    Attributes:
        feature: Its name; None if no feature could be scanned.
        strength: AUC (classes, either direction; with several classes the mean of one against
            the rest, weighted by rows) or R2 (quantities, the better of the values' and their
            ranks'), 0..1; None if no feature could be scanned.
        statistic: "AUC" or "R2".
    """

    feature: str | None
    strength: float | None
    statistic: str


def scan(features: pd.DataFrame, label: FloatArray, *, classes: bool) -> LeakageScan:
    """Return the strongest single feature on the training rows.

    Present values are scanned, and for classes also whether the value is missing. A text counts as
    the share of the class among the other rows with the same text, and only upwards: a row's own
    class is missing from its share, so a text that says nothing would seem to order the classes
    the wrong way round. With several classes a number also counts by its distance to the class's
    median, because a class may lie between others. Features with fewer than 30 known rows, or 5
    per class, are left out: chance alone could look perfect.

    Args:
        features: Numbers or texts, n rows.
        label: Quantity or class position, shape (n,).
        classes: Whether the label holds class positions.
    """
    best: tuple[float, str] | None = None
    for name in features.columns:
        strength = _class_strength(features[name], label) if classes else _r2(features[name], label)
        if strength is not None and (best is None or strength > best[0]):
            best = (strength, str(name))
    statistic = "AUC" if classes else "R2"
    return (
        LeakageScan(None, None, statistic)
        if best is None
        else LeakageScan(best[1], best[0], statistic)
    )


def _class_strength(column: pd.Series, label: FloatArray) -> float | None:
    import numpy as np

    present = np.unique(label)
    found, weights = [], []
    for place in present[1:] if len(present) == 2 else present:
        target = (label == place).astype(np.float64)
        text = column.dtype == object
        values = _share_of_others(column, target) if text else column.to_numpy(dtype=np.float64)
        parts = [_auc(values, target, either=not text)]
        if not text and len(present) > 2:
            middle = np.nanmedian(values[target == 1]) if np.isfinite(values).any() else np.nan
            parts.append(_auc(-np.abs(values - middle), target, either=False))
        known = [part for part in parts if part is not None]
        if known:
            found.append(max(known))
            weights.append(float(target.sum()))
    return float(np.average(found, weights=weights)) if found else None


def _share_of_others(column: pd.Series, target: FloatArray) -> FloatArray:
    """Return the mean target of the other rows with the same text; NaN where there are none."""
    import numpy as np
    import pandas as pd

    groups = pd.Series(target).groupby(column.fillna("\x00").to_numpy())
    others = (groups.transform("size") - 1).to_numpy(dtype=np.float64)
    total = groups.transform("sum").to_numpy(dtype=np.float64) - target
    share: FloatArray = np.divide(total, others, out=np.full(len(target), np.nan), where=others > 0)
    return share


def _auc(values: FloatArray, label: FloatArray, *, either: bool) -> float | None:
    import numpy as np

    missing = np.isnan(values)
    parts = [
        _one_auc(values[~missing], label[~missing], either=either),
        _one_auc(missing.astype(np.float64), label, either=True),
    ]
    found = [part for part in parts if part is not None]
    return max(found, default=None)


def _one_auc(values: FloatArray, label: FloatArray, *, either: bool) -> float | None:
    from scipy.stats import rankdata

    positives = int((label == 1).sum())
    negatives = len(label) - positives
    if len(label) < _MIN_ROWS or min(positives, negatives) < _MIN_PER_CLASS:
        return None
    ranks = rankdata(values)
    auc = (ranks[label == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    return float(max(auc, 1.0 - auc) if either else auc)


def _r2(column: pd.Series, label: FloatArray) -> float | None:
    import numpy as np
    from scipy.stats import rankdata

    if column.dtype == object:
        return None
    values = column.to_numpy(dtype=np.float64)
    known = np.isfinite(values)
    x, y = values[known], label[known]
    if len(x) < _MIN_ROWS or x.max() <= x.min() or y.max() <= y.min():
        return None
    linear = float(np.corrcoef(x, y)[0, 1]) ** 2
    monotone = float(np.corrcoef(rankdata(x), rankdata(y))[0, 1]) ** 2
    return max(linear, monotone)
