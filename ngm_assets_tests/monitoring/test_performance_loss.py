"""When a live metric counts as worse than the holdout's, and what makes the two comparable."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from ngm_assets.models.evaluation.metrics import average_precision, metrics
from ngm_assets.monitoring.performance.live import at_share
from ngm_assets.monitoring.performance.loss import Estimate, Loss, judge_loss, relative_loss

RANKINGS = [name for name, metric in metrics().items() if metric.needs_both_classes]
BOUND = 0.2
VALUES = st.floats(-100, 100).map(lambda value: round(value, 3))
GAINS = st.none() | st.floats(-1, 1)


class Sample(NamedTuple):
    """Rows to rank: truth, score and weight, each of shape (n,)."""

    truth: Any
    score: Any
    weight: Any


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    """Draw a value with an interval around it."""
    value, below, above = (draw(VALUES) for _ in range(3))
    return Estimate(value, value - abs(below) / 10, value + abs(above) / 10)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """Draw rows of both classes with ties among their scores."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.integers(4, 60))
    truth = (rng.random(size) < 0.4).astype(float)
    truth[:2] = 0.0, 1.0
    score = np.round(rng.random(size) + truth / 4, draw(st.sampled_from([1, 8])))
    return Sample(truth, score, rng.integers(1, 4, size).astype(float))


def judged(
    live: Estimate, holdout: Estimate, sign: float = 1.0, gain_high: float | None = None
) -> Loss:
    """Judge by the bound of the tests."""
    return judge_loss(live, holdout, sign, gain_high, BOUND)


HOLDOUT = Estimate(0.8, 0.75, 0.85)


@pytest.mark.parametrize(
    ("live", "gain_high", "severity"),
    [
        (Estimate(0.8, 0.7, 0.9), -0.1, "none"),
        (Estimate(0.65, 0.64, 0.66), -0.1, "none"),
        (Estimate(0.62, 0.5, 0.76), -0.1, "none"),
        (Estimate(0.62, 0.5, 0.7), 0.1, "moderate"),
        (Estimate(0.62, 0.5, 0.7), None, "moderate"),
        (Estimate(0.62, 0.5, 0.7), -0.1, "severe"),
        (Estimate(0.4, 0.3, 0.5), -0.1, "critical"),
        (Estimate(0.4, 0.3, 0.5), 0.0, "moderate"),
        (Estimate(0.95, 0.9, 1.0), -0.1, "none"),
    ],
)
def test_the_severity_of_a_loss(live: Estimate, gain_high: float | None, severity: str) -> None:
    loss = judged(live, HOLDOUT, gain_high=gain_high)
    assert loss.severity == severity
    assert loss.status == ("stable" if severity == "none" else "degraded")


@given(estimates(), estimates(), GAINS)
def test_lower_is_better_mirrors_higher_is_better(
    live: Estimate, holdout: Estimate, gain_high: float | None
) -> None:
    def mirrored(each: Estimate) -> Estimate:
        assert each.low is not None
        assert each.high is not None
        return Estimate(-each.value, -each.high, -each.low)

    assert judged(live, holdout, 1.0, gain_high) == judged(
        mirrored(live), mirrored(holdout), -1.0, gain_high
    )


@given(estimates(), estimates(), st.sampled_from([1.0, -1.0]), GAINS)
def test_only_a_loss_beyond_the_bound_and_beyond_chance_is_degraded(
    live: Estimate, holdout: Estimate, sign: float, gain_high: float | None
) -> None:
    loss = judged(live, holdout, sign, gain_high)
    assert (loss.status == "degraded") == (loss.severity != "none")
    assert loss.relative is None or math.isfinite(loss.relative)
    assert (loss.relative is None) <= (loss.status == "could_not_evaluate")
    if loss.status == "degraded":
        assert loss.relative is not None
        assert loss.relative >= BOUND
        assert live.low is not None
        assert live.high is not None
        assert not (live.low <= holdout.value <= live.high)
    if loss.severity in ("severe", "critical"):
        assert gain_high is not None
        assert gain_high < 0


@pytest.mark.parametrize(("live", "loss"), [(0.5, None), (0.0, 0.0), (-0.5, 0.0)])
def test_no_share_of_a_perfect_error_can_be_lost(live: float, loss: float | None) -> None:
    assert relative_loss(live, 0.0, sign=-1.0) == loss


def test_a_negative_metric_loses_a_share_of_its_size() -> None:
    assert relative_loss(-3.0, -2.0, sign=1.0) == pytest.approx(0.5)
    assert relative_loss(-1.0, -2.0, sign=1.0) == pytest.approx(-0.5)


@pytest.mark.parametrize("missing", ["live", "holdout", "both"])
def test_without_an_interval_nothing_is_said(missing: str) -> None:
    bare = Estimate(0.1, None, None)
    live = bare if missing != "holdout" else Estimate(0.1, 0.05, 0.15)
    holdout = HOLDOUT if missing == "live" else Estimate(0.8, None, None)
    loss = judged(live, holdout, gain_high=-1.0)
    assert (loss.status, loss.severity) == ("could_not_evaluate", "none")
    assert loss.relative == pytest.approx(0.875)


@given(samples())
def test_average_precision_is_that_of_scikit_learn(rows: Sample) -> None:
    found = average_precision(*rows, 0.1)
    assert found == pytest.approx(
        average_precision_score(rows.truth, rows.score, sample_weight=rows.weight), abs=1e-12
    )


@pytest.mark.parametrize("name", RANKINGS)
@given(samples())
def test_at_the_share_it_has_a_ranking_scores_what_it_scores(name: str, rows: Sample) -> None:
    metric = metrics()[name]
    share = float(rows.weight[rows.truth > 0].sum() / rows.weight.sum())
    found = at_share(metric, share).function(*rows, 0.2)
    assert found == pytest.approx(metric.function(*rows, 0.2), abs=1e-9)


@pytest.mark.parametrize("name", RANKINGS)
@given(samples(), st.integers(2, 6), st.floats(0.05, 0.95))
def test_more_of_the_same_quiet_rows_change_nothing(
    name: str, rows: Sample, times: int, share: float
) -> None:
    """A model is as good as before where only the number of incidents fell."""
    metric = at_share(metrics()[name], share)
    quiet = rows.truth == 0
    more = Sample(*(np.r_[each, np.tile(each[quiet], times - 1)] for each in rows))
    assert metric.function(*more, 0.2) == pytest.approx(metric.function(*rows, 0.2), abs=1e-9)


def test_without_it_the_same_ranking_loses_half_its_average_precision() -> None:
    truth = np.repeat([1.0, 0.0], [20, 80])
    score = np.r_[np.linspace(0.2, 1.0, 20), np.linspace(0.0, 0.8, 80)]
    more = np.r_[truth, np.zeros(80 * 9)], np.r_[score, np.tile(score[20:], 9)]
    ones = np.ones(len(more[0]))
    before = average_precision(truth, score, np.ones(100), 0.1)
    assert average_precision(*more, ones, 0.1) < 0.6 * before
    same = at_share(metrics()["average_precision"], 0.2).function(*more, ones, 0.1)
    assert same == pytest.approx(before)
