"""Rows of a query as a frame: sorted, typed, classes by position."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from ngm_assets.lakehouse.contract import Column, TableContract
from ngm_assets.models.data.dataset import to_frame
from ngm_assets_tests.models.making import CLASSES, spec_of

TABLE = TableContract(
    name="made_features",
    schema_name="features",
    description="Made up.",
    key=("workspace_id", "usage_date"),
    partition="usage_date",
    sources=(),
    columns=(
        Column(name="workspace_id", type="string", nullable=False, doc="Key."),
        Column(name="usage_date", type="date", nullable=False, doc="Day."),
        Column(name="load", type="bigint", doc="Number."),
        Column(name="job_name", type="string", doc="Name."),
    ),
)


def _rows(label: list[object], baseline: list[object]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "workspace_id": ["b", "a", "a"],
            "usage_date": [date(2026, 1, 2), date(2026, 1, 2), date(2026, 1, 1)],
            "load": pd.array([1, None, 3], dtype="Int64"),
            "job_name": pd.array(["x", None, "z"], dtype="string"),
            "label__": label,
            "baseline__": baseline,
        }
    )


def test_rows_come_by_day_and_key_with_numbers_as_floats_and_texts_as_texts() -> None:
    spec = spec_of("regression", features=["job_name", "load"])
    frame = to_frame(_rows([1, 2, 3], [4, None, 6]), TABLE, spec)
    assert frame.keys["workspace_id"].tolist() == ["a", "a", "b"]
    assert list(frame.features.columns) == ["job_name", "load"]
    assert frame.features["job_name"].tolist() == ["z", None, "x"]
    np.testing.assert_array_equal(frame.features["load"], [3.0, np.nan, 1.0])
    assert frame.features["load"].dtype == np.float64
    assert frame.label is not None and frame.baseline is not None
    assert frame.label.tolist() == [3.0, 2.0, 1.0]
    np.testing.assert_array_equal(frame.baseline, [6.0, np.nan, 4.0])
    assert frame.classes == ()


def test_named_classes_keep_the_specifications_order() -> None:
    spec = spec_of("multiclass", features=["load"])
    frame = to_frame(_rows(["low", "high", "strange"], ["high", None, "low"]), TABLE, spec)
    assert frame.classes == CLASSES
    np.testing.assert_array_equal(frame.label, [-1.0, 2.0, 0.0])
    np.testing.assert_array_equal(frame.baseline, [0.0, np.nan, 2.0])


@pytest.mark.parametrize("strange", ["team_z", "team_c"])
def test_classes_without_names_are_those_that_occur_in_alphabetical_order(strange: str) -> None:
    spec = spec_of("multiclass", features=["load"], classes=[])
    frame = to_frame(_rows(["team_b", "team_a", "team_b"], [strange] * 3), TABLE, spec)
    assert frame.classes == ("team_a", "team_b")
    np.testing.assert_array_equal(frame.label, [1.0, 0.0, 1.0])
    np.testing.assert_array_equal(frame.baseline, [-1.0, -1.0, -1.0])
