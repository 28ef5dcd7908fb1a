"""Boosted trees for probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import InsufficientData, ModelError
from ngm_assets.models.estimators.base import Outputs
from ngm_assets.models.estimators.boosted import Boosted, Reported, label_of
from ngm_assets.models.estimators.boosting import fit_rounds, load_booster
from ngm_assets.models.estimators.platt import Platt, fit_platt

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import ModelFrame


@dataclass(frozen=True)
class FittedBinary(Boosted):
    """Boosted trees with a Platt calibration: probability = sigmoid(slope x margin + intercept)."""

    platt: Platt

    def predict(self, features: pd.DataFrame) -> Outputs:
        """Return calibrated probabilities of label = 1."""
        probability = self.platt.apply(self.margin(features))
        outputs = Outputs(prediction=probability, probability=probability)
        return self.reported.beside(outputs, features)

    def _extra(self) -> dict[str, Any]:
        return {"platt": asdict(self.platt)}


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

        label = label_of(frame)
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
            booster,
            tuple(frame.features.columns),
            Reported.of(spec.estimator.params),
            fit_platt(late.margin, late.target),
        )

    @classmethod
    def load(cls, folder: Path, meta: Mapping[str, Any]) -> FittedBinary:
        """Restore booster and calibration."""
        return FittedBinary(
            load_booster(folder),
            tuple(meta["features"]),
            Reported(**meta["reported"]),
            Platt(**meta["platt"]),
        )
