"""Quantiles: in order, honest about their width on new rows, inside the legal range."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.errors import ModelError
from ngm_assets.models.data.frames import ModelFrame, sampled
from ngm_assets.models.estimators.boosting import LateSlice
from ngm_assets.models.estimators.xgboost_quantile import (
    FittedQuantiles,
    XGBoostQuantile,
    widening_of,
)
from ngm_assets_tests.models.making import frame_of, spec_of

TOO_DEEP = {"rounds": 60, "max_depth": 7, "min_child_weight": 1, "learning_rate": 0.3}


def _fit(frame: ModelFrame, **params: Any) -> FittedQuantiles:
    estimator = {"type": "xgboost_quantile", "params": {"rounds": 30} | params}
    return XGBoostQuantile.fit(frame, spec=spec_of("quantile", estimator=estimator), seed=1)


def _spreading(days: int = 120, keys: int = 25) -> ModelFrame:
    """Return rows whose outcome spreads ever wider with load."""
    rng = np.random.default_rng(11)
    frame = frame_of("quantile", days=days, keys=keys)
    load = rng.uniform(0, 3, len(frame))
    features = frame.features.assign(load=load)
    label = 50 + 10 * load + (1 + 5 * load) * rng.normal(size=len(frame))
    return replace(frame, features=features, label=label)


def _halves(frame: ModelFrame) -> tuple[ModelFrame, ModelFrame]:
    early = frame.dates < np.unique(frame.dates)[len(np.unique(frame.dates)) // 2]
    return frame.select(early), frame.select(~early)


def _coverage(fitted: FittedQuantiles, frame: ModelFrame) -> float:
    outputs = fitted.predict(frame.features)
    assert frame.label is not None and outputs.lower is not None and outputs.upper is not None
    return float(((frame.label >= outputs.lower) & (frame.label <= outputs.upper)).mean())


@pytest.fixture(scope="module")
def spreading() -> tuple[FittedQuantiles, ModelFrame]:
    """Return a model of too deep trees, and rows of later days."""
    known, later = _halves(_spreading())
    return _fit(known, **TOO_DEEP), later


def test_four_fifths_of_new_rows_lie_between_p10_and_p90(
    spreading: tuple[FittedQuantiles, ModelFrame],
) -> None:
    assert _coverage(*spreading) == pytest.approx(0.8, abs=0.06)


def test_trees_that_fit_too_closely_would_promise_too_much_without_the_widening(
    spreading: tuple[FittedQuantiles, ModelFrame],
) -> None:
    fitted, later = spreading
    assert fitted.widening > 0
    assert _coverage(replace(fitted, widening=0.0), later) < 0.72


def test_the_interval_is_wide_where_the_outcome_spreads(
    spreading: tuple[FittedQuantiles, ModelFrame],
) -> None:
    fitted, later = spreading
    outputs = fitted.predict(later.features)
    assert outputs.lower is not None and outputs.upper is not None
    width, load = outputs.upper - outputs.lower, later.features["load"]
    assert width[load > 2.5].mean() > 2 * width[load < 0.5].mean()


@pytest.mark.parametrize("widening", [-1e6, -1.0, 0.0, 5.0])
def test_the_percentiles_never_cross_whatever_the_widening(
    spreading: tuple[FittedQuantiles, ModelFrame], widening: float
) -> None:
    fitted, later = spreading
    strange = pd.DataFrame({"load": [np.nan, -1e9, 1e9], "size": [np.nan, 1e9, 0.0], "errors": 0.0})
    features = pd.concat([later.features, strange], ignore_index=True)
    outputs = replace(fitted, widening=widening).predict(features)
    assert outputs.lower is not None and outputs.upper is not None
    assert (outputs.lower <= outputs.prediction).all()
    assert (outputs.prediction <= outputs.upper).all()


def test_crossed_margins_are_put_in_order(
    spreading: tuple[FittedQuantiles, ModelFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FittedQuantiles, "margin", lambda *_: np.array([[9.0, 4.0, 5.0]]))
    outputs = replace(spreading[0], widening=0.0).predict(spreading[1].features.iloc[:1])
    assert outputs.lower is not None and outputs.upper is not None
    assert (outputs.lower[0], outputs.prediction[0], outputs.upper[0]) == (4.0, 5.0, 9.0)


@given(
    seed=st.integers(0, 10_000), rows=st.integers(50, 300), shift=st.floats(-3, 3, allow_nan=False)
)
def test_the_widened_interval_covers_just_four_fifths_of_the_late_rows(
    seed: int, rows: int, shift: float
) -> None:
    """Romano, Patterson, Candes 2019: at least 80 % and at most a few rows more."""
    rng = np.random.default_rng(seed)
    target = rng.normal(size=rows)
    middle = 0.1 * rng.normal(size=rows) + shift
    late = LateSlice(np.column_stack([middle - 0.5, middle, middle + 0.5]), target)
    by = widening_of(late)
    inside = (target >= middle - 0.5 - by) & (target <= middle + 0.5 + by)
    assert 0.8 <= inside.mean() <= 0.8 + 3 / rows


def test_too_few_late_rows_widen_nothing() -> None:
    late = LateSlice(np.zeros((49, 3)), np.arange(49.0))
    assert widening_of(late) == 0.0


def test_an_interval_that_is_too_wide_is_narrowed() -> None:
    margin = np.tile([-100.0, 0.0, 100.0], (200, 1))
    target = np.random.default_rng(0).normal(size=200)
    assert widening_of(LateSlice(margin, target)) == pytest.approx(-98.7, abs=0.5)


def test_all_three_percentiles_stay_inside_the_legal_range() -> None:
    frame = _spreading(days=60, keys=15)
    assert frame.label is not None
    label = np.clip(frame.label, 40.0, 80.0)
    fitted = _fit(replace(frame, label=label), range=[40, 80])
    outputs = replace(fitted, widening=30.0).predict(frame.features)
    assert outputs.lower is not None and outputs.upper is not None
    for values in (outputs.lower, outputs.prediction, outputs.upper):
        assert values.min() >= 40.0 and values.max() <= 80.0
    assert (outputs.lower == 40.0).any() and (outputs.upper == 80.0).any()


def test_money_has_no_upper_bound() -> None:
    frame = _spreading(days=60, keys=15)
    fitted = _fit(frame, range=[0, None])
    outputs = replace(fitted, widening=1e6).predict(frame.features)
    assert outputs.lower is not None and outputs.upper is not None
    assert (outputs.lower == 0.0).all() and (outputs.upper > 1e5).all()


def test_a_log_with_offset_learns_the_change_and_answers_in_the_labels_unit() -> None:
    frame = frame_of("quantile")
    features = frame.features.assign(size=frame.features["size"].fillna(100.0))
    noise = np.random.default_rng(0).normal(0, 0.05, len(frame))
    frame = replace(frame, features=features, label=features["size"].to_numpy() * np.exp(noise))
    fitted = _fit(frame, transform="log", offset="size")
    far = features.iloc[:2].assign(size=[1e6, 2e6])
    outputs = fitted.predict(far)
    assert outputs.lower is not None and outputs.upper is not None
    np.testing.assert_allclose(outputs.prediction, far["size"], rtol=0.05)
    np.testing.assert_allclose(outputs.upper / outputs.lower, np.exp(2 * 1.2816 * 0.05), rtol=0.05)


def test_labels_outside_the_range_are_refused() -> None:
    with pytest.raises(ModelError, match="outside"):
        _fit(frame_of("quantile"), range=[0, 10])


def test_the_contributions_explain_the_median(
    spreading: tuple[FittedQuantiles, ModelFrame],
) -> None:
    fitted, later = spreading
    rest = fitted.margin(later.features)[:, 1] - fitted.contributions(later.features).sum(axis=1)
    assert np.ptp(rest) < 1e-2


def test_no_more_rows_are_learnt_from_than_allowed() -> None:
    frame = _spreading(days=60, keys=10)
    drawn = sampled(frame, 300, seed=1)
    assert len(drawn) == 300 and bool((np.diff(drawn.dates) >= np.timedelta64(0)).all())
    assert len(drawn.keys.drop_duplicates()) == 300

    fitted, same = _fit(frame, max_rows=300), _fit(drawn)
    np.testing.assert_array_equal(fitted.margin(frame.features), same.margin(frame.features))
    assert fitted.widening == same.widening
    enough, plain = _fit(frame, max_rows=len(frame)), _fit(frame)
    np.testing.assert_array_equal(enough.margin(frame.features), plain.margin(frame.features))
