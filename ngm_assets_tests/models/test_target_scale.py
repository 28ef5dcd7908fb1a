"""The target's scale: there and back is the same, inside the legal range, refused outside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.errors import ModelError
from ngm_assets.models.estimators.target_scale import TargetScale, fit_scale
from ngm_assets_tests.models.making import frame_of

amounts = st.lists(st.floats(0, 1e9), min_size=1, max_size=20)


@given(label=amounts, offset=st.floats(0, 1e9), transform=st.sampled_from(["none", "log"]))
def test_what_is_learnt_comes_back_as_the_label(
    label: list[float], offset: float, transform: str
) -> None:
    features = pd.DataFrame({"size": [offset] * len(label)})
    scale = TargetScale(transform, "size", 1.0)
    values = np.array(label)
    back = scale.restore(scale.learn(values, features), features)
    np.testing.assert_allclose(back, values, rtol=1e-9, atol=1e-5)


def test_an_offset_on_the_log_scale_is_the_logarithm_of_the_growth() -> None:
    features = pd.DataFrame({"size": [0.0, 99.0, np.nan]})
    scale = TargetScale("log", "size", 9.0)
    learnt = scale.learn(np.array([9.0, 999.0, 9.0]), features)
    np.testing.assert_allclose(learnt, [np.log(10), np.log(10), 0.0])


@given(
    margin=st.lists(st.floats(-50, 50), min_size=1, max_size=20),
    low=st.none() | st.floats(-10, 0),
    high=st.none() | st.floats(1, 10),
    transform=st.sampled_from(["none", "log"]),
)
def test_no_margin_leads_out_of_the_range(
    margin: list[float], low: float | None, high: float | None, transform: str
) -> None:
    features = pd.DataFrame({"size": [1.0] * len(margin)})
    free = TargetScale(transform).restore(np.array(margin), features)
    value = TargetScale(transform, None, 0.0, low, high).restore(np.array(margin), features)
    assert low is None or value.min() >= low
    assert high is None or value.max() <= high
    inside = (free >= (-np.inf if low is None else low)) & (
        free <= (np.inf if high is None else high)
    )
    np.testing.assert_array_equal(value[inside], free[inside])


def test_the_offsets_default_is_the_median_of_what_is_known() -> None:
    frame = frame_of("regression")
    assert frame.label is not None
    scale = fit_scale(frame, frame.label, {"offset": "size", "transform": "log"})
    assert scale.offset_default == pytest.approx(frame.features["size"].median())
    blind = replace(frame, features=frame.features.assign(size=np.nan))
    assert fit_scale(blind, frame.label, {"offset": "size"}).offset_default == 0.0


def test_a_range_may_be_open_on_either_side() -> None:
    frame = frame_of("regression")
    assert frame.label is not None
    assert fit_scale(frame, frame.label, {"range": [0, None]}) == TargetScale(low=0.0)
    assert fit_scale(frame, frame.label, {"range": [None, 1e9]}) == TargetScale(high=1e9)
    assert fit_scale(frame, frame.label, {}) == TargetScale()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"transform": "sqrt"}, "Unknown transform 'sqrt'"),
        ({"range": [1, 0]}, "not .low, high."),
        ({"range": [0]}, "not .low, high."),
        ({"range": [2.0, 3.0]}, "2 labels lie outside 2.0..3.0, such as 1.0"),
        ({"transform": "log", "range": [None, 2.5]}, "1 labels lie outside 0.0..2.5, such as 3.0"),
    ],
)
def test_what_does_not_suit_is_refused_with_numbers(params: dict[str, Any], message: str) -> None:
    frame = frame_of("regression", days=1, keys=3)
    with pytest.raises(ModelError, match=message):
        fit_scale(frame, np.array([1.0, 1.5, 3.0])[: len(frame)], params)
