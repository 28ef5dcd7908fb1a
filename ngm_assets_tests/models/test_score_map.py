"""The score map: higher is worse, the budget is 0.5, the top never flattens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.errors import InsufficientData
from ngm_assets.models.estimators.score_map import ScoreMap, fit_score_map

raws = st.floats(-1e6, 1e6, allow_nan=False)


@given(
    threshold=st.floats(-100, 100),
    spread=st.floats(1e-2, 1e3),
    pair=st.tuples(raws, raws).filter(lambda p: abs(p[0] - p[1]) > 1e-3 * (1 + abs(p[0]))),
)
def test_the_map_keeps_the_order_and_stays_between_0_and_1(
    threshold: float, spread: float, pair: tuple[float, float]
) -> None:
    low, high = ScoreMap(threshold, spread).apply(np.sort(np.array(pair)))
    assert 0 < low < high < 1


def test_the_threshold_maps_to_a_half_and_unknown_stays_unknown() -> None:
    scores = ScoreMap(3.0, 2.0).apply(np.array([3.0, np.nan, 5.0, 1.0]))
    np.testing.assert_allclose(scores, [0.5, np.nan, 0.75, 0.25])


def test_extreme_rows_do_not_tie() -> None:
    scores = ScoreMap(1.0, 0.5).apply(np.array([1e3, 1e4, 1e5, 1e6]))
    assert (np.diff(scores) > 0).all()


@given(seed=st.integers(0, 10_000), budget=st.floats(0.005, 0.2))
def test_the_budget_of_training_rows_reaches_the_threshold(seed: int, budget: float) -> None:
    raw = np.random.default_rng(seed).gamma(2.0, size=1000)
    score = fit_score_map(raw, budget).apply(raw)
    assert abs((score >= 0.5).mean() - budget) <= 0.002
    assert np.median(score) == pytest.approx(0.25, abs=0.01)


def test_many_equal_scores_at_the_cut_do_not_flood_the_alerts() -> None:
    raw = np.r_[np.zeros(900), np.ones(95), np.full(5, 2.0)]
    score = fit_score_map(raw, 0.01).apply(raw)
    assert (score >= 0.5).mean() == pytest.approx(0.005)


def test_scores_that_do_not_vary_are_refused() -> None:
    with pytest.raises(InsufficientData, match="do not vary"):
        fit_score_map(np.full(50, 1.5), 0.01)
