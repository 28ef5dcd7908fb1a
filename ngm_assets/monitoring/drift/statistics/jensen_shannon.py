"""Jensen-Shannon distance: how well one value tells which window it is from."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ngm_assets.monitoring.drift.distribution import KINDS, Distribution
from ngm_assets.monitoring.drift.statistics.base import (
    Bands,
    Outcome,
    evaluated,
    remark,
    without_values,
)
from ngm_assets.monitoring.drift.statistics.significance import noise, p_of_difference

INDEX_PER_DIVERGENCE = 8.0 * math.log(2.0)
"""PSI over Jensen-Shannon divergence in bits, in the limit of small differences."""


class JensenShannon:
    """Square root of the Jensen-Shannon divergence in bits, 0..1; 1 = nothing in common.

    Equals `scipy.spatial.distance.jensenshannon(p, q, base=2)`. The bands are the distances at
    which the index of population stability is 0.1, 0.2 and 0.35 for small differences. Sources:
    Lin, Divergence measures based on the Shannon entropy, 1991; Endres and Schindelin 2003 (root).
    """

    name = "jensen_shannon"
    kinds = frozenset(KINDS)
    thresholds = Bands(0.134, 0.190, 0.251)

    def evaluate(self, reference: Distribution, current: Distribution) -> Outcome:
        """Compare; the effect is the distance less its expectation without drift."""
        refused = without_values(reference, current)
        if refused is not None:
            return refused
        divergence = _divergence(reference.counts, current.counts)
        chance = noise(reference, current) / INDEX_PER_DIVERGENCE
        return evaluated(
            self,
            reference,
            current,
            value=math.sqrt(divergence),
            effect=math.sqrt(max(0.0, divergence - chance)),
            p_value=p_of_difference(reference, current),
            reason=remark(reference),
        )


def _divergence(reference: Sequence[int], current: Sequence[int]) -> float:
    before, now = sum(reference), sum(current)
    terms = []
    for one, other in zip(reference, current, strict=True):
        p, q = one / before, other / now
        terms += [share * math.log2(2 * share / (p + q)) for share in (p, q) if share]
    return min(1.0, max(0.0, math.fsum(terms) / 2.0))
