"""How bad a row is, on either side of the bounds, and the word it goes by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.models.catalog.spec import SEVERITIES, ModelSpec, Severity
from ngm_assets.models.estimators.base import Outputs
from ngm_assets.predictions.severity import (
    alarming,
    predicted_labels,
    row_severities,
    severities,
    severity_basis,
)
from ngm_assets_tests.models.making import FEATURES, spec_of

BANDS: dict[Severity, float] = {
    "info": 100.0,
    "low": 95.0,
    "medium": 85.0,
    "high": 70.0,
    "critical": 50.0,
}


@given(
    bounds=st.lists(st.floats(0, 100), min_size=5, max_size=5, unique=True),
    basis=st.lists(st.floats(-10, 110) | st.just(float("nan")), max_size=20),
)
def test_where_less_is_worse_the_lowest_bound_not_exceeded_decides(
    bounds: list[float], basis: list[float]
) -> None:
    ordered = sorted(bounds, reverse=True)
    bands: dict[Severity, float] = dict(zip(SEVERITIES, ordered, strict=True))
    found = severities(bands, np.array(basis), worse="lower")
    for value, severity in zip(basis, found, strict=True):
        reached = [band for band in SEVERITIES if value <= bands[band]]
        expected = None if np.isnan(value) else (reached[-1] if reached else "info")
        assert severity == expected


@pytest.mark.parametrize(
    ("value", "band"),
    [(120, "info"), (96, "info"), (95, "low"), (85.01, "low"), (70, "high"), (0, "critical")],
)
def test_a_score_out_of_a_hundred_is_bad_when_it_is_low(value: float, band: str) -> None:
    assert severities(BANDS, np.array([value]), worse="lower")[0] == band


@given(basis=st.lists(st.floats(-100, 100), max_size=20))
def test_less_is_worse_is_the_mirror_of_more_is_worse(basis: list[float]) -> None:
    mirrored: dict[Severity, float] = {name: -bound for name, bound in BANDS.items()}
    down = severities(BANDS, np.array(basis), worse="lower")
    up = severities(mirrored, -np.array(basis))
    assert down.tolist() == up.tolist()


def _quantity(**changes: Any) -> ModelSpec:
    return spec_of("quantile", **({"severity": {"low": 1.2, "high": 2.0}} | changes))


def test_a_quantity_is_held_against_its_norm_or_stands_for_itself() -> None:
    outputs = Outputs(np.array([3.0, 3.0, 3.0, 3.0]), expected=np.array([2.0, 0.0, np.nan, -1.0]))
    np.testing.assert_array_equal(
        severity_basis(_quantity(), outputs), [1.5, np.nan, np.nan, np.nan]
    )
    of_itself = _quantity(severity_of="prediction")
    np.testing.assert_array_equal(severity_basis(of_itself, outputs), outputs.prediction)
    alone = Outputs(np.array([3.0]))
    np.testing.assert_array_equal(severity_basis(_quantity(), alone), [3.0])
    assert row_severities(_quantity(), outputs).tolist() == ["low", None, None, None]


def test_less_than_the_norm_can_be_what_is_bad() -> None:
    spec = _quantity(worse="lower", severity={"low": 0.8, "high": 0.5})
    outputs = Outputs(np.array([9.0, 8.0, 5.0, 1.0]), expected=np.full(4, 10.0))
    assert row_severities(spec, outputs).tolist() == ["info", "low", "high", "high"]


def _classified(*names: str) -> Outputs:
    label = np.array(names, dtype=object)
    return Outputs(np.zeros(len(names)), label=label, probability=np.full(len(names), 0.95))


def test_a_quiet_class_is_never_more_than_info_however_certain() -> None:
    spec = spec_of("multiclass", quiet_classes=["low"])
    found = row_severities(spec, _classified("low", "high", "low"))
    assert found.tolist() == ["info", "critical", "info"]
    assert alarming(found).tolist() == [False, True, False]


def test_without_quiet_classes_certainty_alone_decides() -> None:
    found = row_severities(spec_of("multiclass"), _classified("low", "high"))
    assert found.tolist() == ["critical", "critical"]


def _labels(
    spec: ModelSpec, outputs: Outputs, contributions: list[list[float]] | None = None
) -> list[str | None]:
    rows = len(outputs.prediction)
    added = np.zeros((rows, len(FEATURES))) if contributions is None else np.array(contributions)
    features = pd.DataFrame(np.zeros((rows, len(FEATURES))), columns=list(FEATURES))
    return predicted_labels(spec, outputs, features, added, alarming(row_severities(spec, outputs)))


def _binary(*probabilities: float) -> Outputs:
    values = np.array(probabilities)
    return Outputs(values, probability=values)


def test_a_class_is_called_by_its_name() -> None:
    assert _labels(spec_of("multiclass"), _classified("low", "high")) == ["low", "high"]


def test_a_yes_begins_at_one_half() -> None:
    spec = spec_of("binary", classes=["stays", "fails"])
    found = _labels(spec, _binary(0.0, 0.499999, 0.5, 1.0))
    assert found == ["stays", "stays", "fails", "fails"]


def test_a_row_of_which_nothing_is_known_is_neither_yes_nor_no() -> None:
    assert _labels(spec_of("binary", classes=["no", "yes"]), _binary(np.nan, 0.9)) == [None, "yes"]


def test_an_alarm_goes_by_what_speaks_most_for_it() -> None:
    spec = spec_of("binary", reasons={"volume": ["load", "size"], "trouble": ["errors"]})
    outputs = _binary(0.9, 0.9, 0.9, 0.9, 0.1)
    added = [
        [0.4, 0.4, 0.7],
        [0.4, 0.2, 0.7],
        [0.9, -5.0, 0.7],
        [-1.0, -1.0, 0.0],
        [9.0, 9.0, 9.0],
    ]
    assert _labels(spec, outputs, added) == ["volume", "trouble", "volume", None, None]


def test_where_less_is_worse_the_reason_is_what_lowers_the_probability() -> None:
    bands = {"info": 1.0, "low": 0.5, "high": 0.2}
    spec = spec_of(
        "binary",
        worse="lower",
        severity=bands,
        reasons={"volume": ["load", "size"], "trouble": ["errors"]},
    )
    outputs = _binary(0.1, 0.4, 0.9)
    assert row_severities(spec, outputs).tolist() == ["high", "low", "info"]
    added = [[3.0, 3.0, -0.5], [-0.4, -0.4, -0.5], [-1.0, -1.0, -1.0]]
    assert _labels(spec, outputs, added) == ["trouble", "volume", None]


def test_reasons_that_add_the_same_are_taken_in_their_order() -> None:
    spec = spec_of("binary", reasons={"trouble": ["errors"], "volume": ["load"]})
    assert _labels(spec, _binary(0.9), [[0.5, 0.0, 0.5]]) == ["trouble"]


@pytest.mark.parametrize("problem", ["binary", "regression", "quantile", "anomaly"])
def test_without_classes_and_reasons_there_is_no_word(problem: str) -> None:
    values = np.array([0.9, 0.1])
    score = values if problem == "anomaly" else None
    assert _labels(spec_of(problem), Outputs(values, anomaly_score=score)) == [None, None]


def test_no_rows_have_no_words() -> None:
    spec = spec_of("binary", reasons={"trouble": ["errors"]})
    assert _labels(spec, _binary()) == []
