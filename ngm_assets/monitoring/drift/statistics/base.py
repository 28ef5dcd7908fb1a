"""The contract of a drift statistic: what it is given, and what it may answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.drift.distribution import Distribution, Kind

Status = Literal["stable", "drifted", "could_not_evaluate"]
DriftSeverity = Literal["none", "moderate", "severe", "critical"]
DRIFT_SEVERITIES: tuple[DriftSeverity, ...] = ("none", "moderate", "severe", "critical")
SIGNIFICANCE = 0.001
"""Largest p-value that is taken for more than chance."""
FEWEST_ROWS = 20
"""Known values below which nothing is said about a window."""


@dataclass(frozen=True)
class Bands:
    """Effects from which drift is moderate, severe and critical; below the first it is none.

    Raises:
        ConfigError: They are not positive and rising.
    """

    moderate: float
    severe: float
    critical: float

    def __post_init__(self) -> None:
        """Refuse what is not positive and rising."""
        if not 0 < self.moderate <= self.severe <= self.critical < math.inf:
            raise ConfigError(
                f"The bands {self.moderate}, {self.severe}, {self.critical} do not rise from 0.",
                mend="Give 0 < moderate <= severe <= critical.",
            )

    def severity(self, effect: float) -> DriftSeverity:
        """Return the worst band an effect reaches."""
        reached = sum(effect >= bound for bound in (self.moderate, self.severe, self.critical))
        return DRIFT_SEVERITIES[reached]


@dataclass(frozen=True)
class Outcome:
    """What a statistic says of one column.

    Attributes:
        value: The statistic as textbooks define it; None where there is none.
        effect: What the bands apply to: the value on a scale that does not grow with the rows,
            less what so few rows show without any drift; None where there is no value.
        p_value: How likely chance alone shows as much; None where that is not known.
        status: By the default bands and significance, the column taken by itself.
        reason: Why it could not be evaluated, or what is special; empty where nothing is.
    """

    value: float | None
    effect: float | None
    p_value: float | None
    status: Status
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse numbers that are none, and silence about why.

        Raises:
            ValueError: A number is not finite, a p-value is outside 0..1, an evaluated outcome has
                no value or effect, or one that could not be evaluated has no reason.
        """
        numbers = [x for x in (self.value, self.effect, self.p_value) if x is not None]
        evaluated = self.status != "could_not_evaluate"
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"not a finite number: {self}")
        if self.p_value is not None and not 0.0 <= self.p_value <= 1.0:
            raise ValueError(f"not a probability: {self}")
        if (evaluated and None in (self.value, self.effect)) or not (evaluated or self.reason):
            raise ValueError(f"neither an answer nor a reason: {self}")


class Statistic(Protocol):
    """A measure of drift. Created without arguments, without state."""

    @property
    def name(self) -> str:
        """Name in tables and settings."""
        ...

    @property
    def kinds(self) -> frozenset[Kind]:
        """Kinds of columns it is for."""
        ...

    @property
    def thresholds(self) -> Bands:
        """Default bands of its effect."""
        ...

    def evaluate(self, reference: Distribution, current: Distribution) -> Outcome:
        """Compare two distributions over the same cells; neither is changed."""
        ...


def evaluated(
    statistic: Statistic,
    reference: Distribution,
    current: Distribution,
    *,
    value: float,
    effect: float,
    p_value: float,
    reason: str = "",
) -> Outcome:
    """Return the outcome of a computed statistic; too few rows make it one of no weight.

    Args:
        statistic: Whose thresholds apply.
        reference: What was compared.
        current: With what.
        value: As textbooks define it.
        effect: What the thresholds apply to.
        p_value: How likely chance alone shows as much.
        reason: What is special.
    """
    if min(reference.known, current.known) < FEWEST_ROWS:
        return Outcome(value, effect, p_value, "could_not_evaluate", "too_few_rows")
    drifted = effect >= statistic.thresholds.moderate and p_value <= SIGNIFICANCE
    return Outcome(value, effect, p_value, "drifted" if drifted else "stable", reason)


def not_evaluated(reason: str) -> Outcome:
    """Return the outcome of a statistic that has no value."""
    return Outcome(None, None, None, "could_not_evaluate", reason)


def without_values(reference: Distribution, current: Distribution) -> Outcome | None:
    """Return the named outcome where one side has no known value; None where both have.

    Raises:
        ValueError: The two are not over the same cells.
    """
    if (reference.kind, len(reference.counts)) != (current.kind, len(current.counts)):
        raise ValueError("Reference and current window are not over the same cells.")
    if not reference.known:
        return not_evaluated("empty_reference")
    if not current.known:
        return not_evaluated("empty_current")
    return None


def remark(reference: Distribution) -> str:
    """Return what is special about a reference whose values are compared; mostly nothing."""
    return "constant_reference" if reference.constant else ""
