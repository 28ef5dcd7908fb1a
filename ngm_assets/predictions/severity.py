"""How bad a row is, and the word its prediction goes by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ngm_assets.models.catalog.spec import SEVERITIES, ModelSpec, Severity

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ngm_assets.models.data.frames import BoolArray, FloatArray
    from ngm_assets.models.estimators.base import Outputs

DECISION = 0.5


def row_severities(spec: ModelSpec, outputs: Outputs) -> NDArray[np.object_]:
    """Return the severity of each row, shape (n,); None where it is unknown."""
    import numpy as np

    found = severities(spec.severity, severity_basis(spec, outputs), worse=spec.worse)
    if outputs.label is not None and spec.quiet_classes:
        found[np.isin(outputs.label.astype(str), spec.quiet_classes)] = "info"
    return found


def severity_basis(spec: ModelSpec, outputs: Outputs) -> FloatArray:
    """Return what the bands apply to, shape (n,); NaN where it is unknown.

    The anomaly score, the probability, or for a quantity prediction / expected; the prediction
    itself where the specification says so or the model reports no expected value.
    """
    import numpy as np

    if spec.problem == "anomaly" and outputs.anomaly_score is not None:
        return outputs.anomaly_score
    if outputs.probability is not None:
        return outputs.probability
    if outputs.expected is None or spec.severity_of == "prediction":
        return outputs.prediction
    known = np.isfinite(outputs.expected) & (outputs.expected > 0)
    ratio = np.full(len(outputs.prediction), np.nan)
    ratio[known] = outputs.prediction[known] / outputs.expected[known]
    return ratio


def severities(
    bands: Mapping[Severity, float], basis: FloatArray, *, worse: str = "higher"
) -> NDArray[np.object_]:
    """Return the worst band whose bound is reached; info short of all; None if unknown.

    Args:
        bands: Bounds: at least (`worse` higher) or at most (`worse` lower) this value.
        basis: What they apply to, shape (n,).
        worse: higher or lower.
    """
    import numpy as np

    sign = 1.0 if worse == "higher" else -1.0
    names = [band for band in SEVERITIES if band in bands]
    position = np.searchsorted([sign * bands[name] for name in names], sign * basis, side="right")
    found = np.array(["info", *names], dtype=object)[position]
    found[~np.isfinite(basis)] = None
    return found


def alarming(severity: NDArray[np.object_]) -> BoolArray:
    """Return which rows are at least low."""
    import numpy as np

    return np.isin(severity.astype(str), SEVERITIES[1:])


def predicted_labels(
    spec: ModelSpec,
    outputs: Outputs,
    features: pd.DataFrame,
    contributions: FloatArray,
    alarm: BoolArray,
) -> list[str | None]:
    """Return the word a row goes by: its class, or the reason of an alarm; None without one.

    Binary models with `classes` name the second one from probability 0.5; those with `reasons`
    name, on rows above info, the group of features that moves the probability most to the worse
    side.

    Args:
        spec: Names classes and reasons.
        outputs: What the model says, n rows.
        features: Feature values (n, k).
        contributions: What each feature adds, shape (n, k).
        alarm: Rows above info, shape (n,).
    """
    if outputs.label is not None:
        return [None if name is None else str(name) for name in outputs.label]
    if spec.classes and outputs.probability is not None:
        return [
            None if p != p else spec.classes[int(p >= DECISION)]
            for p in outputs.probability.tolist()
        ]
    if spec.reasons:
        towards = contributions if spec.worse == "higher" else -contributions
        strongest = _strongest(spec.reasons, list(features.columns), towards)
        return [name if flag else None for name, flag in zip(strongest, alarm, strict=True)]
    return [None] * len(features)


def _strongest(
    reasons: Mapping[str, Sequence[str]], columns: Sequence[str], contributions: FloatArray
) -> list[str | None]:
    """Return per row the reason whose features add most; None where none adds anything."""
    import numpy as np

    names = list(reasons)
    added = np.maximum(contributions, 0.0)
    sums = np.column_stack(
        [added[:, [columns.index(feature) for feature in reasons[name]]].sum(1) for name in names]
    )
    best = sums.argmax(axis=1) if len(sums) else []
    return [names[place] if sums[row, place] > 0 else None for row, place in enumerate(best)]
