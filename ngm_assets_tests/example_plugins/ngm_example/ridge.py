"""Ridge regression: a line through standardised features, all of it numbers in a JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import InsufficientData, ModelError
from ngm_assets.models.estimators.base import Flavor, Outputs

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import FloatArray, ModelFrame


@dataclass(frozen=True)
class FittedRidge:
    """A fitted line.

    Attributes:
        features: Names in order.
        mean: Of each feature in training; what is unknown is taken to be there.
        scale: Standard deviation of each, 1 for one that does not vary.
        weights: What one standard deviation more adds, in the label's unit.
        intercept: Prediction where every feature is at its mean.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    @property
    def flavor(self) -> Flavor:
        """Return json: there is nothing but metadata."""
        return "json"

    @property
    def native(self) -> Any:
        """Return no object of a library."""
        return None

    @property
    def trusted_types(self) -> tuple[str, ...]:
        """Return no types."""
        return ()

    def predict(self, features: pd.DataFrame) -> Outputs:
        """Return values in the label's unit, shape (n,)."""
        return Outputs(prediction=self.contributions(features).sum(axis=1) + self.intercept)

    def contributions(
        self, features: pd.DataFrame, row_index: NDArray[np.intp] | None = None
    ) -> FloatArray:
        """Return what each feature adds to the intercept, shape (rows, k); unknown adds 0."""
        import numpy as np

        rows = features if row_index is None else features.iloc[row_index]
        values = rows[list(self.features)].to_numpy(dtype=np.float64)
        steps = np.nan_to_num((values - np.array(self.mean)) / np.array(self.scale), nan=0.0)
        added: FloatArray = steps * np.array(self.weights)
        return added

    def importance(self) -> Mapping[str, float]:
        """Return each feature's share of all weights, whatever their sign."""
        total = sum(map(abs, self.weights)) or 1.0
        return {
            name: abs(weight) / total
            for name, weight in zip(self.features, self.weights, strict=True)
        }

    def save(self, folder: Path) -> dict[str, Any]:
        """Write nothing: the numbers are the metadata."""
        return asdict(self)


class Ridge:
    """Least squares with a penalty on the weights; `strength` (default 1) is its size.

    Weights w solve (X'X + strength I) w = X'(y - mean y), X standardised. Source: Hoerl and
    Kennard, Ridge Regression, 1970.
    """

    @classmethod
    def fit(cls, frame: ModelFrame, *, spec: ModelSpec, seed: int) -> FittedRidge:
        """Fit on all rows; nothing is random.

        Raises:
            InsufficientData: There are no labelled rows.
            ModelError: The problem is no regression, or a parameter is unknown or negative.
        """
        import numpy as np

        strength = _strength(spec)
        if frame.label is None or not len(frame):
            raise InsufficientData("There are no labelled rows.")
        values = frame.matrix()
        known = ~np.isnan(values)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, values, 0.0).sum(axis=0) / count
        centred = np.where(known, values - mean, 0.0)
        scale = np.sqrt((centred**2).sum(axis=0) / count)
        scale[scale == 0.0] = 1.0
        scaled = centred / scale
        intercept = float(frame.label.mean())
        penalised = scaled.T @ scaled + strength * np.eye(scaled.shape[1])
        weights = np.linalg.solve(penalised, scaled.T @ (frame.label - intercept))
        return FittedRidge(
            tuple(frame.features.columns),
            tuple(map(float, mean)),
            tuple(map(float, scale)),
            tuple(map(float, weights)),
            intercept,
        )

    @classmethod
    def load(cls, folder: Path, meta: Mapping[str, Any]) -> FittedRidge:
        """Restore the line from its metadata."""
        lists = ("features", "mean", "scale", "weights")
        return FittedRidge(**{**meta, **{name: tuple(meta[name]) for name in lists}})


def _strength(spec: ModelSpec) -> float:
    if spec.problem != "regression":
        raise ModelError(
            f"Ridge does not serve problem {spec.problem}.",
            where=f"{spec.name}:problem",
            mend="Use it for regression.",
        )
    params = dict(spec.estimator.params)
    strength = params.pop("strength", 1.0)
    if params or not isinstance(strength, int | float) or strength <= 0:
        raise ModelError(
            "Ridge takes the one parameter strength, a number above 0.",
            where=f"{spec.name}:estimator.params",
            mend="Leave out the others.",
        )
    return float(strength)
