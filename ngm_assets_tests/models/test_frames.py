"""Frames and fingerprints: equal data, equal text; any change, another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ngm_assets.errors import DataError
from ngm_assets.models.data.frames import (
    ModelFrame,
    all_missing,
    class_positions,
    frame_fingerprint,
    row_fingerprints,
)
from ngm_assets_tests.models.making import frame_of, text_frame


def _with_feature(frame: ModelFrame, row: int, value: float) -> ModelFrame:
    features = frame.features.copy()
    features.iloc[row, 1] = value
    return replace(frame, features=features)


def test_the_same_data_have_the_same_fingerprint() -> None:
    assert frame_fingerprint(frame_of()) == frame_fingerprint(frame_of())


def test_any_changed_value_key_or_label_changes_the_fingerprint() -> None:
    frame = frame_of()
    assert frame.label is not None
    keys = frame.keys.copy()
    keys.loc[0, "workspace_id"] = "other"
    label = frame.label.copy()
    label[0] = 1 - label[0]
    variants = [
        frame,
        _with_feature(frame, 0, 1.5),
        replace(frame, keys=keys),
        replace(frame, label=label),
        replace(frame, features=frame.features.rename(columns={"size": "volume"})),
        frame.select(np.arange(len(frame)) > 0),
    ]
    assert len({frame_fingerprint(variant) for variant in variants}) == len(variants)


def test_the_sign_of_zero_and_the_bits_of_nan_mean_nothing() -> None:
    frame = frame_of()
    other_nan = np.array([0x7FF8000000000001], dtype=np.uint64).view(np.float64)[0]
    for a, b in ((0.0, -0.0), (np.nan, other_nan)):
        first, second = _with_feature(frame, 3, a), _with_feature(frame, 3, b)
        assert frame_fingerprint(first) == frame_fingerprint(second)
        assert row_fingerprints(first.features)[3] == row_fingerprints(second.features)[3]


def test_a_row_fingerprint_depends_on_its_row_and_column_names_alone() -> None:
    features = frame_of().features
    whole = row_fingerprints(features)
    np.testing.assert_array_equal(whole[10:20], row_fingerprints(features.iloc[10:20]))
    assert len(set(whole)) == len(features)
    assert {len(text) for text in whole} == {16}
    swapped = features.rename(columns={"load": "size", "size": "load"})
    assert not (row_fingerprints(swapped) == whole).any()


def test_a_row_fingerprint_is_the_same_on_every_machine() -> None:
    rows = pd.DataFrame({"a": [1.0, np.nan], "b": [0.5, 2.0]})
    assert list(row_fingerprints(rows)) == ["ef7c2c1001aee89f", "7a38a003de1f4487"]


def test_parts_of_unequal_length_are_refused() -> None:
    frame = frame_of()
    with pytest.raises(DataError, match="label"):
        replace(frame, label=np.zeros(3))


def test_select_keeps_the_parts_together() -> None:
    frame = frame_of()
    mask = frame.dates >= np.datetime64("2026-02-01")
    part = frame.select(mask)
    assert frame.label is not None and part.label is not None
    np.testing.assert_array_equal(part.label, frame.label[mask])
    np.testing.assert_array_equal(part.matrix(), frame.matrix()[mask])
    assert (part.keys["usage_date"].to_numpy().astype("datetime64[D]") == part.dates).all()


def test_names_become_positions_strangers_minus_one_and_nobody_nan() -> None:
    found = class_positions(["b", "a", "c", None, float("nan"), "b"], ("a", "b"))
    np.testing.assert_array_equal(found, [1.0, 0.0, -1.0, np.nan, np.nan, 1.0])
    assert class_positions([], ("a",)).shape == (0,)
    assert (class_positions(["a"], ()) == -1).all()


def test_a_row_is_unknown_only_if_numbers_and_texts_are_missing() -> None:
    features = pd.DataFrame(
        {
            "size": [np.nan, 1.0, np.nan, np.nan],
            "name": np.array([None, None, "x", ""], dtype=object),
        }
    )
    assert all_missing(features).tolist() == [True, False, False, False]
    assert all_missing(features[[]]).tolist() == [True] * 4


def test_texts_are_part_of_both_fingerprints() -> None:
    frame = text_frame()
    assert frame_fingerprint(frame) == frame_fingerprint(text_frame())
    features = frame.features.copy()
    features.iloc[3, 0] = "another"
    changed = replace(frame, features=features)
    assert frame_fingerprint(changed) != frame_fingerprint(frame)
    before, after = row_fingerprints(frame.features), row_fingerprints(features)
    assert np.flatnonzero(before != after).tolist() == [3]
    blank = frame.features.iloc[:2].assign(team=np.array([None, np.nan], dtype=object))
    same = blank.assign(job_name="x")
    assert len(set(row_fingerprints(same))) == 1


def test_the_names_of_the_classes_are_part_of_the_fingerprint() -> None:
    frame = frame_of("multiclass")
    turned = replace(frame, classes=tuple(reversed(frame.classes)))
    assert frame_fingerprint(turned) != frame_fingerprint(frame)


def test_select_keeps_the_classes() -> None:
    frame = frame_of("multiclass")
    assert frame.select(frame.dates > frame.dates.min()).classes == frame.classes
