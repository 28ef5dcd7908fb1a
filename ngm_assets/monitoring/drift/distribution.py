"""What the statistics compare: how many values of a column lie in each bin or category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["numeric", "categorical"]
KINDS: tuple[Kind, ...] = ("numeric", "categorical")


@dataclass(frozen=True)
class NumericBins:
    """Bins (-inf, e_1], (e_1, e_2], ..., (e_m, inf).

    Attributes:
        edges: e_1 < ... < e_m, finite; none = one bin.
    """

    edges: tuple[float, ...]

    @property
    def cells(self) -> int:
        """Number of bins."""
        return len(self.edges) + 1


@dataclass(frozen=True)
class TextBins:
    """Listed categories, and one cell for all others.

    Attributes:
        texts: Distinct categories, most frequent in the reference first.
    """

    texts: tuple[str, ...]

    @property
    def cells(self) -> int:
        """Number of listed categories and one."""
        return len(self.texts) + 1


Bins = NumericBins | TextBins


@dataclass(frozen=True)
class Distribution:
    """A column's values in one window.

    Attributes:
        kind: numeric or categorical.
        counts: Known values per bin in order, or per listed category with all others last.
        missing: Rows without a known value: null, NaN or infinite.
        repeats: Rows per independent observation, at least 1 (the design effect, Kish 1965): an
            entity that hardly changes in 7 days is counted 7 times and observed once. It weakens
            p-values and leaves values alone.
    """

    kind: Kind
    counts: tuple[int, ...]
    missing: int = 0
    repeats: float = 1.0

    def __post_init__(self) -> None:
        """Refuse impossible counts.

        Raises:
            ValueError: A count is negative, there is no cell, or `repeats` is below 1.
        """
        if not self.counts or min(*self.counts, self.missing) < 0 or not self.repeats >= 1.0:
            raise ValueError(f"No distribution: {self}")

    @property
    def known(self) -> int:
        """Rows with a known value."""
        return sum(self.counts)

    @property
    def rows(self) -> int:
        """All rows."""
        return self.known + self.missing

    @property
    def independent(self) -> float:
        """Independent observations behind the known values."""
        return self.known / self.repeats

    @property
    def constant(self) -> bool:
        """Whether all known values lie in one cell."""
        return sum(count > 0 for count in self.counts) == 1


def nothing(bins: Bins) -> Distribution:
    """Return the distribution of no rows."""
    kind: Kind = "numeric" if isinstance(bins, NumericBins) else "categorical"
    return Distribution(kind, (0,) * bins.cells)


def combined(parts: Sequence[Distribution]) -> Distribution:
    """Return the distribution of all rows of several, over the same cells; at least one.

    Raises:
        ValueError: They have other cells.
    """
    first = parts[0]
    if any((p.kind, len(p.counts)) != (first.kind, len(first.counts)) for p in parts):
        raise ValueError("Distributions over other cells cannot be added.")
    counts = tuple(map(sum, zip(*(part.counts for part in parts), strict=True)))
    return replace(first, counts=counts, missing=sum(part.missing for part in parts))
