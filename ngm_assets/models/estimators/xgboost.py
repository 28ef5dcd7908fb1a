"""Gradient boosted trees (XGBoost) for probabilities and quantities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import InsufficientData, ModelError
from ngm_assets.models.estimators.base import Flavor, Outputs
from ngm_assets.models.estimators.boosting import BOOSTER_FILE, fit_rounds, load_booster, to_matrix
from ngm_assets.models.estimators.platt import Platt, fit_platt

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xgboost
    from numpy.typing import NDArray

    from ngm_assets.models.frames import FloatArray, ModelFrame
    from ngm_assets.models.spec import ModelSpec


@dataclass(frozen=True)
class _Boosted:
    booster: xgboost.Booster
    features: tuple[str, ...]

    @property
    def flavor(self) -> Flavor:
        """Return xgboost."""
        return "xgboost"

    @property
    def native(self) -> Any:
        """Return the booster."""
        return self.booster

    @property
    def trusted_types(self) -> tuple[str, ...]:
        """Return nothing: XGBoost has its own safe format."""
        return ()

    def _margin(self, features: pd.DataFrame) -> FloatArray:
        import numpy as np

        if not len(features):
            return np.empty(0)
        margin = self.booster.predict(to_matrix(features, self.features), output_margin=True)
        return margin.astype(np.float64)

    def contributions(
        self, features: pd.DataFrame, row_index: NDArray[np.intp] | None = None
    ) -> FloatArray:
        """Return SHAP values on the margin (log odds, or the target's scale), shape (rows, k)."""
        import numpy as np

        rows = features if row_index is None else features.iloc[row_index]
        if not len(rows):
            return np.empty((0, len(self.features)))
        shap = self.booster.predict(to_matrix(rows, self.features), pred_contribs=True)
        return shap[:, :-1].astype(np.float64)

    def importance(self) -> Mapping[str, float]:
        """Return each feature's share of the total gain."""
        import numpy as np

        gain = self.booster.get_score(importance_type="total_gain")
        sizes = {name: float(np.sum(gain.get(name, 0.0))) for name in self.features}
        total = sum(sizes.values()) or 1.0
        return {name: size / total for name, size in sizes.items()}

    def _save_booster(self, folder: Path) -> None:
        self.booster.save_model(folder / BOOSTER_FILE)


@dataclass(frozen=True)
class FittedBinary(_Boosted):
    """Boosted trees with a Platt calibration: probability = sigmoid(slope x margin + intercept)."""

    platt: Platt

    def predict(self, features: pd.DataFrame) -> Outputs:
        """Return calibrated probabilities of label = 1."""
        probability = self.platt.apply(self._margin(features))
        return Outputs(prediction=probability, probability=probability)

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the booster; the calibration is metadata."""
        self._save_booster(folder)
        return {"features": list(self.features), "platt": asdict(self.platt)}


class XGBoostBinary:
    """Boosted trees on 0/1 labels; rounds and calibration are chosen on a later slice of rows."""

    @classmethod
    def fit(cls, frame: ModelFrame, *, spec: ModelSpec, seed: int) -> FittedBinary:
        """Fit on all rows, with rounds and calibration learnt on the latest training days.

        Raises:
            InsufficientData: Only one class occurs.
            ModelError: The label holds something else than 0 and 1.
        """
        import numpy as np

        label = _label(frame)
        classes = np.unique(label)
        if not np.isin(classes, (0.0, 1.0)).all():
            raise ModelError(
                f"A binary label must be 0 or 1, found {classes[:5].tolist()}.",
                where=f"label {spec.target.column}",
                mend="Mend the label SQL.",
            )
        if len(classes) < 2:
            raise InsufficientData(
                f"Only class {classes.tolist()} occurs in {len(label)} training rows.",
                where=f"label {spec.target.column}",
                mend="Wait for more history or widen the training window.",
            )
        booster, late = fit_rounds(
            frame, label, spec=spec, seed=seed, objective="binary:logistic", stratified=True
        )
        return FittedBinary(
            booster, tuple(frame.features.columns), fit_platt(late.margin, late.target)
        )

    @classmethod
    def load(cls, folder: Path, meta: Mapping[str, Any]) -> FittedBinary:
        """Restore booster and calibration."""
        return FittedBinary(load_booster(folder), tuple(meta["features"]), Platt(**meta["platt"]))


@dataclass(frozen=True)
class FittedRegression(_Boosted):
    """Boosted trees for a quantity, on its own or on a log scale, with or without an offset."""

    scale: TargetScale
    observed: str | None
    expected: str | None

    def predict(self, features: pd.DataFrame) -> Outputs:
        """Return predictions in the label's unit."""
        return Outputs(
            prediction=self.scale.restore(self._margin(features), features),
            observed=None if self.observed is None else features[self.observed].to_numpy(float),
            expected=None if self.expected is None else features[self.expected].to_numpy(float),
        )

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the booster; the target's scale is metadata."""
        self._save_booster(folder)
        return {
            "features": list(self.features),
            "scale": asdict(self.scale),
            "observed": self.observed,
            "expected": self.expected,
        }


@dataclass(frozen=True)
class TargetScale:
    """How the label becomes what the trees learn.

    Attributes:
        transform: none: y; log: log(1 + y).
        offset: Feature whose transformed value is subtracted, so that the trees learn the change.
        offset_default: Training median of the offset, used where it is unknown.
    """

    transform: str = "none"
    offset: str | None = None
    offset_default: float = 0.0

    def learn(self, label: FloatArray, features: pd.DataFrame) -> FloatArray:
        """Return the learnt target, shape (n,)."""
        return self._forward(label) - self._base(features)

    def restore(self, margin: FloatArray, features: pd.DataFrame) -> FloatArray:
        """Return values in the label's unit, shape (n,)."""
        import numpy as np

        value = margin + self._base(features)
        return np.expm1(value) if self.transform == "log" else value

    def _base(self, features: pd.DataFrame) -> FloatArray:
        import numpy as np

        if self.offset is None:
            return np.zeros(len(features))
        offset = features[self.offset].to_numpy(dtype=np.float64)
        return self._forward(np.where(np.isfinite(offset), offset, self.offset_default))

    def _forward(self, values: FloatArray) -> FloatArray:
        import numpy as np

        return np.log1p(np.maximum(values, 0.0)) if self.transform == "log" else values


class XGBoostRegression:
    """Boosted trees on a quantity; `transform: log` learns log(1 + y), `offset` the change."""

    @classmethod
    def fit(cls, frame: ModelFrame, *, spec: ModelSpec, seed: int) -> FittedRegression:
        """Fit on all rows, with rounds chosen on the latest training days.

        Raises:
            InsufficientData: The label is constant.
            ModelError: `transform: log` meets a negative label, or a parameter is not allowed.
        """
        params, label = spec.estimator.params, _label(frame)
        scale = _target_scale(frame, params)
        if scale.transform == "log" and (label < 0).any():
            raise ModelError(
                f"{int((label < 0).sum())} labels are negative; a log target needs values >= 0.",
                where=f"label {spec.target.column}",
                mend="Mend the label SQL or set transform: none.",
            )
        if label.max() <= label.min():
            raise InsufficientData(
                f"The label is {label[0]} in all {len(label)} training rows.",
                where=f"label {spec.target.column}",
                mend="Wait for more history or widen the training window.",
            )
        objective = str(params.get("objective", "reg:squarederror"))
        target = scale.learn(label, frame.features)
        booster, _ = fit_rounds(
            frame, target, spec=spec, seed=seed, objective=objective, stratified=False
        )
        names = tuple(frame.features.columns)
        return FittedRegression(
            booster, names, scale, params.get("observed"), params.get("expected")
        )

    @classmethod
    def load(cls, folder: Path, meta: Mapping[str, Any]) -> FittedRegression:
        """Restore booster and target scale."""
        return FittedRegression(
            load_booster(folder),
            tuple(meta["features"]),
            TargetScale(**meta["scale"]),
            meta["observed"],
            meta["expected"],
        )


def _target_scale(frame: ModelFrame, params: Mapping[str, Any]) -> TargetScale:
    import numpy as np

    transform, offset = str(params.get("transform", "none")), params.get("offset")
    if transform not in ("none", "log"):
        raise ModelError(
            f"Unknown transform {transform!r}.",
            where="estimator.params.transform",
            mend="Use none or log.",
        )
    if offset is None:
        return TargetScale(transform)
    known = frame.features[offset].to_numpy(dtype=np.float64)
    known = known[np.isfinite(known)]
    return TargetScale(transform, offset, float(np.median(known)) if len(known) else 0.0)


def _label(frame: ModelFrame) -> FloatArray:
    if frame.label is None or not len(frame):
        raise InsufficientData(
            "There are no labelled rows to learn from.", mend="Check the label SQL."
        )
    return frame.label
