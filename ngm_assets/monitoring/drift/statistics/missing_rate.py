"""Change of the share of rows without a known value."""

from __future__ import annotations

from ngm_assets.monitoring.drift.distribution import KINDS, Distribution
from ngm_assets.monitoring.drift.statistics.base import (
    Bands,
    Outcome,
    evaluated,
    not_evaluated,
)
from ngm_assets.monitoring.drift.statistics.significance import p_of_difference


class MissingRate:
    """Missing share now less the one in the reference, -1..1; the effect is its size.

    Values that come to be missing and values that cease to be count alike. The p-value is that of
    the two counts, known and missing, in each window.
    """

    name = "missing_rate"
    kinds = frozenset(KINDS)
    thresholds = Bands(0.1, 0.2, 0.35)

    def evaluate(self, reference: Distribution, current: Distribution) -> Outcome:
        """Compare two windows; only one without any row cannot be."""
        if not reference.rows:
            return not_evaluated("empty_reference")
        if not current.rows:
            return not_evaluated("empty_current")
        value = current.missing / current.rows - reference.missing / reference.rows
        one, other = _two_cells(reference), _two_cells(current)
        return evaluated(
            self, one, other, value=value, effect=abs(value), p_value=p_of_difference(one, other)
        )


def _two_cells(window: Distribution) -> Distribution:
    return Distribution("categorical", (window.known, window.missing), 0, window.repeats)
