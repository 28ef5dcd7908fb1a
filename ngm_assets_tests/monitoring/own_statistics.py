"""Drift statistics of a user's own: one as it should be, and some that are not."""

from __future__ import annotations

from ngm_assets.monitoring.drift.distribution import KINDS, Distribution
from ngm_assets.monitoring.drift.statistics.base import (
    Bands,
    Outcome,
    evaluated,
    remark,
    without_values,
)


class TotalVariation:
    """Half the sum of the shares' differences."""

    name = "total_variation"
    kinds = frozenset(KINDS)
    thresholds = Bands(0.1, 0.2, 0.3)

    def evaluate(self, reference: Distribution, current: Distribution) -> Outcome:
        """Compare two windows."""
        refused = without_values(reference, current)
        if refused is not None:
            return refused
        pairs = zip(reference.counts, current.counts, strict=True)
        value = sum(abs(a / reference.known - b / current.known) for a, b in pairs) / 2
        return evaluated(
            self,
            reference,
            current,
            value=value,
            effect=value,
            p_value=0.0,
            reason=remark(reference),
        )


class Nameless(TotalVariation):
    """Has no usable name."""

    name = "Total Variation"


class Kindless(TotalVariation):
    """Is for no column."""

    kinds = frozenset()


class Boundless(TotalVariation):
    """Has numbers where bands are due."""

    thresholds = (0.1, 0.2, 0.3)  # type: ignore[assignment]


class Impostor(TotalVariation):
    """Takes the name of another."""

    name = "psi"


class Number(TotalVariation):
    """Answers with a number."""

    def evaluate(self, reference: Distribution, current: Distribution) -> Outcome:
        """Return no outcome."""
        return 0.5  # type: ignore[return-value]


class Undefined(TotalVariation):
    """Divides by the known values of an empty window."""

    def evaluate(self, reference: Distribution, current: Distribution) -> Outcome:
        """Fail where there is no row."""
        value = float(current.counts[0] / current.known)
        return Outcome(value, value, None, "stable")


class Demanding(TotalVariation):
    """Cannot be created without arguments."""

    def __init__(self, more: int) -> None:
        self.more = more


class Moody(TotalVariation):
    """Fails on windows it was not tried on."""

    name = "moody"

    def evaluate(self, reference: Distribution, current: Distribution) -> Outcome:
        """Fail where many values are missing."""
        if current.missing > 10:
            raise RuntimeError("too many")
        return super().evaluate(reference, current)
