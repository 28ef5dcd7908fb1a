"""Hellinger distance: how far two windows lie apart, on a scale that ends at 1."""

from __future__ import annotations

import math

from ngm_assets.monitoring.drift.distribution import KINDS, Distribution
from ngm_assets.monitoring.drift.statistics.base import (
    Bands,
    Outcome,
    evaluated,
    remark,
    without_values,
)
from ngm_assets.monitoring.drift.statistics.significance import p_of_difference


class Hellinger:
    """Square root of 1 less the sum over the bins of sqrt(p q), p and q the shares.

    0 = the same shares, 1 = no bin in common. Without drift its square is about (k - 1) / 8 times
    (1 / n + 1 / m) for k bins and n and m independent rows, which the effect leaves out. Sources:
    Hellinger 1909; Pardo, Statistical Inference Based on Divergence Measures, 2006 (8 n H^2 is
    asymptotically chi-square).
    """

    name = "hellinger"
    kinds = frozenset(KINDS)
    thresholds = Bands(0.1, 0.2, 0.3)

    def evaluate(self, reference: Distribution, current: Distribution) -> Outcome:
        """Compare two windows over the same bins."""
        refused = without_values(reference, current)
        if refused is not None:
            return refused
        pairs = list(zip(reference.counts, current.counts, strict=True))
        shared = math.fsum(math.sqrt(before * now) for before, now in pairs)
        square = max(0.0, 1.0 - shared / math.sqrt(reference.known * current.known))
        bins = sum(before + now > 0 for before, now in pairs)
        chance = (bins - 1) / 8 * (1 / reference.independent + 1 / current.independent)
        return evaluated(
            self,
            reference,
            current,
            value=math.sqrt(square),
            effect=math.sqrt(max(0.0, square - chance)),
            p_value=p_of_difference(reference, current),
            reason=remark(reference),
        )
