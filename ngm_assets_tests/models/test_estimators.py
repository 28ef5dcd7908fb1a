"""Estimators: deterministic, stored without pickle, and meaning what they say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngm_assets.errors import InsufficientData, ModelError
from ngm_assets.models.data.frames import ModelFrame
from ngm_assets.models.estimators.base import Fitted, registered_estimators, resolve_estimator
from ngm_assets.models.estimators.platt import fit_platt
from ngm_assets_tests.models.making import frame_of, spec_of, text_frame

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "xgboost_binary": ("binary", {"rounds": 40}),
    "xgboost_quantile": ("quantile", {"rounds": 40, "transform": "log", "offset": "size"}),
    "xgboost_multiclass": ("multiclass", {"rounds": 40}),
    "text_classifier": ("multiclass", {}),
    "xgboost_regression": ("regression", {"rounds": 40, "transform": "log", "offset": "size"}),
    "isolation_forest": (
        "anomaly",
        {"trees": 40, "observed": "load", "directions": {"load": "up"}},
    ),
    "robust_deviation": ("anomaly", {"observed": "size", "weights": {"errors": 2.0}}),
    "expected_profile": (
        "anomaly",
        {
            "observed": "errors",
            "profiles": {"errors": "errors_mean"},
            "days": "days",
            "directions": {"errors": "up"},
        },
    ),
}
DETECTORS = [name for name, (problem, _) in CASES.items() if problem == "anomaly"]


def _frame(name: str) -> ModelFrame:
    if name == "text_classifier":
        return text_frame()
    frame = frame_of(CASES[name][0])
    if name == "expected_profile":
        known = frame.features.assign(errors_mean=0.3, days=20.0)
        return replace(frame, features=known)
    return frame


def _fit(name: str, frame: ModelFrame | None = None, **params: Any) -> Fitted:
    problem, defaults = CASES[name]
    rows = frame or _frame(name)
    spec = spec_of(
        problem,
        features=list(rows.features.columns),
        estimator={"type": name, "params": defaults | params},
    )
    return resolve_estimator(name).fit(rows, spec=spec, seed=spec.seed)


def test_every_registered_estimator_is_covered_here() -> None:
    assert set(CASES) == set(registered_estimators())


@pytest.mark.parametrize("name", CASES)
def test_the_same_rows_and_seed_give_the_same_model(name: str) -> None:
    features = _frame(name).features
    first, second = (_fit(name).predict(features).prediction for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", CASES)
def test_a_stored_model_says_and_explains_the_same(name: str, tmp_path: Path) -> None:
    fitted, features = _fit(name), _frame(name).features
    meta = json.loads(json.dumps(fitted.save(tmp_path)))
    restored = resolve_estimator(name).load(tmp_path, meta)
    for field, ours in vars(fitted.predict(features)).items():
        theirs = getattr(restored.predict(features), field)
        if ours is None:
            assert theirs is None
        else:
            np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(fitted.contributions(features), restored.contributions(features))
    assert fitted.importance() == restored.importance()


@pytest.mark.parametrize("name", CASES)
def test_contributions_of_chosen_rows_are_those_of_all_rows(name: str) -> None:
    fitted, features = _fit(name), _frame(name).features
    chosen = np.array([5, 2, 40])
    np.testing.assert_allclose(
        fitted.contributions(features, chosen),
        fitted.contributions(features)[chosen],
        rtol=1e-4,
        atol=1e-5,
    )
    nothing = fitted.contributions(features, np.array([], dtype=np.intp))
    assert nothing.shape == (0, features.shape[1])


@pytest.mark.parametrize("name", CASES)
def test_no_rows_give_no_predictions(name: str) -> None:
    empty = _frame(name).features.iloc[:0]
    assert len(_fit(name).predict(empty).prediction) == 0


def test_the_calibration_is_learnt_on_later_rows_and_kept() -> None:
    fitted = _fit("xgboost_binary")
    platt = vars(fitted)["platt"]
    last_fifth = frame_of("binary").dates >= np.datetime64("2026-03-14")
    assert platt.rows == last_fifth.sum()
    assert platt.slope > 0


def test_a_calibration_never_reverses_the_order() -> None:
    margin = np.linspace(-2, 2, 100)
    assert fit_platt(margin, (margin < 0).astype(float)).slope == 1.0
    assert fit_platt(margin, np.r_[np.zeros(97), np.ones(3)]).rows == 0


def test_calibration_mends_boastful_margins() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(size=5000)
    label = (rng.random(5000) < 1 / (1 + np.exp(-honest))).astype(float)
    platt = fit_platt(3 * honest + 1, label)
    assert platt.slope == pytest.approx(1 / 3, abs=0.03)
    assert platt.intercept == pytest.approx(-1 / 3, abs=0.1)


def test_an_offset_makes_unknown_change_mean_no_change() -> None:
    """Where the label only repeats the offset, the model repeats it, far outside training too."""
    frame = frame_of("regression")
    features = frame.features.assign(size=frame.features["size"].fillna(100.0))
    label = features["size"].to_numpy() * np.exp(
        np.random.default_rng(0).normal(0, 1e-3, len(frame))
    )
    fitted = _fit("xgboost_regression", replace(frame, features=features, label=label))
    far = frame.features.iloc[:3].assign(size=[1e6, 2e6, 5.0])
    np.testing.assert_allclose(fitted.predict(far).prediction, far["size"], rtol=0.02)


def test_an_unknown_offset_is_taken_as_the_training_median() -> None:
    frame = frame_of("regression")
    fitted = _fit("xgboost_regression")
    unknown = frame.features.iloc[:5].assign(size=np.nan)
    assert vars(fitted)["scale"].offset_default == pytest.approx(frame.features["size"].median())
    assert np.isfinite(fitted.predict(unknown).prediction).all()


def test_a_log_target_refuses_negative_labels() -> None:
    frame = frame_of("regression")
    with pytest.raises(ModelError, match=r"1350 labels lie outside 0.0\.\.None, such as -1.0"):
        _fit("xgboost_regression", replace(frame, label=np.full(len(frame), -1.0)))


def test_one_class_or_a_constant_label_teaches_nothing() -> None:
    for name in set(CASES) - set(DETECTORS):
        frame = _frame(name)
        with pytest.raises(InsufficientData):
            _fit(name, replace(frame, label=np.ones(len(frame))))


def test_a_binary_label_of_another_kind_is_refused() -> None:
    frame = frame_of("binary")
    with pytest.raises(ModelError, match="0 or 1"):
        _fit("xgboost_binary", replace(frame, label=np.arange(len(frame), dtype=float)))


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_never_reads_the_proxy(name: str) -> None:
    frame = _frame(name)
    blind = replace(frame, label=None)
    np.testing.assert_array_equal(
        _fit(name, frame).predict(frame.features).prediction,
        _fit(name, blind).predict(frame.features).prediction,
    )


@pytest.mark.parametrize("name", DETECTORS)
def test_planted_rows_are_flagged_at_the_budget_and_quiet_rows_are_not(name: str) -> None:
    frame = _frame(name)
    assert frame.label is not None
    score = _fit(name).predict(frame.features).anomaly_score
    assert score is not None
    assert (score[frame.label == 1] >= 0.5).mean() >= 0.6
    assert (score[frame.label == 0] >= 0.5).mean() <= 0.01
    assert score[frame.label == 1].min() > np.quantile(score[frame.label == 0], 0.98)


@pytest.mark.parametrize("name", DETECTORS)
def test_only_the_bad_direction_counts(name: str) -> None:
    frame = _frame(name)
    fitted = _fit(name, directions={"load": "up", "size": "ignore", "errors": "ignore"})
    usual = frame.features.iloc[:1].assign(load=0.0, size=100.0, errors=0.0)
    low, normal, high = (
        fitted.predict(usual.assign(load=load)).prediction[0] for load in (-50.0, -0.5, 50.0)
    )
    assert low == normal < 0.5 < high
    assert fitted.contributions(usual.assign(load=-50.0))[0, 0] == 0
    assert fitted.contributions(usual.assign(load=50.0))[0, 0] > 10


@pytest.mark.parametrize("name", DETECTORS)
def test_ever_further_out_scores_ever_higher(name: str) -> None:
    fitted = _fit(name)
    row = _frame(name).features.iloc[:1]
    scores = [fitted.predict(row.assign(size=s)).prediction[0] for s in (1e4, 1e5, 1e6, 1e7)]
    assert (np.diff(scores) > 0).all()


def test_a_row_of_which_nothing_is_known_has_no_score() -> None:
    fitted = _fit("robust_deviation")
    row = frame_of("anomaly").features.iloc[:1]
    blank = row.assign(load=np.nan, size=np.nan, errors=np.nan)
    assert np.isnan(fitted.predict(blank).prediction[0])
    assert np.isfinite(fitted.predict(blank.assign(load=0.0)).prediction[0])


def test_the_first_days_of_a_history_teach_no_norm() -> None:
    frame = _frame("robust_deviation")
    early = frame.dates < frame.dates.min() + np.timedelta64(28, "D")
    noisy = frame.features.mul(np.where(early, 50.0, 1.0), axis=0)
    for settle_days, same in ((28, True), (0, False), (70, False)):
        usual = _fit("robust_deviation", settle_days=settle_days)
        fitted = _fit("robust_deviation", replace(frame, features=noisy), settle_days=settle_days)
        assert (vars(usual)["score_map"] == vars(fitted)["score_map"]) is same


def test_a_wrong_direction_is_refused() -> None:
    with pytest.raises(ModelError, match="sideways"):
        _fit("robust_deviation", directions={"load": "sideways"})


def test_features_that_never_vary_cannot_make_a_norm() -> None:
    frame = frame_of("anomaly")
    still = replace(frame, features=frame.features * 0.0)
    with pytest.raises(InsufficientData, match="varies"):
        _fit("robust_deviation", still)


def test_a_forest_with_foreign_types_is_not_loaded(tmp_path: Path) -> None:
    import skops.io
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    meta = _fit("isolation_forest").save(tmp_path)
    foreign = Pipeline([("step", FunctionTransformer(func=json.dumps))])
    skops.io.dump(foreign, tmp_path / "model.skops")
    with pytest.raises(ModelError, match="untrusted"):
        resolve_estimator("isolation_forest").load(tmp_path, meta)
