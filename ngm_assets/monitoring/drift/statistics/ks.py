"""Kolmogorov-Smirnov: the largest gap between two cumulative distributions."""

from __future__ import annotations

from itertools import accumulate

from ngm_assets.monitoring.drift.distribution import Distribution, Kind
from ngm_assets.monitoring.drift.statistics.base import (
    Bands,
    Outcome,
    evaluated,
    remark,
    without_values,
)


class KolmogorovSmirnov:
    """Largest |F(e) - G(e)| over the edges of the bins, 0..1.

    It equals the statistic of the raw values as far as the edges show them: a lower bound of it,
    and exactly that of the values with each replaced by its bin (`scipy.stats.ks_2samp` of those,
    method `asymp`, p-value too). As binned values have ties, the p-value is too large rather than
    too small. The bands are what a shift of a normal distribution shows whose index of population
    stability is 0.1, 0.2 and 0.35. Source: Hodges, The significance probability of the Smirnov
    two-sample test, 1958.
    """

    name = "ks"
    kinds: frozenset[Kind] = frozenset({"numeric"})
    thresholds = Bands(0.126, 0.178, 0.236)

    def evaluate(self, reference: Distribution, current: Distribution) -> Outcome:
        """Compare; the effect is the statistic itself."""
        refused = without_values(reference, current)
        if refused is not None:
            return refused
        value = distance(reference, current)
        return evaluated(
            self,
            reference,
            current,
            value=value,
            effect=value,
            p_value=p_of_distance(value, reference, current),
            reason=remark(reference),
        )


def distance(reference: Distribution, current: Distribution) -> float:
    """Return the largest |F(e) - G(e)| over the edges, 0..1; both have known values."""
    before, now = reference.known, current.known
    sums = zip(accumulate(reference.counts), accumulate(current.counts), strict=True)
    return max(abs(one / before - other / now) for one, other in sums)


def p_of_distance(statistic: float, reference: Distribution, current: Distribution) -> float:
    """Return the p-value of a distance, for the independent observations of both windows."""
    from scipy.stats import kstwo

    n, m = reference.independent, current.independent
    if statistic == 0.0:
        return 1.0
    rows = max(1, round(n * m / (n + m)))
    return min(1.0, max(0.0, float(kstwo.sf(statistic, rows))))
