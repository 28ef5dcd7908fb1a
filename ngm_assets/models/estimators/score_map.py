"""Maps a detector's raw score to 0..1 so that scores mean the same over time and refits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ngm_assets.errors import InsufficientData

if TYPE_CHECKING:
    from ngm_assets.models.data.frames import FloatArray

_INCIDENTS = 0.5
_TAIL = 10.0
_MIN_TAIL_ROWS = 10
_MOST_ALERTS = 2.0


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


def fit_score_map(
    raw: FloatArray, alert_budget: float, incident_share: float | None = None
) -> ScoreMap:
    """Choose the threshold that `alert_budget` of usual rows reach.

    Training rows hold incidents too, and few rows give coarse quantiles. So the highest rows are
    taken for incidents, and the threshold is the `tail_quantile` of the rest, but never above those
    highest rows. Where many rows share a value at the threshold, it lies just above that value:
    rather fewer alerts than a flood of equals.

    Args:
        raw: Raw scores of the training rows, shape (n,); NaN = unknown.
        alert_budget: Share of usual rows that may be flagged, 0 < share < 0.5.
        incident_share: Share of the rows taken for incidents; None = half the budget.

    Raises:
        InsufficientData: The raw scores do not vary, so nothing can stand out.
    """
    import numpy as np

    known = np.sort(raw[np.isfinite(raw)])[::-1]
    if len(known) == 0 or known[0] <= known[-1]:
        raise InsufficientData(
            f"The raw scores of {len(known)} training rows do not vary; nothing can stand out.",
            mend="Check that the features are filled and vary.",
        )
    share = _INCIDENTS * alert_budget if incident_share is None else incident_share
    incidents = min(math.floor(share * len(known)), len(known) - 1)
    threshold = tail_quantile(known[incidents:], alert_budget)
    if incidents:
        threshold = min(threshold, float(known[incidents - 1]))
    allowed = math.ceil((_MOST_ALERTS * alert_budget + share) * len(known))
    if allowed < len(known) and np.sum(known >= threshold) > allowed:
        threshold = float(np.nextafter(max(known[allowed], threshold), np.inf))
    spread = threshold - float(np.median(known))
    return ScoreMap(threshold, spread if spread > 0 else float(known.std()))


def tail_quantile(values: FloatArray, share: float) -> float:
    """Return the value that a share of rows exceeds, from an exponential tail.

    The tail is the top 10 x share of the values (at least 10 of them). Its scale is the maximum
    likelihood estimate for an exponential distribution of which the greatest values, 1 x share,
    are only counted, not measured (Epstein and Sobel 1953): how extreme they are says nothing
    about usual rows. That excesses over a high threshold are nearly exponential (generalised
    Pareto with shape 0) where tails fall like those of the normal or gamma distribution is due to
    Pickands 1975.

    Args:
        values: Known raw scores, greatest first, shape (n,), n >= 1.
        share: Share of rows, 0 < share < 0.5.
    """
    n = len(values)
    tail = min(max(math.ceil(_TAIL * share * n), _MIN_TAIL_ROWS), n - 1)
    counted = min(math.ceil(share * n), tail - 1)
    if counted < 0:
        return float(values[0])
    base, cut = values[tail], values[counted]
    excess = (values[counted:tail] - base).sum() + counted * (cut - base)
    scale = float(excess) / (tail - counted)
    return float(base) + scale * math.log(max(tail / (n * share), 1.0))
