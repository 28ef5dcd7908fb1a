"""Directional robust deviations of features from their training median."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import InsufficientData, ModelError

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.models.data.frames import BoolArray, FloatArray

_MAD_TO_SIGMA = 1.4826
_MEAN_DEVIATION_TO_SIGMA = 1.2533
_DIRECTIONS = ("up", "down", "both", "ignore")


@dataclass(frozen=True)
class Norm:
    """What is normal, per feature.

    Attributes:
        features: Names, k of them, in the order of the frame.
        centre: Training medians, shape (k,).
        scale: Robust standard deviations, shape (k,); inf where training values do not vary.
        directions: Which side is worse: up, down, both; ignore = the feature does not count.
        weights: Weight of each feature, shape (k,).
    """

    features: tuple[str, ...]
    centre: FloatArray
    scale: FloatArray
    directions: tuple[str, ...]
    weights: FloatArray

    def deviations(self, features: pd.DataFrame) -> FloatArray:
        """Return robust z per row and feature, 0 on the harmless side; NaN where unknown."""
        import numpy as np

        values = features[list(self.features)].to_numpy(dtype=np.float64)
        z = (values - self.centre) / self.scale
        directions = np.array(self.directions)
        z = np.where((directions == "up") & (z < 0), 0.0, z)
        z = np.where((directions == "down") & (z > 0), 0.0, z)
        return np.where((directions == "ignore") & np.isfinite(z), 0.0, z)

    def compressed(self, features: pd.DataFrame) -> FloatArray:
        """Return arsinh of the deviations of features that count, so heavy tails stay readable."""
        import numpy as np

        counted = self.effective_weights() > 0
        compressed: FloatArray = np.arcsinh(self.deviations(features)[:, counted])
        return compressed

    def mean_log_deviation(self, features: pd.DataFrame) -> FloatArray:
        """Return the weighted mean of log(1 + |deviation|), shape (n,); unknown adds nothing."""
        import numpy as np

        weights = self.effective_weights()
        sizes = np.log1p(np.abs(np.nan_to_num(self.deviations(features), nan=0.0)))
        mean: FloatArray = sizes @ (weights / weights.sum())
        return mean

    def contributions(self, features: pd.DataFrame) -> FloatArray:
        """Return signed weighted deviations (n, k); 0 where unknown, harmless or not counted."""
        import numpy as np

        known = np.nan_to_num(self.deviations(features), nan=0.0)
        return known * self.effective_weights()

    def all_unknown(self, features: pd.DataFrame) -> BoolArray:
        """Return whether every feature that counts is missing, shape (n,)."""
        import numpy as np

        counted = [
            name
            for name, weight in zip(self.features, self.effective_weights(), strict=True)
            if weight > 0
        ]
        unknown: BoolArray = np.asarray(features[counted].isna().to_numpy().all(axis=1))
        return unknown

    def effective_weights(self) -> FloatArray:
        """Return the weights, 0 for features that are ignored or did not vary in training."""
        import numpy as np

        ignored = np.array([direction == "ignore" for direction in self.directions])
        return np.where(ignored | ~np.isfinite(self.scale), 0.0, self.weights)

    def with_floor(self, names: Collection[str], floor: float = 1.0) -> Norm:
        """Return the norm with scales of at least `floor` for some features."""
        import numpy as np

        scale = np.where(np.isfinite(self.scale), np.maximum(self.scale, floor), floor)
        named = np.isin(np.array(self.features), list(names))
        return replace(self, scale=np.where(named, scale, self.scale))

    def to_json(self) -> dict[str, Any]:
        """Return the norm as JSON values; an infinite scale becomes null."""
        import numpy as np

        return {
            "features": list(self.features),
            "centre": [float(value) for value in self.centre],
            "scale": [float(value) if np.isfinite(value) else None for value in self.scale],
            "directions": list(self.directions),
            "weights": [float(value) for value in self.weights],
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Norm:
        """Restore what `to_json` returned."""
        import numpy as np

        return Norm(
            features=tuple(data["features"]),
            centre=np.array(data["centre"], dtype=np.float64),
            scale=np.array([np.inf if v is None else v for v in data["scale"]], dtype=np.float64),
            directions=tuple(data["directions"]),
            weights=np.array(data["weights"], dtype=np.float64),
        )


def fit_norm(features: pd.DataFrame, params: Mapping[str, Any]) -> Norm:
    """Learn the norm from training features.

    The scale is 1.4826 x MAD (Rousseeuw and Croux 1993). Where more than half of the values are
    equal it is 1.2533 x the mean absolute deviation from the median, so that rare counts still
    have a scale.

    Args:
        features: Training rows, shape (n, k).
        params: May hold `directions` {feature: up|down|both|ignore} (default both) and `weights`
            {feature: number >= 0} (default 1).

    Raises:
        ModelError: A direction or weight is not allowed.
        InsufficientData: No feature that counts varies.
    """
    import numpy as np

    names = tuple(str(name) for name in features.columns)
    values = features.to_numpy(dtype=np.float64)
    pairs = [_centre_and_scale(values[:, j]) for j in range(values.shape[1])]
    norm = Norm(
        features=names,
        centre=np.array([centre for centre, _ in pairs]),
        scale=np.array([scale for _, scale in pairs]),
        directions=_directions(names, params.get("directions", {})),
        weights=_weights(names, params.get("weights", {})),
    )
    if not norm.effective_weights().any():
        raise InsufficientData(
            f"None of the {len(names)} features varies over {len(values)} training rows.",
            where="features",
            mend="Check that the feature table is filled, or use a longer window.",
        )
    return norm


def _centre_and_scale(column: FloatArray) -> tuple[float, float]:
    import numpy as np

    known = column[np.isfinite(column)]
    if len(known) == 0:
        return 0.0, float("inf")
    centre = float(np.median(known))
    distance = np.abs(known - centre)
    scale = _MAD_TO_SIGMA * float(np.median(distance))
    if scale <= 0:
        scale = _MEAN_DEVIATION_TO_SIGMA * float(distance.mean())
    return centre, scale if scale > 0 else float("inf")


def _directions(names: tuple[str, ...], given: Mapping[str, str]) -> tuple[str, ...]:
    chosen = tuple(given.get(name, "both") for name in names)
    wrong = sorted(set(chosen) - set(_DIRECTIONS))
    if wrong:
        raise ModelError(
            f"Unknown direction {wrong[0]!r}.",
            where="estimator.params.directions",
            mend=f"Use one of {', '.join(_DIRECTIONS)}.",
        )
    return chosen


def _weights(names: tuple[str, ...], given: Mapping[str, float]) -> FloatArray:
    import numpy as np

    weights = np.array([float(given.get(name, 1.0)) for name in names])
    if (weights < 0).any() or not np.isfinite(weights).all():
        raise ModelError(
            "A feature weight is negative or not finite.",
            where="estimator.params.weights",
            mend="Use numbers >= 0; 0 leaves a feature out.",
        )
    return weights
