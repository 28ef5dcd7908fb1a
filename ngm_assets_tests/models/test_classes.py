"""Several classes: positions and names, honest probabilities, reasons of the class named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.models.data.frames import ModelFrame
from ngm_assets.models.estimators.temperature import fit_temperature, softmax
from ngm_assets.models.estimators.xgboost_multiclass import (
    FittedClasses,
    XGBoostMulticlass,
    classified,
)
from ngm_assets.models.evaluation.measures import calibration_error
from ngm_assets_tests.models.making import CLASSES, frame_of, spec_of

if TYPE_CHECKING:
    from ngm_assets.models.data.frames import FloatArray


def _fit(frame: ModelFrame, **params: Any) -> FittedClasses:
    estimator = {"type": "xgboost_multiclass", "params": {"rounds": 30} | params}
    spec = spec_of("multiclass", classes=list(frame.classes), estimator=estimator)
    return XGBoostMulticlass.fit(frame, spec=spec, seed=1)


@pytest.fixture(scope="module")
def fitted() -> FittedClasses:
    """Return a model of three classes."""
    return _fit(frame_of("multiclass"))


def _scores(rows: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Return honest scores of four classes, and the class each row drew by them."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1.5, size=(rows, 4))
    drawn = (softmax(scores).cumsum(axis=1) > rng.random((rows, 1))).argmax(axis=1)
    return scores, drawn.astype(np.float64)


def test_position_name_and_probability_are_of_the_same_class(fitted: FittedClasses) -> None:
    features = frame_of("multiclass", seed=8).features
    outputs = fitted.predict(features)
    probabilities = softmax(fitted.margin(features), fitted.temperature)
    assert outputs.label is not None and outputs.probability is not None
    assert set(outputs.label) == set(CLASSES)
    for place, name in enumerate(CLASSES):
        assert ((outputs.label == name) == (outputs.prediction == place)).all()
    np.testing.assert_array_equal(outputs.probability, probabilities.max(axis=1))
    assert outputs.probability.min() >= 1 / len(CLASSES)


def test_classes_are_told_apart_by_what_makes_them(fitted: FittedClasses) -> None:
    row = frame_of("multiclass").features.iloc[:3].assign(load=[-3.0, 0.0, 3.0])
    label = fitted.predict(row).label
    assert label is not None and label.tolist() == list(CLASSES)


def test_a_class_that_never_occurred_is_known_but_not_predicted() -> None:
    frame = frame_of("multiclass")
    assert frame.label is not None
    label = np.where(frame.label == 2, 3.0, frame.label)
    fitted = _fit(replace(frame, label=label, classes=("low", "middle", "never", "high")))
    outputs = fitted.predict(frame.features)
    assert outputs.label is not None and outputs.probability is not None
    assert set(outputs.label) == set(CLASSES)
    assert set(outputs.prediction) == {0.0, 1.0, 3.0}
    assert softmax(fitted.margin(frame.features), fitted.temperature)[:, 2].max() < 0.1


def test_the_probability_comes_true_on_new_rows_even_of_trees_that_fit_too_closely() -> None:
    boastful = {"max_depth": 7, "min_child_weight": 0.1, "learning_rate": 0.5}
    fitted = _fit(frame_of("multiclass"), **boastful, early_stopping=1000, rounds=60)
    new = frame_of("multiclass", seed=99)

    def error(model: FittedClasses) -> float:
        outputs = model.predict(new.features)
        assert outputs.probability is not None
        hit = (outputs.prediction == new.label).astype(np.float64)
        found = calibration_error(hit, outputs.probability)
        assert found is not None
        return found

    assert fitted.temperature > 1.1
    assert error(fitted) < 0.06
    assert error(fitted) < error(replace(fitted, temperature=1.0))


def test_the_shap_values_sum_to_the_predicted_classs_margin(fitted: FittedClasses) -> None:
    features = frame_of("multiclass", seed=8).features
    place = fitted.predict(features).prediction.astype(int)
    margin = fitted.margin(features)[np.arange(len(features)), place]
    rest = margin - fitted.contributions(features).sum(axis=1)
    for one in range(len(CLASSES)):
        assert np.ptp(rest[place == one]) < 1e-3
    assert np.ptp(rest) > 1e-3 or len(set(place)) == 1


@pytest.mark.parametrize(("load", "place"), [(-3.0, 0), (3.0, 2)])
def test_what_makes_the_class_speaks_for_it_on_either_side(
    load: float, place: int, fitted: FittedClasses
) -> None:
    row = frame_of("multiclass").features.iloc[:1].assign(load=load, size=100.0, errors=0.0)
    assert fitted.predict(row).prediction[0] == place
    added = fitted.contributions(row)[0]
    assert added[0] > 0 and added[0] > abs(added[1:]).max()


@pytest.mark.parametrize("boast", [0.25, 1.0, 3.0])
def test_the_temperature_undoes_boasting_and_shyness(boast: float) -> None:
    scores, label = _scores(6000)
    assert fit_temperature(boast * scores, label) == pytest.approx(boast, rel=0.08)


def test_too_few_rows_leave_the_probabilities_as_they_are() -> None:
    scores, label = _scores(29)
    assert fit_temperature(5 * scores, label) == 1.0


def test_the_temperature_is_bounded_when_the_scores_say_nothing() -> None:
    scores, _ = _scores(500)
    label = np.random.default_rng(5).integers(0, 4, 500).astype(np.float64)
    assert 5 < fit_temperature(scores, label) <= np.exp(3.0)


@given(
    scores=st.lists(
        st.lists(st.floats(-500, 500, width=32), min_size=3, max_size=3), min_size=1, max_size=5
    ),
    temperature=st.floats(0.05, 20),
)
def test_probabilities_sum_to_one_and_no_temperature_changes_the_order(
    scores: list[list[float]], temperature: float
) -> None:
    array = np.array(scores, dtype=np.float64)
    found = softmax(array, temperature)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert (found >= 0).all()
    for row, probability in zip(array, found, strict=True):
        assert probability[row.argmax()] == probability.max()


def test_no_rows_have_no_classes() -> None:
    outputs = classified(np.empty((0, 3)), CLASSES)
    assert outputs.label is not None and outputs.probability is not None
    assert len(outputs.prediction) == len(outputs.label) == len(outputs.probability) == 0
