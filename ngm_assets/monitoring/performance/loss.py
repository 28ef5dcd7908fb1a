"""The rule for when a model counts as worse than its holdout promised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ngm_assets.monitoring.drift.statistics.base import DriftSeverity

Verdict = Literal["stable", "degraded", "could_not_evaluate"]
CRITICAL_FACTOR = 2.0


@dataclass(frozen=True)
class Estimate:
    """A metric's value with the ends of its 90 % interval."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Loss:
    """What is said of a loss.

    Attributes:
        status: stable, degraded or could_not_evaluate.
        severity: none, moderate, severe or critical.
        relative: Loss as a share of the holdout's value, positive = worse; None = no such share.
        reason: Why it could not be evaluated, or what was found; empty where nothing is.
    """

    status: Verdict
    severity: DriftSeverity
    relative: float | None
    reason: str


def judge_loss(
    live: Estimate, holdout: Estimate, sign: float, baseline_gain_high: float | None, bound: float
) -> Loss:
    """Judge a live metric against the holdout's.

    A model is degraded where it lost at least `bound` of the holdout's value and the two 90 %
    intervals do not touch. The holdout's value is an estimate like the live one, and of a model
    that was kept because it came out well; intervals over few blocks of days are too short. So
    apart they must lie, which is stricter than a test of the difference. Degraded is

    - moderate: no more than that;
    - severe: also surely worse than the baseline on the same rows, so that it is the model which
      failed and not the days that were hard;
    - critical: severe, and twice the bound is lost.

    Args:
        live: The live metric, made comparable to the holdout's.
        holdout: The holdout's.
        sign: +1 where higher is better, -1 where lower is.
        baseline_gain_high: Upper end of the gain over the baseline; None = not known.
        bound: Least loss, as a share of the holdout's value.
    """
    relative = relative_loss(live.value, holdout.value, sign)
    if relative is None:
        return could_not("the holdout's value is 0: no share of it can be lost")
    if live.low is None or live.high is None:
        return could_not("too few resamples with a value for an interval", relative)
    if holdout.low is None or holdout.high is None:
        return could_not("the holdout's value has no interval", relative)
    if relative < bound:
        return Loss("stable", "none", relative, "")
    said = f"{relative:.0%} worse than the holdout"
    apart = live.high < holdout.low if sign > 0 else live.low > holdout.high
    if not apart:
        return Loss("stable", "none", relative, f"{said}, which may be chance")
    if baseline_gain_high is None:
        return Loss("degraded", "moderate", relative, f"{said}; the baseline is not known")
    if baseline_gain_high >= 0:
        return Loss("degraded", "moderate", relative, f"{said}; not surely worse than the baseline")
    severity: DriftSeverity = "critical" if relative >= CRITICAL_FACTOR * bound else "severe"
    return Loss("degraded", severity, relative, f"{said} and surely worse than the baseline")


def relative_loss(live: float, holdout: float, sign: float) -> float | None:
    """Return the loss as a share of the holdout's absolute value, positive = worse.

    Where the holdout's value is 0 there is no such share: 0 if nothing is lost, else None.
    """
    loss = sign * (holdout - live)
    if holdout == 0.0:
        return 0.0 if loss <= 0.0 else None
    return loss / abs(holdout)


def could_not(reason: str, relative: float | None = None) -> Loss:
    """Return that nothing can be said, and why."""
    return Loss("could_not_evaluate", "none", relative, reason)
