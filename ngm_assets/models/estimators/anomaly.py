"""Anomaly detectors: robust deviations from a norm, plain, profiled or with an isolation forest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import ModelError
from ngm_assets.models.estimators.base import Flavor, Outputs, column_of
from ngm_assets.models.estimators.deviation import Norm, fit_norm
from ngm_assets.models.estimators.profile import Profile, fit_profile
from ngm_assets.models.estimators.score_map import ScoreMap, fit_score_map

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import FloatArray, ModelFrame

_TRUSTED = ("numpy.dtype", "sklearn.tree._tree.Tree")
_FOREST_FILE = "model.skops"
_LEAST_DAYS = 28


@dataclass(frozen=True)
class FittedDetector:
    """A fitted detector: optional profile, norm, optional forest, score map.

    Attributes:
        norm: Centre, scale, direction and weight per feature, learnt in training.
        score_map: Raw score -> 0..1.
        forest: Imputer and isolation forest over the deviations; None for robust statistics.
        tail_weight: What the mean deviation adds to the forest's score, which alone cannot tell
            apart rows beyond everything it was trained on.
        observed: Feature that is reported as observed, or None.
        expected: Feature that is reported as expected, or None; a profiled `observed` is reported
            with what its profile expects.
        profile: Replaces counts by their distance from the entity's own norm; None = as they are.
    """

    norm: Norm
    score_map: ScoreMap
    forest: Pipeline | None = None
    tail_weight: float = 0.0
    observed: str | None = None
    expected: str | None = None
    profile: Profile | None = None

    @property
    def flavor(self) -> Flavor:
        """Return sklearn with a forest, json without."""
        return "json" if self.forest is None else "sklearn"

    @property
    def native(self) -> Any:
        """Return the pipeline over deviations, or None."""
        return self.forest

    @property
    def trusted_types(self) -> tuple[str, ...]:
        """Return the closed list of types the stored forest may hold."""
        return () if self.forest is None else _TRUSTED

    def predict(self, features: pd.DataFrame) -> Outputs:
        """Score rows; a row without any known feature that counts gets NaN: it is unknown."""
        rows = features if self.profile is None else self.profile.surprises(features)
        score = self.score_map.apply(_raw_score(self.norm, self.forest, self.tail_weight, rows))
        return Outputs(
            prediction=score,
            anomaly_score=score,
            observed=column_of(features, self.observed),
            expected=self._expected(features),
        )

    def _expected(self, features: pd.DataFrame) -> FloatArray | None:
        profile, observed = self.profile, self.observed
        if profile is not None and observed is not None and observed in profile.means:
            return profile.expected(features, observed)
        return column_of(features, self.expected)

    def contributions(
        self, features: pd.DataFrame, row_index: NDArray[np.intp] | None = None
    ) -> FloatArray:
        """Return signed, weighted robust deviations from the training median; unknown adds 0."""
        rows = features if row_index is None else features.iloc[row_index]
        rows = rows if self.profile is None else self.profile.surprises(rows)
        return self.norm.contributions(rows)

    def importance(self) -> Mapping[str, float]:
        """Return each feature's share of all that counts."""
        weights = self.norm.effective_weights()
        total = float(weights.sum()) or 1.0
        return {n: float(w) / total for n, w in zip(self.norm.features, weights, strict=True)}

    def save(self, folder: Path) -> dict[str, Any]:
        """Write `model.skops` (forest) or nothing; the rest is metadata."""
        if self.forest is not None:
            import skops.io

            skops.io.dump(self.forest, folder / _FOREST_FILE)
        return {
            "norm": self.norm.to_json(),
            "score_map": asdict(self.score_map),
            "tail_weight": self.tail_weight,
            "observed": self.observed,
            "expected": self.expected,
            "profile": None if self.profile is None else self.profile.to_json(),
        }


class RobustDeviationDetector:
    """Weighted mean of log(1 + directional robust z) over the features."""

    @classmethod
    def fit(cls, frame: ModelFrame, *, spec: ModelSpec, seed: int) -> FittedDetector:
        """Learn medians and scales on all rows; nothing is random, labels are not read."""
        profile, norm, rows = _learn(frame, spec.estimator.params)
        return _detector(spec, profile, norm, rows)

    @classmethod
    def load(cls, folder: Path, meta: Mapping[str, Any]) -> FittedDetector:
        """Restore the detector from its metadata."""
        return _restore(None, meta)


class ExpectedProfileDetector(RobustDeviationDetector):
    """The same over distances from the entity's own expected profile, which `profiles` names."""


class IsolationForestDetector:
    """Isolation forest (Liu, Ting, Zhou 2008) over directional robust deviations."""

    @classmethod
    def fit(cls, frame: ModelFrame, *, spec: ModelSpec, seed: int) -> FittedDetector:
        """Learn norm and forest on all rows; labels are not read."""
        from sklearn.ensemble import IsolationForest
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import Pipeline

        params = spec.estimator.params
        profile, norm, rows = _learn(frame, params)
        forest = Pipeline(
            [
                ("imputer", SimpleImputer(strategy="median", keep_empty_features=True)),
                (
                    "forest",
                    IsolationForest(
                        n_estimators=int(params.get("trees", 100)),
                        max_samples=min(int(params.get("max_samples", 256)), len(rows)),
                        random_state=seed,
                        n_jobs=1,
                    ),
                ),
            ]
        ).fit(norm.compressed(rows))
        tail_weight = float(params.get("tail_weight", 0.05))
        return _detector(spec, profile, norm, rows, forest, tail_weight)

    @classmethod
    def load(cls, folder: Path, meta: Mapping[str, Any]) -> FittedDetector:
        """Restore forest and metadata; skops refuses any type outside the closed list.

        Raises:
            ModelError: The stored forest holds a type that is not trusted.
        """
        import skops.io

        try:
            forest = skops.io.load(folder / _FOREST_FILE, trusted=list(_TRUSTED))
        except (skops.io.exceptions.UntrustedTypesFoundException, TypeError) as error:
            raise ModelError(
                f"The stored forest holds untrusted types: {error}.",
                where=str(folder / _FOREST_FILE),
                mend="Train the model again; do not load this file.",
            ) from error
        return _restore(forest, meta)


def _detector(
    spec: ModelSpec,
    profile: Profile | None,
    norm: Norm,
    rows: pd.DataFrame,
    forest: Pipeline | None = None,
    tail_weight: float = 0.0,
) -> FittedDetector:
    """Return the detector whose threshold is learnt on the rows as the norm sees them."""
    params = spec.estimator.params
    raw = _raw_score(norm, forest, tail_weight, rows)
    return FittedDetector(
        norm=norm,
        score_map=fit_score_map(raw, spec.alert_budget, params.get("incident_share")),
        forest=forest,
        tail_weight=tail_weight,
        observed=params.get("observed"),
        expected=params.get("expected"),
        profile=profile,
    )


def _learn(
    frame: ModelFrame, params: Mapping[str, Any]
) -> tuple[Profile | None, Norm, pd.DataFrame]:
    """Return the profile if one is asked for, the norm, and the rows as the norm sees them."""
    rows = settled(frame, params).features
    if "profiles" not in params:
        return None, fit_norm(rows, params), rows
    profile = fit_profile(rows, params)
    rows = profile.surprises(rows)
    directions = dict.fromkeys(profile.helpers, "ignore") | dict(params.get("directions", {}))
    norm = fit_norm(rows, {**params, "directions": directions}).with_floor(profile.means)
    return profile, norm, rows


def settled(frame: ModelFrame, params: Mapping[str, Any]) -> ModelFrame:
    """Return the rows from which a norm is learnt.

    Features look back; in the first days of a history they see little, so everything seems new.
    The first `settle_days` (default 28) days of the frame are left out, as long as 28 others are
    there.
    """
    import numpy as np

    if not len(frame):
        return frame
    first = frame.dates.min() + np.timedelta64(int(params.get("settle_days", 28)), "D")
    enough = frame.dates.max() >= first + np.timedelta64(_LEAST_DAYS, "D")
    return frame.select(frame.dates >= first) if enough else frame


def _restore(forest: Pipeline | None, meta: Mapping[str, Any]) -> FittedDetector:
    return FittedDetector(
        norm=Norm.from_json(meta["norm"]),
        score_map=ScoreMap(**meta["score_map"]),
        forest=forest,
        tail_weight=meta["tail_weight"],
        observed=meta["observed"],
        expected=meta["expected"],
        profile=Profile.from_json(meta.get("profile")),
    )


def _raw_score(
    norm: Norm, forest: Pipeline | None, tail_weight: float, features: pd.DataFrame
) -> FloatArray:
    """Return the raw score, higher = worse; NaN where no feature that counts is known."""
    import numpy as np

    raw = norm.mean_log_deviation(features)
    if forest is not None and len(features):
        raw = tail_weight * raw - forest.score_samples(norm.compressed(features))
    unknown = norm.all_unknown(features)
    scored: FloatArray = np.where(unknown, np.nan, raw)
    return scored
