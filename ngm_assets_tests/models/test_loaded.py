"""The feature contract of a version, and its reference statistics."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ngm_assets.errors import ModelError
from ngm_assets.models.candidate import Candidate
from ngm_assets.models.reference import column_statistics, reference_statistics, text_statistics
from ngm_assets.models.registry.loaded import FeatureContract
from ngm_assets_tests.models.making import contract, frame_of

FITTING = {
    "workspace_id": "string",
    "usage_date": "date",
    "load": "DOUBLE",
    "size": "double",
    "errors": "double",
    "more": "string",
}


def test_a_fitting_table_is_accepted_with_further_columns() -> None:
    contract().require("cost_features", FITTING)


def test_every_misfit_is_named_at_once() -> None:
    columns = {name: kind for name, kind in FITTING.items() if name not in ("size", "usage_date")}
    with pytest.raises(ModelError) as caught:
        contract().require("cost_features_v2", columns | {"errors": "string"})
    for part in (
        "table cost_features_v2, trained on cost_features",
        "column size is missing",
        "key column usage_date is missing",
        "column errors is string, trained on double",
    ):
        assert part in caught.value.what


def test_a_contract_survives_storage_with_its_order() -> None:
    stored = json.loads(json.dumps(contract().to_json(), sort_keys=True))
    restored = FeatureContract.from_json(stored)
    assert restored == contract()
    assert restored.features == contract().features
    assert stored["fingerprint"] == restored.fingerprint()


def test_the_fingerprint_follows_types_and_order() -> None:
    base = contract()
    changed = replace(base, types=dict(base.types) | {"load": "bigint"})
    turned = replace(base, types=dict(reversed(list(base.types.items()))))
    renewed = replace(base, table_fingerprint="other table-wide contract")
    prints = {c.fingerprint() for c in (base, changed, turned)}
    assert len(prints) == 3
    assert renewed.fingerprint() == base.fingerprint()


def test_reference_bins_hold_every_known_value_once() -> None:
    values = np.r_[np.zeros(60), np.arange(1.0, 41.0), np.full(10, np.nan)]
    found = column_statistics(values)
    assert found["missing_rate"] == pytest.approx(10 / 110)
    assert sum(found["counts"]) == 100
    assert len(found["counts"]) == len(found["edges"]) + 1
    assert found["edges"] == sorted(set(found["edges"]))
    assert found["counts"][0] == int((values <= found["edges"][0]).sum())
    assert (found["min"], found["max"]) == (0.0, 40.0)
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("value", [0.0, 9.0, 70.0])
def test_a_value_that_is_several_deciles_has_a_bin_of_its_own(value: float) -> None:
    values = np.r_[np.full(30, value), np.arange(1.0, 71.0)]
    found = column_statistics(values)
    place = found["edges"].index(value)
    assert found["counts"][place] == int((values == value).sum())
    assert sum(found["counts"]) == 100
    assert found["edges"] == sorted(set(found["edges"]))
    json.dumps(found, allow_nan=False)


def test_a_column_without_values_has_null_statistics() -> None:
    found = column_statistics(np.full(5, np.nan))
    assert (found["missing_rate"], found["mean"], found["counts"]) == (1.0, None, [])


def test_the_most_frequent_texts_are_kept_and_the_others_counted() -> None:
    rare = [f"t{i:02d}" for i in range(60)]
    values = pd.Series(["b", "b", "b", "a", "a", "a", *rare, None, None], dtype=object)
    found = text_statistics(values)
    assert list(found["texts"])[:3] == ["a", "b", "t00"]
    assert len(found["texts"]) == 50
    assert found["texts"]["a"] == 3
    assert found["other"] == 12
    assert sum(found["texts"].values()) + found["other"] == 66
    assert found["missing_rate"] == pytest.approx(2 / 68)
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("rows", [0, 3])
def test_texts_that_are_all_missing_have_no_counts(rows: int) -> None:
    found = text_statistics(pd.Series([None] * rows, dtype=object))
    assert found == {"rows": rows, "missing_rate": 1.0, "texts": {}, "other": 0}


def test_a_version_describes_each_feature_by_its_kind(texts: Candidate, binary: Candidate) -> None:
    assert {"texts", "other"} <= set(texts.reference["features"]["job_name"])
    assert {"edges", "counts"} <= set(binary.reference["features"]["load"])
    assert {"edges", "counts"} <= set(texts.reference["prediction"])


def test_a_version_describes_its_labels(
    texts: Candidate, multiclass: Candidate, binary: Candidate, anomaly: Candidate
) -> None:
    for found in (texts, multiclass):
        label = found.reference["label"]
        assert label["texts"] == {k: v for k, v in found.class_counts.items() if v}
        assert label["other"] == 0
    label = binary.reference["label"]
    above = label["counts"][label["edges"].index(0.0) + 1 :]
    assert sum(above) == binary.class_counts["positive"] > 0
    ripe = sum(anomaly.class_counts.values())
    assert anomaly.reference["label"]["rows"] == ripe


@pytest.mark.parametrize(("days", "left_out"), [(100, 30), (44, 30), (43, 0), (3, 0)])
def test_the_first_days_are_no_reference_where_two_weeks_remain(days: int, left_out: int) -> None:
    frame = frame_of("regression", days=days)
    found = reference_statistics(frame, np.arange(len(frame), dtype=np.float64))
    known = frame.dates >= frame.dates.min() + np.timedelta64(left_out, "D")
    assert found["rows"] == known.sum()
    assert found["prediction"]["min"] == len(frame) - known.sum()


def test_rows_without_any_label_have_none_to_describe() -> None:
    frame = replace(frame_of("anomaly", days=3), label=None)
    assert reference_statistics(frame, np.zeros(len(frame)))["label"] is None
