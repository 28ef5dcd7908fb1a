"""Boosted trees for quantities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.models.estimators.base import Outputs
from ngm_assets.models.estimators.boosted import Boosted, Reported
from ngm_assets.models.estimators.boosting import fit_rounds, load_booster
from ngm_assets.models.estimators.target_scale import TargetScale, learnt_quantity

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import ModelFrame


@dataclass(frozen=True)
class FittedRegression(Boosted):
    """Boosted trees for a quantity, on its own or on a log scale, with or without an offset."""

    scale: TargetScale

    def predict(self, features: pd.DataFrame) -> Outputs:
        """Return predictions in the label's unit."""
        value = self.scale.restore(self.margin(features), features)
        return self.reported.beside(Outputs(prediction=value), features)

    def _extra(self) -> dict[str, Any]:
        return {"scale": asdict(self.scale)}


class XGBoostRegression:
    """Boosted trees on a quantity; `transform: log` learns log(1 + y), `offset` the change."""

    @classmethod
    def fit(cls, frame: ModelFrame, *, spec: ModelSpec, seed: int) -> FittedRegression:
        """Fit on all rows, with rounds chosen on the latest training days.

        Raises:
            InsufficientData: The label is constant.
            ModelError: The label does not suit transform or range, or a parameter is not allowed.
        """
        params = spec.estimator.params
        scale, target = learnt_quantity(frame, spec)
        booster, _ = fit_rounds(
            frame,
            target,
            spec=spec,
            seed=seed,
            objective=str(params.get("objective", "reg:squarederror")),
            stratified=False,
        )
        names = tuple(frame.features.columns)
        return FittedRegression(booster, names, Reported.of(params), scale)

    @classmethod
    def load(cls, folder: Path, meta: Mapping[str, Any]) -> FittedRegression:
        """Restore booster and target scale."""
        return FittedRegression(
            load_booster(folder),
            tuple(meta["features"]),
            Reported(**meta["reported"]),
            TargetScale(**meta["scale"]),
        )
