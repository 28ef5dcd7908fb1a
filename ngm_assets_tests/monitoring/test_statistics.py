"""Every statistic equals what other hands compute of the same counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from ngm_assets.monitoring.drift.distribution import Distribution, Kind
from ngm_assets.monitoring.drift.statistics.base import Outcome, Statistic
from ngm_assets.monitoring.drift.statistics.chi_square import ChiSquare
from ngm_assets.monitoring.drift.statistics.jensen_shannon import JensenShannon
from ngm_assets.monitoring.drift.statistics.ks import KolmogorovSmirnov
from ngm_assets.monitoring.drift.statistics.missing_rate import MissingRate
from ngm_assets.monitoring.drift.statistics.psi import PopulationStabilityIndex
from ngm_assets.monitoring.drift.statistics.significance import p_of_cells
from ngm_assets.monitoring.drift.statistics.unseen_categories import UnseenCategories

Counts = list[int]
Pair = tuple[Counts, Counts]
EVERY: list[Statistic] = [
    PopulationStabilityIndex(),
    KolmogorovSmirnov(),
    ChiSquare(),
    JensenShannon(),
    MissingRate(),
    UnseenCategories(),
]
NAMES = [statistic.name for statistic in EVERY]


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Draw counts of two windows over the same cells, empty cells too, 20 rows at least."""
    cells = draw(st.integers(2, 12))
    one = st.lists(st.integers(0, 3000), min_size=cells, max_size=cells)
    return draw(one.filter(lambda c: sum(c) >= 20)), draw(one.filter(lambda c: sum(c) >= 20))


def compared(statistic: Statistic, pair: Pair, kind: Kind | None = None) -> Outcome:
    """Return what a statistic says of two windows."""
    kind = kind or min(statistic.kinds)
    one, other = (Distribution(kind, tuple(counts)) for counts in pair)
    return statistic.evaluate(one, other)


@given(pairs())
@settings(max_examples=100, deadline=None)
def test_ks_is_that_of_the_values_put_into_bins(pair: Pair) -> None:
    values = [np.repeat(np.arange(len(counts)), counts) for counts in pair]
    expected = stats.ks_2samp(*values, method="asymp")
    found = compared(KolmogorovSmirnov(), pair)
    assert found.value == pytest.approx(expected.statistic, abs=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-12)


def test_ks_of_bins_never_exceeds_that_of_the_values() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        values = rng.normal(size=500), rng.normal(0.1 * seed, 1.5, size=300)
        edges = np.quantile(values[0], np.arange(1, 10) / 10)
        counts = [np.bincount(np.searchsorted(edges, v), minlength=10).tolist() for v in values]
        found = compared(KolmogorovSmirnov(), (counts[0], counts[1])).value
        assert found is not None
        assert found <= stats.ks_2samp(*values).statistic + 1e-12


@given(pairs())
@settings(max_examples=100, deadline=None)
def test_chi_square_is_scipys(pair: Pair) -> None:
    table = np.array(pair)
    table = table[:, table.sum(axis=0) > 0]
    expected = stats.chi2_contingency(table, correction=False)
    found = compared(ChiSquare(), pair)
    assert found.value == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-12)


@given(pairs())
@settings(max_examples=100, deadline=None)
def test_psi_is_the_sum_of_both_relative_entropies(pair: Pair) -> None:
    p, q = (np.array([c or 0.5 for c in counts]) / sum(counts) for counts in pair)
    filled = np.array(pair).sum(axis=0) > 0
    expected = float((q * np.log(q / p))[filled].sum())
    expected += float((p * np.log(p / q))[filled].sum())
    found = compared(PopulationStabilityIndex(), pair)
    assert found.value == pytest.approx(expected, abs=1e-9)


@given(pairs())
@settings(max_examples=100, deadline=None)
def test_jensen_shannon_is_scipys(pair: Pair) -> None:
    found = compared(JensenShannon(), pair).value
    assert found is not None
    assert found**2 == pytest.approx(float(jensenshannon(*pair, base=2)) ** 2, abs=1e-9)


@given(pairs())
@settings(max_examples=50, deadline=None)
def test_no_statistic_changes_when_the_windows_change_places_but_for_its_sign(pair: Pair) -> None:
    for statistic in EVERY:
        if statistic.name != "unseen_categories":
            one, other = compared(statistic, pair), compared(statistic, (pair[1], pair[0]))
            assert one.value is not None
            assert other.value is not None
            assert abs(one.value) == pytest.approx(abs(other.value), rel=1e-9, abs=1e-12)


@given(pairs())
@settings(max_examples=50, deadline=None)
def test_no_statistic_moves_where_the_shares_are_the_same(pair: Pair) -> None:
    for statistic in EVERY:
        found = compared(statistic, (pair[0], [3 * count for count in pair[0]]))
        assert found.value == pytest.approx(0.0, abs=1e-7)
        assert found.effect == pytest.approx(0.0, abs=1e-7)
        assert found.status == "stable"


def test_missing_rate_is_the_change_of_the_share() -> None:
    found = MissingRate().evaluate(
        Distribution("numeric", (700, 200), 100), Distribution("numeric", (100, 20), 80)
    )
    assert found.value == pytest.approx(0.3)
    assert found.status == "drifted"


def test_values_that_cease_to_be_missing_count_as_well() -> None:
    found = MissingRate().evaluate(
        Distribution("numeric", (500,), 500), Distribution("numeric", (1000,), 0)
    )
    assert found.value == pytest.approx(-0.5)
    assert found.effect == pytest.approx(0.5)


def test_unseen_categories_are_the_growth_of_what_is_not_listed() -> None:
    reference = Distribution("categorical", (600, 380, 20))
    found = UnseenCategories().evaluate(reference, Distribution("categorical", (500, 250, 250)))
    assert found.value == pytest.approx(0.25 - 0.02)
    fewer = UnseenCategories().evaluate(reference, Distribution("categorical", (600, 400, 0)))
    assert (fewer.value, fewer.status) == (0.0, "stable")


@pytest.mark.parametrize("statistic", EVERY, ids=NAMES)
def test_repeated_rows_weaken_the_p_value_and_leave_the_value(statistic: Statistic) -> None:
    def outcome(repeats: float) -> Outcome:
        kind = min(statistic.kinds)
        one = Distribution(kind, (300, 300, 300, 300), 100, repeats)
        return statistic.evaluate(one, Distribution(kind, (40, 50, 60, 70), 60, repeats))

    once, often = outcome(1.0), outcome(7.0)
    assert once.value == often.value
    assert once.p_value is not None
    assert often.p_value is not None
    assert often.p_value > once.p_value


@pytest.mark.parametrize("rows", [30, 200, 5000])
@pytest.mark.parametrize("cells", ["deciles", "long tail", "two"])
def test_chance_alone_is_seldom_significant(rows: int, cells: str) -> None:
    """At 1 % of 4,000 windows; long tails hold cells that a window sees now and then."""
    shares = {
        "deciles": np.full(10, 0.1),
        "long tail": 1.0 / np.arange(1, 51) ** 2,
        "two": np.array([0.995, 0.005]),
    }[cells]
    rng = np.random.default_rng(rows)
    shares = shares / shares.sum()
    before = rng.multinomial(20_000, shares, size=4000)
    now = rng.multinomial(rows, shares, size=4000)
    found = [p_of_cells(*pair) for pair in zip(before.tolist(), now.tolist(), strict=True)]
    assert np.mean(np.array(found) <= 0.01) <= 0.015
    assert np.mean(np.array(found) <= 0.001) <= 0.003


def test_the_bands_of_the_statistics_mean_the_same_for_a_small_shift() -> None:
    edges = stats.norm.ppf(np.arange(1, 200) / 200)
    cdf = [np.concatenate([[0], stats.norm.cdf(edges, loc=shift), [1]]) for shift in (0, 0.3)]
    counts = [np.round(np.diff(each) * 10_000_000).astype(int).tolist() for each in cdf]
    pair = counts[0], counts[1]
    found = {s.name: compared(s, pair).value or math.nan for s in EVERY[:4]}
    index = PopulationStabilityIndex.thresholds.moderate / found["psi"]
    assert found["ks"] * math.sqrt(index) == pytest.approx(
        KolmogorovSmirnov.thresholds.moderate, rel=0.03
    )
    assert found["jensen_shannon"] * math.sqrt(index) == pytest.approx(
        JensenShannon.thresholds.moderate, rel=0.03
    )


def test_the_effect_of_psi_is_what_chance_does_not_explain() -> None:
    pair = [40, 60, 80, 20], [90, 60, 40, 10]
    found = compared(PopulationStabilityIndex(), pair)
    assert found.value is not None
    assert found.effect == pytest.approx(found.value - 3 * (1 / 200 + 1 / 200))
