"""Metrics: precision and recall at a budget against an enumeration, directions, weights."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_squared_log_error

from ngm_assets.models.evaluation.metrics import Metric, metrics, precision_recall_at_budget


def _is_of_classes(metric: Metric) -> bool:
    """Return whether the metric takes positions of classes, not scores or quantities."""
    return "multiclass" in metric.problems


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
        output = np.round(score) if _is_of_classes(metric) else score
        weighted = metric.function(truth, output, weight.astype(float), 0.2)
        plain = metric.function(truth[repeated], output[repeated], np.ones(len(repeated)), 0.2)
        assert weighted == pytest.approx(plain), metric.name


def test_every_metric_prefers_the_truth_in_its_direction() -> None:
    truth = np.array([0.0, 0.0, 1.0, 1.0])
    good, bad = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.9, 0.8, 0.2, 0.1])
    for metric in metrics().values():
        outputs = (np.round(good), np.round(bad)) if _is_of_classes(metric) else (good, bad)
        better, worse = (metric.function(truth, output, np.ones(4), 0.5) for output in outputs)
        assert metric.sign * (better - worse) > 0, metric.name


def test_rmsle_is_the_published_formula() -> None:
    rng = np.random.default_rng(1)
    truth, output = rng.gamma(2, 100, 50), rng.gamma(2, 100, 50)
    ours = metrics()["rmsle"].function(truth, output, np.ones(50), 0.1)
    assert ours == pytest.approx(float(np.sqrt(mean_squared_log_error(truth, output))))


def test_the_metrics_of_classes_weigh_every_class_that_occurs_alike() -> None:
    truth = np.array([0.0] * 8 + [1.0, 2.0])
    output = np.zeros(10)
    found = {
        name: metrics()[name].function(truth, output, np.ones(10), 0.5)
        for name in ("accuracy", "balanced_accuracy", "macro_f1")
    }
    f1 = 2 * 0.8 * 1.0 / (0.8 + 1.0)
    assert found == pytest.approx({"accuracy": 0.8, "balanced_accuracy": 1 / 3, "macro_f1": f1 / 3})


def test_a_class_that_only_the_rule_names_is_a_miss_and_no_class_of_its_own() -> None:
    truth, output = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, -1.0, 1.0, 1.0])
    found = metrics()["macro_f1"].function(truth, output, np.ones(4), 0.5)
    assert found == pytest.approx((2 / 3 + 1) / 2)
