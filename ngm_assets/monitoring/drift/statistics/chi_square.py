"""Pearson's chi-square test of homogeneity of two samples of categories."""

from __future__ import annotations

from ngm_assets.monitoring.drift.distribution import Distribution, Kind
from ngm_assets.monitoring.drift.statistics.base import (
    Bands,
    Outcome,
    evaluated,
    remark,
    without_values,
)
from ngm_assets.monitoring.drift.statistics.significance import noise, pearson


class ChiSquare:
    """Sum of (observed - expected)^2 / expected over both samples' cells.

    Value and p-value equal `scipy.stats.chi2_contingency(..., correction=False)` without the cells
    that are empty in both. The value grows with the rows; the effect, value (1/n + 1/m) less what
    it is without drift, does not, and is close to the index of population stability, whose bands it
    takes. With a design effect the value is that of the rows, the p-value that of the independent
    observations. Source: Pearson 1900; Cohen, Statistical Power Analysis, 1988 (effect size w^2).
    """

    name = "chi_square"
    kinds: frozenset[Kind] = frozenset({"categorical"})
    thresholds = Bands(0.1, 0.2, 0.35)

    def evaluate(self, reference: Distribution, current: Distribution) -> Outcome:
        """Compare two samples."""
        refused = without_values(reference, current)
        if refused is not None:
            return refused
        value = pearson(list(zip(reference.counts, current.counts, strict=True)))[0]
        size = value * (1.0 / reference.known + 1.0 / current.known)
        weighed = [count / reference.repeats for count in reference.counts]
        against = [count / current.repeats for count in current.counts]
        return evaluated(
            self,
            reference,
            current,
            value=value,
            effect=max(0.0, size - noise(reference, current)),
            p_value=pearson(list(zip(weighed, against, strict=True)))[1],
            reason=remark(reference),
        )
