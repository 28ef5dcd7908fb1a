"""Scoring of what is more than a number: names, classes, percentiles and reasons."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from ngm_assets.models.catalog.spec import SEVERITIES, ModelSpec
from ngm_assets.models.data.frames import ModelFrame
from ngm_assets.models.estimators.base import resolve_estimator
from ngm_assets.models.registry.loaded import FeatureContract, LoadedModel
from ngm_assets.predictions.scoring import score
from ngm_assets_tests.models.making import (
    CLASSES,
    FIRST,
    contract,
    frame_of,
    spec_of,
    text_contract,
    text_frame,
    text_spec,
)

STAMP = datetime(2026, 5, 5, 3, 0, tzinfo=UTC)


def _scored(spec: ModelSpec, frame: ModelFrame, fitting: FeatureContract) -> pd.DataFrame:
    """Return the rows, scored by a model that was fitted on them."""
    fitted = resolve_estimator(spec.estimator.type).fit(frame, spec=spec, seed=1)
    model = LoadedModel(spec, 12, "train-run", fitted, fitting, FIRST, FIRST, {})
    return score(model, frame.keys, frame.features, scored_at=STAMP, run_id="run-9")


def test_names_are_scored_explained_and_quoted() -> None:
    frame = text_frame()
    spec = text_spec(quiet_classes=["low"], severity={"low": 0.5, "high": 0.9})
    table = _scored(spec, frame, text_contract())
    assert set(table["predicted_label"]) == set(CLASSES)
    assert (table.loc[table["predicted_label"] == "low", "severity"] == "info").all()
    told = table["severity"].isin(SEVERITIES[1:]) & frame.features["job_name"].notna()
    row = int(np.flatnonzero(told)[0])
    drivers = json.loads(table["drivers"][row])
    assert drivers[0]["feature"] == "job_name"
    assert drivers[0]["value"] == frame.features["job_name"][row]
    assert table["recommended_action"][row] == (
        f"Look at {frame.features['job_name'][row]}: probably {table['predicted_label'][row]}."
    )
    blank = table["drivers"][frame.features.isna().all(axis=1).to_numpy()]
    assert len(blank) and (blank == "[]").all()


def test_percentiles_stand_beside_the_median() -> None:
    table = _scored(spec_of("quantile"), frame_of("quantile"), contract())
    assert (table["prediction_lower"] <= table["prediction"]).all()
    assert (table["prediction"] <= table["prediction_upper"]).all()
    assert (table["prediction_lower"] < table["prediction_upper"]).any()
    for name in ("predicted_label", "probability", "anomaly_score", "is_anomaly"):
        assert table[name].isna().all(), name


def test_a_class_has_a_name_a_position_and_a_probability() -> None:
    table = _scored(spec_of("multiclass"), frame_of("multiclass"), contract())
    position = table["predicted_label"].map(dict(zip(CLASSES, range(3), strict=True)))
    assert (position == table["prediction"]).all()
    assert table["probability"].between(1 / 3, 1).all()
    for name in ("prediction_lower", "prediction_upper", "anomaly_score", "is_anomaly"):
        assert table[name].isna().all(), name


def test_an_alarm_of_a_binary_model_names_its_reason() -> None:
    spec = spec_of("binary", reasons={"volume": ["size"], "load": ["load"]}, severity={"low": 0.5})
    table = _scored(spec, frame_of("binary"), contract())
    alarm = table["severity"] == "low"
    assert alarm.any() and not alarm.all()
    assert (table["predicted_label"].notna() == alarm).all()
    assert (table.loc[alarm, "predicted_label"] == "load").mean() > 0.95


def test_a_binary_model_with_classes_names_one_for_every_row() -> None:
    spec = spec_of("binary", classes=["stays", "fails"])
    table = _scored(spec, frame_of("binary"), contract())
    said = table["predicted_label"].map({"stays": False, "fails": True})
    assert (said == (table["probability"] >= 0.5)).all()
