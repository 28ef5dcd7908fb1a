"""Metrics: precision and recall at a budget against an enumeration, directions, weights."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_squared_log_error

from ngm_assets.models.metrics import metrics, precision_recall_at_budget


@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=2, max_size=6).filter(
        lambda rows: any(hit for _, hit in rows)
    ),
    flagged=st.integers(1, 5),
)
def test_precision_at_budget_is_the_mean_over_all_orders_of_equal_scores(
    rows: list[tuple[int, bool]], flagged: int
) -> None:
    flagged = min(flagged, len(rows))
    hits = []
    for order in permutations(rows):
        ranked = sorted(order, key=lambda row: -row[0])
        hits.append(sum(hit for _, hit in ranked[:flagged]))
    score = np.array([float(s) for s, _ in rows])
    truth = np.array([float(hit) for _, hit in rows])
    precision, recall = precision_recall_at_budget(
        truth, score, np.ones(len(rows)), flagged / len(rows)
    )
    assert precision == pytest.approx(np.mean(hits) / flagged)
    assert recall == pytest.approx(np.mean(hits) / truth.sum())


def test_weights_count_like_repeated_rows() -> None:
    rng = np.random.default_rng(0)
    truth, score = (rng.random(40) < 0.3).astype(float), rng.random(40)
    weight = rng.integers(1, 4, 40)
    repeated = np.repeat(np.arange(40), weight)
    for metric in metrics().values():
        weighted = metric.function(truth, score, weight.astype(float), 0.2)
        plain = metric.function(truth[repeated], score[repeated], np.ones(len(repeated)), 0.2)
        assert weighted == pytest.approx(plain), metric.name


def test_every_metric_prefers_the_truth_in_its_direction() -> None:
    truth = np.array([0.0, 0.0, 1.0, 1.0])
    good, bad = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.9, 0.8, 0.2, 0.1])
    for metric in metrics().values():
        better = metric.function(truth, good, np.ones(4), 0.5)
        worse = metric.function(truth, bad, np.ones(4), 0.5)
        assert metric.sign * (better - worse) > 0, metric.name


def test_rmsle_is_the_published_formula() -> None:
    rng = np.random.default_rng(1)
    truth, output = rng.gamma(2, 100, 50), rng.gamma(2, 100, 50)
    ours = metrics()["rmsle"].function(truth, output, np.ones(50), 0.1)
    assert ours == pytest.approx(float(np.sqrt(mean_squared_log_error(truth, output))))
