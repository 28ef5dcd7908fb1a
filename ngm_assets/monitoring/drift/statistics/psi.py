"""Population stability index: how far the shares of the bins moved."""

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
from ngm_assets.monitoring.drift.statistics.ks import distance, p_of_distance
from ngm_assets.monitoring.drift.statistics.significance import noise, p_of_difference


class PopulationStabilityIndex:
    """Sum over the bins of (q - p) ln(q / p), p and q the shares in reference and current window.

    Unbounded, in nats; 0 = the same shares. A bin that is empty on one side counts there as half a
    row; one that is empty on both does not count. The p-value is that of the bins' counts. Sources:
    Siddiqi, Credit Risk Scorecards, 2006 (index and the bands 0.1 and 0.2); Yurdakul 2018 (what it
    is without drift).
    """

    name = "psi"
    kinds = frozenset(KINDS)
    thresholds = Bands(0.1, 0.2, 0.35)

    def evaluate(self, reference: Distribution, current: Distribution) -> Outcome:
        """Compare; the effect is the index less its expectation without drift."""
        refused = without_values(reference, current)
        if refused is not None:
            return refused
        value = stability_index(reference.counts, current.counts)
        return evaluated(
            self,
            reference,
            current,
            value=value,
            effect=max(0.0, value - noise(reference, current)),
            p_value=_p_value(reference, current),
            reason=remark(reference),
        )


def _p_value(reference: Distribution, current: Distribution) -> float:
    """Return the p-value of the counts; of numbers also that of their order (Bonferroni).

    With few independent observations the cells are merged until hardly one is left, and no shift
    could be told from chance; the distance of Kolmogorov and Smirnov needs no cells to be full.
    """
    p_value = p_of_difference(reference, current)
    if reference.kind != "numeric":
        return p_value
    ordered = p_of_distance(distance(reference, current), reference, current)
    return min(1.0, 2.0 * min(p_value, ordered))


def stability_index(reference: Sequence[int], current: Sequence[int]) -> float:
    """Return the index of two samples' counts, shape (k,) each, sums above 0."""
    before, now = sum(reference), sum(current)
    terms = []
    for one, other in zip(reference, current, strict=True):
        if one or other:
            p, q = (one or 0.5) / before, (other or 0.5) / now
            terms.append((q - p) * math.log(q / p))
    return math.fsum(terms)
