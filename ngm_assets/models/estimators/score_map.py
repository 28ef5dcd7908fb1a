"""Maps a detector's raw score to 0..1 so that scores mean the same over time and refits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ngm_assets.errors import InsufficientData

if TYPE_CHECKING:
    from ngm_assets.models.frames import FloatArray


@dataclass(frozen=True)
class ScoreMap:
    """Strictly increasing map raw -> (0, 1), fixed in training.

    With u = (raw - threshold) / spread, score = (1 + u / (1 + |u|)) / 2. The threshold maps to
    0.5 and the training median to about 0.25. Each further `spread` above the threshold halves
    what is left less and less (0.75, 0.83, 0.875, ...): the top is approached like 1/u, so extreme
    rows keep their order.

    Attributes:
        threshold: Raw score at which an alert begins.
        spread: Distance from the training median to the threshold, > 0.
    """

    threshold: float
    spread: float

    def apply(self, raw: FloatArray) -> FloatArray:
        """Return scores for raw scores, shape (n,); NaN stays NaN."""
        import numpy as np

        distance = (raw - self.threshold) / self.spread
        score: FloatArray = 0.5 * (1.0 + distance / (1.0 + np.abs(distance)))
        return score


def fit_score_map(raw: FloatArray, alert_budget: float) -> ScoreMap:
    """Choose the threshold so that `alert_budget` of the training rows reach it.

    Where many rows share the quantile's value, the next higher value is the threshold: rather
    fewer alerts than the budget than a flood of equals.

    Raises:
        InsufficientData: The raw scores do not vary, so nothing can stand out.
    """
    import numpy as np

    known = raw[np.isfinite(raw)]
    if len(known) == 0 or known.max() <= known.min():
        raise InsufficientData(
            f"The raw scores of {len(known)} training rows do not vary; nothing can stand out.",
            mend="Check that the features are filled and vary.",
        )
    threshold = float(np.quantile(known, 1.0 - alert_budget, method="higher"))
    above = known[known > threshold]
    if np.mean(known >= threshold) > 1.5 * alert_budget and len(above):
        threshold = float(above.min())
    spread = threshold - float(np.median(known))
    return ScoreMap(threshold, spread if spread > 0 else float(known.std()))
