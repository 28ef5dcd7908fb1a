"""Measurements: intervals over days, honest absence, calibration, lift, paired comparison."""

from __future__ import annotations

import numpy as np
import pytest

from ngm_assets.models.evaluation import measures as ev
from ngm_assets.models.evaluation.metrics import metrics

DATES = np.repeat(np.datetime64("2026-01-01", "D") + np.arange(20), 10)


def test_an_interval_holds_the_value_and_is_the_same_each_time() -> None:
    rng = np.random.default_rng(0)
    truth, output = rng.normal(size=200), rng.normal(size=200)
    once, again = (
        ev.measure(metrics()["mae"], truth, output, budget=0.1, dates=DATES, seed=5)
        for _ in range(2)
    )
    assert once == again
    assert once.value is not None and once.low is not None and once.high is not None
    assert once.low < once.value < once.high


def test_days_are_resampled_as_blocks() -> None:
    """When all rows of a day share one error, 20 days say less than 200 free rows do."""
    rng = np.random.default_rng(1)
    by_day, free = np.repeat(rng.normal(size=20), 10), rng.normal(size=200)
    zero, mae = np.zeros(200), metrics()["mae"]
    spread = [
        float(np.std(ev.bootstrap(mae, zero, [error], DATES, budget=0.1, seed=0)))
        for error in (by_day, free)
    ]
    assert spread[0] > 1.5 * spread[1]


@pytest.mark.parametrize(
    ("truth", "output", "reason"),
    [
        (np.zeros(5), np.ones(5), "no positives among 5 rows"),
        (np.ones(5), np.ones(5), "only positives among 5 rows"),
        (np.array([]), np.array([]), "no rows"),
        (np.array([0.0, 1.0]), np.array([0.5, np.nan]), "1 outputs are not finite"),
    ],
)
def test_what_cannot_be_measured_has_no_value_but_a_reason(
    truth: np.ndarray, output: np.ndarray, reason: str
) -> None:
    found = ev.measure(metrics()["average_precision"], truth, output, budget=0.1)
    assert (found.value, found.reason) == (None, reason)


def test_a_gain_is_positive_when_ours_is_better_whatever_the_direction() -> None:
    rng = np.random.default_rng(2)
    truth = (rng.random(200) < 0.4).astype(float)
    good, bad = np.clip(truth * 0.8 + 0.1, 0, 1), rng.random(200)
    for name in ("average_precision", "brier"):
        found = ev.compare(metrics()[name], truth, good, bad, dates=DATES, budget=0.1, seed=0)
        assert found.gain is not None and found.gain > 0
        assert found.gain_low is not None and found.gain_low > 0


def test_a_comparison_uses_only_rows_known_to_both() -> None:
    truth = np.arange(200.0)
    theirs = truth + 1
    theirs[:50] = np.nan
    found = ev.compare(metrics()["mae"], truth, truth, theirs, dates=DATES, budget=0.1, seed=0)
    assert (found.rows, found.ours, found.theirs) == (150, 0.0, 1.0)


def test_calibration_error_is_zero_for_honest_and_large_for_boastful_probabilities() -> None:
    rng = np.random.default_rng(3)
    honest = rng.random(20_000)
    truth = (rng.random(20_000) < honest).astype(float)
    honest_error = ev.calibration_error(truth, honest)
    boastful_error = ev.calibration_error(truth, np.full(20_000, 0.9))
    assert honest_error is not None and honest_error < 0.02
    assert boastful_error == pytest.approx(0.4, abs=0.02)
    assert ev.calibration_error(np.array([]), np.array([])) is None


def test_lift_compares_the_flagged_rows_with_the_base_rate() -> None:
    truth = np.r_[np.ones(10), np.zeros(90)]
    assert ev.lift_at_budget(truth, np.arange(100.0)[::-1], 0.1) == pytest.approx(10.0)
    assert ev.lift_at_budget(np.zeros(100), np.arange(100.0), 0.1) is None
