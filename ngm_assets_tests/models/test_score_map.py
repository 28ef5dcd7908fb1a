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


@pytest.mark.parametrize("budget", [0.005, 0.01, 0.05])
@pytest.mark.parametrize("shape", [1.0, 3.0])
def test_usual_rows_to_come_reach_the_threshold_about_as_often_as_the_budget_says(
    budget: float, shape: float
) -> None:
    rng = np.random.default_rng(3)
    to_come = np.sort(rng.gamma(shape, size=200_000))
    thresholds = [fit_score_map(rng.gamma(shape, size=2000), budget).threshold for _ in range(40)]
    shares = 1 - np.searchsorted(to_come, thresholds) / len(to_come)
    assert budget <= np.median(shares) <= 1.7 * budget
    assert ((shares >= budget / 2) & (shares <= 2.5 * budget)).mean() >= 0.95


def test_incidents_among_the_training_rows_hardly_raise_the_threshold() -> None:
    rng = np.random.default_rng(5)
    raw = rng.exponential(size=4000)
    incidents = rng.uniform(20, 1000, size=20)
    fitted = fit_score_map(np.r_[raw, incidents], 0.005)
    assert 0.0025 <= np.exp(-fitted.threshold) <= 0.01
    assert (fitted.apply(incidents) > 0.5).all()
    assert fitted.threshold == fit_score_map(np.r_[raw, 1e6 * incidents], 0.005).threshold


def test_the_training_median_maps_to_a_quarter() -> None:
    raw = np.random.default_rng(1).gamma(2.0, size=1000)
    assert np.median(fit_score_map(raw, 0.01).apply(raw)) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("rows", [1, 2, 3, 10, 40])
def test_few_rows_still_give_a_threshold_above_their_median(rows: int) -> None:
    raw = np.arange(rows + 1.0)
    fitted = fit_score_map(raw, 0.01)
    assert fitted.spread > 0
    assert fitted.threshold >= np.median(raw)


def test_many_equal_scores_at_the_cut_do_not_flood_the_alerts() -> None:
    raw = np.r_[np.zeros(900), np.ones(95), np.full(5, 2.0)]
    score = fit_score_map(raw, 0.01).apply(raw)
    assert (score >= 0.5).mean() == pytest.approx(0.005)


def test_scores_that_do_not_vary_are_refused() -> None:
    with pytest.raises(InsufficientData, match="do not vary"):
        fit_score_map(np.full(50, 1.5), 0.01)
