"""How likely chance alone makes two windows differ in their counts as much as they do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ngm_assets.monitoring.drift.distribution import Distribution

RARE = 0.01
"""Share of the reference below which a cell is rare."""
EXPECTED = 5.0
"""Rows to be expected in a cell for the chi-square approximation (Cochran 1954)."""

Cells = Sequence[tuple[float, float]]


def p_of_difference(reference: Distribution, current: Distribution) -> float:
    """Return the p-value of the known values' distribution being the same in both windows.

    Two tests share it (Bonferroni). Pearson's on neighbouring cells that are merged until 5 rows
    are expected in each; and, as Pearson's cries wolf where a single row falls into a cell that
    hardly exists in the reference, the exact conditional test of two rates (Przyborowski and
    Wilenski 1940) on all rare cells together, for more of them than before.

    Args:
        reference: At least one known value.
        current: The same cells, at least one known value.
    """
    return p_of_cells(
        [count / reference.repeats for count in reference.counts],
        [count / current.repeats for count in current.counts],
    )


def p_of_cells(reference: Sequence[float], current: Sequence[float]) -> float:
    """Return the p-value for counts of independent observations, shapes (k,), sums above 0."""
    before, now = sum(reference), sum(current)
    pairs = list(zip(reference, current, strict=True))
    rare = _added(pair for pair in pairs if pair[0] < RARE * before)
    frequent = [pair for pair in pairs if pair[0] >= RARE * before]
    p_merged = pearson(_merged([*frequent, rare], min(now / before, 1.0)))[1]
    p_rare = _more_than_before(rare, before, now)
    return min(1.0, 2.0 * min(p_merged, p_rare))


def pearson(cells: Cells) -> tuple[float, float]:
    """Return Pearson's X2 of homogeneity of two samples and its p-value; 0 and 1 with one cell.

    Args:
        cells: Counts (reference, current); cells that are empty in both do not count.
    """
    from scipy.special import chdtrc

    filled = [pair for pair in cells if pair[0] + pair[1] > 0]
    before, now = _added(filled)
    if len(filled) < 2 or not before or not now:
        return 0.0, 1.0
    total = before + now
    statistic = 0.0
    for pair in filled:
        both = pair[0] + pair[1]
        for count, rows in zip(pair, (before, now), strict=True):
            expected = both * rows / total
            statistic += (count - expected) ** 2 / expected
    return statistic, float(chdtrc(len(filled) - 1, statistic))


def noise(reference: Distribution, current: Distribution) -> float:
    """Return what PSI is expected to be without drift: (B - 1) (1/n + 1/m).

    B cells that are not empty in both, n and m independent observations. Source: Yurdakul,
    Statistical properties of population stability index, Western Michigan University 2018.
    """
    pairs = zip(reference.counts, current.counts, strict=True)
    filled = sum(one + other > 0 for one, other in pairs)
    return (filled - 1) * (1.0 / reference.independent + 1.0 / current.independent)


def _added(cells: Iterable[tuple[float, float]]) -> tuple[float, float]:
    pairs = list(cells)
    return sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)


def _merged(cells: Cells, ratio: float) -> list[tuple[float, float]]:
    """Merge cells in order until the reference lets expect 5 rows in each; the rest joins the last.

    Args:
        cells: Counts (reference, current).
        ratio: Rows of the smaller sample per row of the reference.
    """
    groups: list[tuple[float, float]] = []
    open_group = (0.0, 0.0)
    for pair in cells:
        open_group = _added([open_group, pair])
        if open_group[0] * ratio >= EXPECTED:
            groups.append(open_group)
            open_group = (0.0, 0.0)
    return [*groups[:-1], _added([*groups[-1:], open_group])]


def _more_than_before(rare: tuple[float, float], before: float, now: float) -> float:
    from scipy.special import betainc

    if not rare[1]:
        return 1.0
    return float(betainc(rare[1], rare[0] + 1.0, now / (before + now)))
