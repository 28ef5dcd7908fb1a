"""How a quantity becomes what trees learn, and back: log scale, offset, legal range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import ModelError
from ngm_assets.models.estimators.boosted import label_of, require_variation

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import FloatArray, ModelFrame


@dataclass(frozen=True)
class TargetScale:
    """How the label becomes what the trees learn.

    Attributes:
        transform: none: y; log: log(1 + y).
        offset: Feature whose transformed value is subtracted, so that the trees learn the change.
        offset_default: Training median of the offset, used where it is unknown.
        low: Least value the label can have; None = no bound.
        high: Greatest value the label can have; None = no bound.
    """

    transform: str = "none"
    offset: str | None = None
    offset_default: float = 0.0
    low: float | None = None
    high: float | None = None

    def learn(self, label: FloatArray, features: pd.DataFrame) -> FloatArray:
        """Return the learnt target, shape (n,)."""
        return self._forward(label) - self._base(features)

    def restore(self, margin: FloatArray, features: pd.DataFrame) -> FloatArray:
        """Return values in the label's unit inside its legal range, shape (n,)."""
        import numpy as np

        value = margin + self._base(features)
        value = np.expm1(value) if self.transform == "log" else value
        if self.low is None and self.high is None:
            return value
        return np.clip(value, self.low, self.high)

    def _base(self, features: pd.DataFrame) -> FloatArray:
        import numpy as np

        if self.offset is None:
            return np.zeros(len(features))
        offset = features[self.offset].to_numpy(dtype=np.float64)
        return self._forward(np.where(np.isfinite(offset), offset, self.offset_default))

    def _forward(self, values: FloatArray) -> FloatArray:
        import numpy as np

        return np.log1p(np.maximum(values, 0.0)) if self.transform == "log" else values


def fit_scale(frame: ModelFrame, label: FloatArray, params: Mapping[str, Any]) -> TargetScale:
    """Read the scale from an estimator's parameters; learn the offset's default.

    Args:
        frame: Training rows.
        label: Their label, shape (n,).
        params: May hold transform (none, log), offset (a feature) and range ([low, high], either
            may be null).

    Raises:
        ModelError: A parameter is not allowed, or the label leaves the range or the log's domain.
    """
    import numpy as np

    transform, offset = str(params.get("transform", "none")), params.get("offset")
    if transform not in ("none", "log"):
        raise ModelError(
            f"Unknown transform {transform!r}.",
            where="estimator.params.transform",
            mend="Use none or log.",
        )
    low, high = _range(params.get("range", (None, None)))
    least = 0.0 if transform == "log" and low is None else low
    outside = ((label < least) if least is not None else np.zeros(len(label), bool)) | (
        (label > high) if high is not None else np.zeros(len(label), bool)
    )
    if outside.any():
        raise ModelError(
            f"{int(outside.sum())} labels lie outside {least}..{high}, such as "
            f"{label[outside][0]}.",
            where="estimator.params",
            mend="Mend the label SQL, or the transform (a log needs values >= 0) or range.",
        )
    if offset is None:
        return TargetScale(transform, None, 0.0, low, high)
    known = frame.features[offset].to_numpy(dtype=np.float64)
    known = known[np.isfinite(known)]
    default = float(np.median(known)) if len(known) else 0.0
    return TargetScale(transform, offset, default, low, high)


def _range(given: Sequence[float | None]) -> tuple[float | None, float | None]:
    if len(given) != 2 or (None not in given and given[0] >= given[1]):  # type: ignore[operator]
        raise ModelError(
            f"The range {list(given)} is not [low, high].",
            where="estimator.params.range",
            mend="Give two ascending numbers; null = no bound.",
        )
    low, high = (None if bound is None else float(bound) for bound in given)
    return low, high


def learnt_quantity(frame: ModelFrame, spec: ModelSpec) -> tuple[TargetScale, FloatArray]:
    """Return the scale of a quantity and what trees learn of it, shape (n,).

    Raises:
        InsufficientData: There are no labelled rows, or the label is constant.
        ModelError: The label does not suit transform or range, or a parameter is not allowed.
    """
    label = label_of(frame)
    scale = fit_scale(frame, label, spec.estimator.params)
    require_variation(label, spec.target.column)
    return scale, scale.learn(label, frame.features)
