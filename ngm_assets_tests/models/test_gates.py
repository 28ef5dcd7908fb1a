"""The gates: each fails on its own ground, none passes on nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.models.evaluation.gates import Evidence, GateResult, gate_names, judge
from ngm_assets.models.evaluation.leakage import LeakageScan
from ngm_assets.models.evaluation.measures import Comparison, Measurement
from ngm_assets.models.evaluation.metrics import metrics

GOOD = Evidence(
    problem="binary",
    metric=metrics()["average_precision"],
    threshold=0.3,
    measured=Measurement("average_precision", 0.6, 0.5, 0.7, 500),
    baseline=Comparison(0.6, 0.4, 0.2, 0.1, 0.3, 500),
    champion=None,
    champion_tolerance=0.05,
    rows=2000,
    train_rows=1500,
    min_rows=200,
    holdout_rows=500,
    train_positives=100,
    holdout_positives=40,
    min_positives=20,
    leakage=LeakageScan("load", 0.8, "AUC"),
    unfinite=0,
    outputs=2500,
    calibration_error=0.03,
    max_calibration_error=0.1,
)
NO_METRIC: dict[str, Any] = {
    "measured": Measurement("average_precision", None, reason="no positives among 500 rows"),
    "baseline": Comparison(None, None, reason="no positives among 500 rows"),
    "holdout_positives": 0,
}


def gate(evidence: Evidence, name: str) -> GateResult:
    """Return one gate of the judgement."""
    return next(result for result in judge(evidence).gates if result.name == name)


def test_a_good_candidate_is_promoted() -> None:
    decision = judge(GOOD)
    assert decision.promote
    assert all(result.passed for result in decision.gates)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("minimum_data", {"rows": 199}),
        ("minimum_data", {"train_positives": 19}),
        ("metric_threshold", {"threshold": 0.61}),
        ("beats_baseline", {"baseline": Comparison(0.6, 0.61, -0.01, -0.1, 0.1, 500)}),
        ("beats_baseline", {"baseline": Comparison(0.6, 0.6, 0.0, -0.1, 0.1, 500)}),
        ("not_worse_than_champion", {"champion": Comparison(0.6, 0.7, -0.1, -0.15, -0.05, 90)}),
        ("leakage_scan", {"leakage": LeakageScan("answer", 0.995, "AUC")}),
        ("finite_predictions", {"unfinite": 1}),
        ("calibration", {"calibration_error": 0.11}),
    ],
)
def test_each_gate_alone_stops_the_candidate(name: str, change: dict[str, Any]) -> None:
    decision = judge(replace(GOOD, **change))
    assert not decision.promote
    assert [g.name for g in decision.gates if g.passed is not True] == [name]
    assert name in decision.reason


def test_lower_is_better_is_respected() -> None:
    measured = Measurement("brier", 0.2, rows=500)
    evidence = replace(GOOD, metric=metrics()["brier"], measured=measured)
    assert gate(replace(evidence, threshold=0.25), "metric_threshold").passed is True
    assert gate(replace(evidence, threshold=0.15), "metric_threshold").passed is False


def test_worse_than_the_champion_must_be_both_large_and_certain() -> None:
    def verdict(gain: float, low: float | None, high: float | None) -> bool | None:
        champion = Comparison(0.7 + gain, 0.7, gain, low, high, 90)
        return gate(replace(GOOD, champion=champion), "not_worse_than_champion").passed

    assert verdict(-0.1, -0.2, 0.01) is True
    assert verdict(-0.02, -0.03, -0.01) is True
    assert verdict(-0.1, -0.2, -0.01) is False
    assert verdict(-0.1, None, None) is True


def test_a_champion_that_cannot_be_compared_does_not_block_but_is_told() -> None:
    decision = judge(replace(GOOD, champion=Comparison(None, None, reason="12 rows")))
    assert decision.promote
    assert "not_worse_than_champion" in decision.reason
    assert (
        gate(replace(GOOD, champion=Comparison(None, None)), "not_worse_than_champion").passed
        is None
    )


@pytest.mark.parametrize("problem", ["binary", "regression"])
def test_a_supervised_model_that_cannot_be_evaluated_is_not_promoted(problem: str) -> None:
    decision = judge(replace(GOOD, problem=problem, **NO_METRIC))
    assert not decision.promote
    assert gate(replace(GOOD, **NO_METRIC), "metric_threshold").passed is None


def test_an_anomaly_model_without_a_proxy_incident_is_promoted_and_says_so() -> None:
    decision = judge(replace(GOOD, problem="anomaly", leakage=None, **NO_METRIC))
    assert decision.promote
    assert "could not be evaluated: metric_threshold, beats_baseline" in decision.reason


def test_an_anomaly_model_with_incidents_but_no_baseline_is_not_promoted() -> None:
    evidence = replace(
        GOOD, problem="anomaly", leakage=None, baseline=Comparison(None, None, reason="unknown")
    )
    assert not judge(evidence).promote


@given(
    problem=st.sampled_from(["anomaly", "binary", "regression"]),
    value=st.none() | st.floats(0, 1),
    gain=st.none() | st.floats(-1, 1),
    champion=st.none() | st.floats(-1, 1),
    rows=st.integers(0, 400),
    unfinite=st.integers(0, 1),
    leak=st.none() | st.floats(0.5, 1),
    error=st.none() | st.floats(0, 1),
)
def test_a_promotion_never_rests_on_a_failed_or_blocking_open_gate(
    problem: str,
    value: float | None,
    gain: float | None,
    champion: float | None,
    rows: int,
    unfinite: int,
    leak: float | None,
    error: float | None,
) -> None:
    evidence = replace(
        GOOD,
        problem=problem,
        measured=Measurement("average_precision", value),
        baseline=Comparison(value, 0.5, gain) if value is not None else Comparison(None, None),
        champion=None if champion is None else Comparison(0.5, 0.5, champion, -1, champion),
        rows=rows,
        unfinite=unfinite,
        leakage=LeakageScan("load", leak, "AUC"),
        calibration_error=error,
    )
    decision = judge(evidence)
    assert tuple(g.name for g in decision.gates) == gate_names(
        problem, thresholded=evidence.threshold is not None
    )
    assert decision.promote == all(g.passed is True for g in decision.gates if g.blocking)
    assert all(g.blocking for g in decision.gates if g.passed is False)
    if value is None:
        assert not decision.promote
