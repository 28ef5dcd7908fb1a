"""What all boosted-tree models share: margins, SHAP values, importance and what they report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ngm_assets.errors import InsufficientData
from ngm_assets.models.estimators.base import Flavor, Outputs, column_of
from ngm_assets.models.estimators.boosting import BOOSTER_FILE, to_matrix

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xgboost
    from numpy.typing import NDArray

    from ngm_assets.models.data.frames import FloatArray, ModelFrame


@dataclass(frozen=True)
class Reported:
    """Features that stand beside a prediction as observed and expected; None = none."""

    observed: str | None = None
    expected: str | None = None

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Self:
        """Read `observed` and `expected` of an estimator's parameters."""
        return cls(params.get("observed"), params.get("expected"))

    def beside(self, outputs: Outputs, features: pd.DataFrame) -> Outputs:
        """Return the outputs with the two columns of the rows' features added."""
        return replace(
            outputs,
            observed=column_of(features, self.observed),
            expected=column_of(features, self.expected),
        )


@dataclass(frozen=True)
class Boosted:
    """A booster over named features.

    Attributes:
        booster: The trees.
        features: Names in the order the trees know them.
        reported: What stands beside a prediction.
    """

    booster: xgboost.Booster
    features: tuple[str, ...]
    reported: Reported

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

    def margin(self, features: pd.DataFrame) -> FloatArray:
        """Return the trees' sums, shape (n,), or (n, outputs) with several outputs."""
        import numpy as np

        if not len(features):
            return np.empty(0)
        margin = self.booster.predict(to_matrix(features, self.features), output_margin=True)
        return margin.astype(np.float64)

    def contributions(
        self, features: pd.DataFrame, row_index: NDArray[np.intp] | None = None
    ) -> FloatArray:
        """Return SHAP values on the margin (log odds, or the target's scale), shape (rows, k).

        With several outputs they are those of the output that `_explained` names for each row.
        """
        import numpy as np

        rows = features if row_index is None else features.iloc[row_index]
        if not len(rows):
            return np.empty((0, len(self.features)))
        shap = self.booster.predict(to_matrix(rows, self.features), pred_contribs=True)
        if shap.ndim == 3:
            shap = shap[np.arange(len(rows)), self._explained(rows)]
        return shap[:, :-1].astype(np.float64)

    def _explained(self, rows: pd.DataFrame) -> NDArray[np.intp]:
        """Return which output to explain per row, shape (n,)."""
        import numpy as np

        return np.zeros(len(rows), dtype=np.intp)

    def importance(self) -> Mapping[str, float]:
        """Return each feature's share of the total gain."""
        import numpy as np

        gain = self.booster.get_score(importance_type="total_gain")
        sizes = {name: float(np.sum(gain.get(name, 0.0))) for name in self.features}
        total = sum(sizes.values()) or 1.0
        return {name: size / total for name, size in sizes.items()}

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the booster; everything else is metadata."""
        self.booster.save_model(folder / BOOSTER_FILE)
        return {
            "features": list(self.features),
            "reported": asdict(self.reported),
            **self._extra(),
        }

    def _extra(self) -> dict[str, Any]:
        """Return the metadata that the kind of model adds."""
        return {}


def label_of(frame: ModelFrame) -> FloatArray:
    """Return the label of the training rows.

    Raises:
        InsufficientData: There are no labelled rows.
    """
    if frame.label is None or not len(frame):
        raise InsufficientData(
            "There are no labelled rows to learn from.", mend="Check the label SQL."
        )
    return frame.label


def require_variation(label: FloatArray, column: str) -> None:
    """Refuse a label that is the same in all rows.

    Raises:
        InsufficientData: The label is constant.
    """
    if label.max() <= label.min():
        raise InsufficientData(
            f"The label is {label[0]} in all {len(label)} training rows.",
            where=f"label {column}",
            mend="Wait for more history or widen the training window.",
        )
