"""The few statistics features need, each in its textbook form and null where it is undefined."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def known(values: Iterable[float | None]) -> list[float]:
    """Return the values that are known."""
    return [v for v in values if v is not None]


def total(values: Iterable[float | None]) -> float | None:
    """Return the sum of the known values, or None when none is known."""
    found = known(values)
    return sum(found) if found else None


def mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of the known values."""
    found = known(values)
    return sum(found) / len(found) if found else None


def sample_std(values: Iterable[float | None]) -> float | None:
    """Return the sample standard deviation (n - 1); None below two values."""
    found = known(values)
    if len(found) < 2:
        return None
    centre = sum(found) / len(found)
    return sqrt(sum((v - centre) ** 2 for v in found) / (len(found) - 1))


def percentile(values: Iterable[float | None], share: float) -> float | None:
    """Return the continuous percentile: linear between the two nearest ordered values."""
    found = sorted(known(values))
    if not found:
        return None
    place = share * (len(found) - 1)
    below = int(place)
    above = min(below + 1, len(found) - 1)
    return found[below] + (found[above] - found[below]) * (place - below)


def median(values: Iterable[float | None]) -> float | None:
    """Return the median."""
    return percentile(values, 0.5)


def ratio(part: float | None, whole: float | None) -> float | None:
    """Return part / whole; None when either is unknown or the whole is zero."""
    return None if part is None or not whole else part / whole


def z_score(value: float, past: list[float]) -> float | None:
    """Return (value - mean) / sample deviation of the past; None below 3 values or at zero."""
    if len(past) < 3:
        return None
    centre, spread = mean(past), sample_std(past)
    return None if centre is None else ratio(value - centre, spread)
