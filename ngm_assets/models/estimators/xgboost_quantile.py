"""Boosted trees for the 10th, 50th and 90th percentile of a quantity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.models.data.frames import sampled
from ngm_assets.models.estimators.base import COVERAGE, Outputs
from ngm_assets.models.estimators.boosted import Boosted, Reported
from ngm_assets.models.estimators.boosting import LateSlice, fit_rounds, load_booster
from ngm_assets.models.estimators.target_scale import TargetScale, learnt_quantity

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import FloatArray, ModelFrame

LEVELS = (0.1, 0.5, 0.9)
_MIN_LATE_ROWS = 50


@dataclass(frozen=True)
class FittedQuantiles(Boosted):
    """Three percentiles from one booster.

    Attributes:
        scale: The target's scale.
        widening: Added to both sides of the interval on the learnt scale, so that it covers 80 %
            of rows it was not fitted to; may be negative.
    """

    scale: TargetScale
    widening: float

    def predict(self, features: pd.DataFrame) -> Outputs:
        """Return the median with P10 and P90 in the label's unit; they never cross."""
        import numpy as np

        low, middle, high = np.sort(self.margin(features).reshape(-1, len(LEVELS)), axis=1).T
        low, high = (
            np.minimum(low - self.widening, middle),
            np.maximum(high + self.widening, middle),
        )
        outputs = Outputs(
            prediction=self.scale.restore(middle, features),
            lower=self.scale.restore(low, features),
            upper=self.scale.restore(high, features),
        )
        return self.reported.beside(outputs, features)

    def _explained(self, rows: pd.DataFrame) -> NDArray[np.intp]:
        """Return the median's place for every row."""
        import numpy as np

        return np.full(len(rows), LEVELS.index(0.5), dtype=np.intp)

    def _extra(self) -> dict[str, Any]:
        return {"scale": asdict(self.scale), "widening": self.widening}


class XGBoostQuantile:
    """Boosted trees on the pinball loss of three levels; takes what the regression takes."""

    @classmethod
    def fit(cls, frame: ModelFrame, *, spec: ModelSpec, seed: int) -> FittedQuantiles:
        """Fit; rounds and the interval's width are learnt on the latest training days.

        All rows are used, or with `max_rows` a random sample of so many: the loss sorts the rows of
        every leaf in every round.

        Raises:
            InsufficientData: The label is constant.
            ModelError: The label does not suit transform or range, or a parameter is not allowed.
        """
        params = spec.estimator.params
        if "max_rows" in params:
            frame = sampled(frame, int(params["max_rows"]), seed=seed)
        scale, target = learnt_quantity(frame, spec)
        booster, late = fit_rounds(
            frame,
            target,
            spec=spec,
            seed=seed,
            objective="reg:quantileerror",
            stratified=False,
            extra={"quantile_alpha": list(LEVELS)},
        )
        names = tuple(frame.features.columns)
        return FittedQuantiles(booster, names, Reported.of(params), scale, widening_of(late))

    @classmethod
    def load(cls, folder: Path, meta: Mapping[str, Any]) -> FittedQuantiles:
        """Restore booster, target scale and widening."""
        return FittedQuantiles(
            load_booster(folder),
            tuple(meta["features"]),
            Reported(**meta["reported"]),
            TargetScale(**meta["scale"]),
            float(meta["widening"]),
        )


def widening_of(late: LateSlice) -> float:
    """Return how much wider the interval must be to cover 80 % of the late rows.

    Conformalised quantile regression: the (1 + 1/n) x 0.8 quantile of max(low - y, y - high).
    Source: Romano, Patterson, Candes 2019. 0 with fewer than 50 late rows.

    Args:
        late: Margins of shape (n, 3) and targets (n,).
    """
    import numpy as np

    rows = len(late.target)
    if rows < _MIN_LATE_ROWS:
        return 0.0
    margin = np.sort(late.margin, axis=1)
    outside: FloatArray = np.maximum(margin[:, 0] - late.target, late.target - margin[:, -1])
    return float(np.quantile(outside, min(1.0, COVERAGE * (1 + 1 / rows)), method="higher"))
