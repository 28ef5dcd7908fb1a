"""Growth of the share of categories that the reference does not list."""

from __future__ import annotations

from ngm_assets.monitoring.drift.distribution import Distribution, Kind
from ngm_assets.monitoring.drift.statistics.base import (
    Bands,
    Outcome,
    evaluated,
    without_values,
)
from ngm_assets.monitoring.drift.statistics.significance import p_of_difference


class UnseenCategories:
    """Share of known values outside the listed categories, less that in the reference, at least 0.

    Where the reference lists all its categories, this is exactly the share of values that it never
    saw. Where some were too rare or too many to be listed, new ones that only take their place do
    not show.
    """

    name = "unseen_categories"
    kinds: frozenset[Kind] = frozenset({"categorical"})
    thresholds = Bands(0.1, 0.2, 0.35)

    def evaluate(self, reference: Distribution, current: Distribution) -> Outcome:
        """Compare two windows whose last cell holds the categories that are not listed."""
        refused = without_values(reference, current)
        if refused is not None:
            return refused
        one, other = _two_cells(reference), _two_cells(current)
        growth = other.counts[1] / other.known - one.counts[1] / one.known
        value = max(0.0, growth)
        return evaluated(
            self,
            one,
            other,
            value=value,
            effect=value,
            p_value=p_of_difference(one, other) if growth > 0 else 1.0,
        )


def _two_cells(window: Distribution) -> Distribution:
    listed = (sum(window.counts[:-1]), window.counts[-1])
    return Distribution("categorical", listed, 0, window.repeats)
