"""Boosted trees for one of several classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.models.estimators.base import Outputs
from ngm_assets.models.estimators.boosted import Boosted, Reported, label_of, require_variation
from ngm_assets.models.estimators.boosting import fit_rounds, load_booster
from ngm_assets.models.estimators.temperature import fit_temperature, softmax

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import FloatArray, ModelFrame


@dataclass(frozen=True)
class FittedClasses(Boosted):
    """One score per class; probabilities by temperature scaling.

    Attributes:
        classes: Names by position.
        temperature: Divides the scores before the softmax.
    """

    classes: tuple[str, ...]
    temperature: float

    def predict(self, features: pd.DataFrame) -> Outputs:
        """Return position, name and probability of the most probable class."""
        outputs = classified(self._probabilities(features), self.classes)
        return self.reported.beside(outputs, features)

    def _probabilities(self, features: pd.DataFrame) -> FloatArray:
        scores = self.margin(features).reshape(len(features), len(self.classes))
        return softmax(scores, self.temperature)

    def _explained(self, rows: pd.DataFrame) -> NDArray[np.intp]:
        """Return the predicted class of each row."""
        import numpy as np

        place: NDArray[np.intp] = np.argmax(self._probabilities(rows), axis=1)
        return place

    def _extra(self) -> dict[str, Any]:
        return {"classes": list(self.classes), "temperature": self.temperature}


def classified(probabilities: FloatArray, classes: tuple[str, ...]) -> Outputs:
    """Return the outputs of class probabilities, shape (n, classes)."""
    import numpy as np

    place = np.argmax(probabilities, axis=1) if len(probabilities) else np.empty(0, dtype=np.intp)
    return Outputs(
        prediction=place.astype(np.float64),
        label=np.array(classes, dtype=object)[place],
        probability=probabilities[np.arange(len(place)), place],
    )


class XGBoostMulticlass:
    """Boosted trees on class positions; rounds and temperature come from a later slice of rows."""

    @classmethod
    def fit(cls, frame: ModelFrame, *, spec: ModelSpec, seed: int) -> FittedClasses:
        """Fit on all rows.

        Raises:
            InsufficientData: Only one class occurs.
        """
        label = label_of(frame)
        require_variation(label, spec.target.column)
        booster, late = fit_rounds(
            frame,
            label,
            spec=spec,
            seed=seed,
            objective="multi:softprob",
            stratified=True,
            extra={"num_class": len(frame.classes)},
        )
        temperature = fit_temperature(late.margin, late.target) if len(late.target) else 1.0
        names = tuple(frame.features.columns)
        reported = Reported.of(spec.estimator.params)
        return FittedClasses(booster, names, reported, frame.classes, temperature)

    @classmethod
    def load(cls, folder: Path, meta: Mapping[str, Any]) -> FittedClasses:
        """Restore booster, classes and temperature."""
        return FittedClasses(
            load_booster(folder),
            tuple(meta["features"]),
            Reported(**meta["reported"]),
            tuple(meta["classes"]),
            float(meta["temperature"]),
        )
