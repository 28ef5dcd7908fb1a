"""Scoring: the full schema, the same rows each time, in one direction of bad."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.errors import ModelError
from ngm_assets.models.catalog.spec import SEVERITIES, EstimatorSpec, Severity
from ngm_assets.models.estimators.base import resolve_estimator
from ngm_assets.models.registry.loaded import LoadedModel
from ngm_assets.predictions.explain import driver_texts, fill_actions
from ngm_assets.predictions.scoring import score
from ngm_assets.predictions.severity import severities
from ngm_assets.predictions.tables import prediction_contract
from ngm_assets_tests.models.making import FIRST, contract, frame_of, spec_of

STAMP = datetime(2026, 5, 5, 3, 0, tzinfo=UTC)
PARAMS: dict[str, dict[str, Any]] = {
    "binary": {"rounds": 40},
    "regression": {
        "rounds": 40,
        "transform": "log",
        "offset": "size",
        "observed": "size",
        "expected": "size",
    },
    "quantile": {"rounds": 40, "transform": "log", "expected": "size"},
    "multiclass": {"rounds": 40},
    "anomaly": {"observed": "load", "directions": {"load": "up"}},
}


def _model(problem: str) -> LoadedModel:
    spec = spec_of(
        problem,
        estimator={
            "type": spec_of(problem).estimator.type,
            "params": PARAMS[problem],
        },
        severity={"low": 0.5, "medium": 0.75, "critical": 0.95}
        if problem not in ("regression", "quantile")
        else {"low": 1.2, "high": 1.5},
    )
    fitted = resolve_estimator(spec.estimator.type).fit(frame_of(problem), spec=spec, seed=1)
    return LoadedModel(spec, 12, "train-run", fitted, contract(), FIRST, FIRST, {})


@pytest.fixture(
    scope="module", params=["binary", "regression", "quantile", "multiclass", "anomaly"]
)
def model(request: pytest.FixtureRequest) -> LoadedModel:
    """Return a model of each problem type in turn."""
    return _model(request.param)


@pytest.fixture(scope="module")
def detector() -> LoadedModel:
    """Return an anomaly model."""
    return _model("anomaly")


def _score(model: LoadedModel, **changes: Any) -> pd.DataFrame:
    frame = frame_of(model.spec.problem)
    arguments = {"keys": frame.keys, "features": frame.features} | changes
    return score(model, **arguments, scored_at=STAMP, run_id="run-9")


def _column_names(model: LoadedModel) -> tuple[str, ...]:
    """Return what the contract names; it documents only features of real tables."""
    plain = model.spec.model_copy(update={"estimator": EstimatorSpec(type="xgboost_binary")})
    return prediction_contract(plain).column_names


def test_the_columns_are_those_of_the_schema_in_order(model: LoadedModel) -> None:
    table = _score(model)
    assert tuple(table.columns) == _column_names(model)
    for name in ("prediction", "probability", "prediction_lower", "anomaly_score", "expected"):
        assert table[name].dtype == np.float64
    for name in ("predicted_label", "severity", "drivers", "recommended_action", "model_name"):
        assert table[name].dtype == "string"
    assert str(table["is_anomaly"].dtype) == "Int32"
    assert str(table["model_version"].dtype) == "int32"
    assert str(table["scored_at"].dtype) == "datetime64[us, UTC]"


def test_every_key_is_scored_once_in_its_order(model: LoadedModel) -> None:
    frame = frame_of(model.spec.problem)
    table = _score(model)
    pd.testing.assert_frame_equal(
        table[["workspace_id", "usage_date"]], frame.keys, check_dtype=False
    )
    assert (table["model_version"] == 12).all()
    assert (table["run_id"] == "run-9").all()
    assert (table["scored_at"] == pd.Timestamp(STAMP)).all()


def test_scoring_again_or_in_parts_gives_the_same_rows(model: LoadedModel) -> None:
    frame = frame_of(model.spec.problem)
    whole = _score(model)
    pd.testing.assert_frame_equal(whole, _score(model))
    part = _score(model, keys=frame.keys.iloc[30:60], features=frame.features.iloc[30:60])
    pd.testing.assert_frame_equal(part, whole.iloc[30:60].reset_index(drop=True))


def test_no_keys_give_no_rows(model: LoadedModel) -> None:
    frame = frame_of(model.spec.problem)
    table = _score(model, keys=frame.keys.iloc[:0], features=frame.features.iloc[:0])
    assert len(table) == 0
    assert tuple(table.columns) == _column_names(model)
    assert table.dtypes.to_dict() == _score(model).dtypes.to_dict()


def test_targets_are_the_days_after_and_for_anomalies_the_day_itself(model: LoadedModel) -> None:
    table = _score(model)
    first, last = (0, 0) if model.spec.problem == "anomaly" else (1, 1)
    assert (table["target_start"] - table["usage_date"] == pd.Timedelta(days=first)).all()
    assert (table["target_end"] - table["usage_date"] == pd.Timedelta(days=last)).all()


def test_a_week_ahead_ends_a_week_ahead() -> None:
    model = _model("binary")
    assert model.spec.label is not None
    label = model.spec.label.model_copy(update={"horizon_days": 7})
    week = replace(model, spec=model.spec.model_copy(update={"label": label}))
    table = _score(week)
    assert (table["target_start"] - table["usage_date"] == pd.Timedelta(days=1)).all()
    assert (table["target_end"] - table["usage_date"] == pd.Timedelta(days=7)).all()


def test_what_a_problem_does_not_have_is_null() -> None:
    binary, regression, anomaly = (_score(_model(p)) for p in ("binary", "regression", "anomaly"))
    assert (binary["prediction"] == binary["probability"]).all()
    assert binary["probability"].between(0, 1).all()
    assert binary["is_anomaly"].isna().all() and binary["anomaly_score"].isna().all()
    assert regression["probability"].isna().all()
    assert regression["expected"].notna().any()
    assert (anomaly["prediction"] == anomaly["anomaly_score"]).all()
    assert anomaly["probability"].isna().all()
    for table in (binary, regression, anomaly):
        assert table["predicted_label"].isna().all()


def test_an_anomaly_is_a_score_of_a_half_or_more(detector: LoadedModel) -> None:
    table = _score(detector)
    assert (table["is_anomaly"] == (table["anomaly_score"] >= 0.5).astype(int)).all()
    assert 0 < table["is_anomaly"].sum() < 0.03 * len(table)
    assert (table.loc[table["is_anomaly"] == 1, "severity"] != "info").all()


def test_an_unknown_row_is_scored_as_unknown(detector: LoadedModel) -> None:
    frame = frame_of("anomaly")
    blank = frame.features.iloc[:2] * np.nan
    table = _score(detector, keys=frame.keys.iloc[:2], features=blank)
    for name in ("prediction", "anomaly_score", "is_anomaly", "severity", "recommended_action"):
        assert table[name].isna().all(), name
    assert (table["drivers"] == "[]").all()


def test_severity_of_a_forecast_follows_its_ratio_to_the_norm() -> None:
    table = _score(_model("regression"))
    ratio = table["prediction"] / table["expected"]
    assert (table.loc[ratio >= 1.5, "severity"] == "high").all()
    assert (table.loc[(ratio >= 1.2) & (ratio < 1.5), "severity"] == "low").all()
    assert (table.loc[ratio < 1.2, "severity"] == "info").all()
    assert table.loc[table["expected"].isna(), "severity"].isna().all()


@given(
    bounds=st.lists(st.floats(0, 1), min_size=5, max_size=5, unique=True),
    basis=st.lists(st.floats(-1, 2) | st.just(float("nan")), max_size=20),
)
def test_severity_is_the_highest_band_reached(bounds: list[float], basis: list[float]) -> None:
    bands: dict[Severity, float] = dict(zip(SEVERITIES, sorted(bounds), strict=True))
    for value, found in zip(basis, severities(bands, np.array(basis)), strict=True):
        reached = [band for band in SEVERITIES if value >= bands[band]]
        expected = None if np.isnan(value) else (reached[-1] if reached else "info")
        assert found == expected


def test_actions_are_filled_with_the_rows_numbers_where_it_matters(model: LoadedModel) -> None:
    frame = frame_of(model.spec.problem)
    table = _score(model)
    wanted = table["severity"].isin(SEVERITIES[1:])
    assert wanted.any() and not wanted.all()
    assert table.loc[~wanted, "recommended_action"].isna().all()
    row = int(np.flatnonzero(wanted)[0])
    assert table["recommended_action"][row] == (
        f"Look at {frame.keys['workspace_id'][row]}: {table['prediction'][row]:.2f} "
        f"with {frame.features['errors'][row]:.0f} errors."
    )


def test_drivers_are_the_top_three_with_size_and_direction(detector: LoadedModel) -> None:
    table, frame = _score(detector), frame_of("anomaly")
    row = int(table["anomaly_score"].to_numpy().argmax())
    drivers = json.loads(table["drivers"][row])
    contributions = detector.fitted.contributions(frame.features)[row]
    order = np.argsort(-np.abs(contributions))
    assert [d["feature"] for d in drivers] == [frame.features.columns[j] for j in order]
    for driver, j in zip(drivers, order, strict=True):
        assert driver["value"] == pytest.approx(frame.features.iloc[row, j], rel=1e-5)
        assert driver["contribution"] == pytest.approx(contributions[j], rel=1e-5)
        assert driver["direction"] == "up"


def test_every_drivers_text_is_json(model: LoadedModel) -> None:
    for text in _score(model)["drivers"]:
        drivers = json.loads(text)
        sizes = [abs(driver["contribution"]) for driver in drivers]
        assert len(drivers) <= 3
        assert sizes == sorted(sizes, reverse=True)


def test_drivers_write_missing_values_as_null_and_leave_out_what_adds_nothing() -> None:
    features = pd.DataFrame({"a": [np.nan], "b": [2.0], "c": [3.0]})
    found = json.loads(driver_texts(features, np.array([[-2.0, 0.0, 1.0]]))[0])
    assert found == [
        {"feature": "a", "value": None, "contribution": -2.0, "direction": "down"},
        {"feature": "c", "value": 3.0, "contribution": 1.0, "direction": "up"},
    ]


def test_an_action_names_what_is_missing_and_formats_days() -> None:
    table = pd.DataFrame({"day": pd.to_datetime(["2026-05-04"]), "expected": [np.nan]})
    features = pd.DataFrame({"cost": [123456.0]})
    found = fill_actions("{day}: {cost} of {expected:.0f}", table, features, np.array([True]))
    assert found == ["2026-05-04: 123,456 of unknown"]
    with pytest.raises(ModelError, match="nowhere"):
        fill_actions("{nowhere}", table, features, np.array([True]))


def test_the_fingerprint_of_a_row_follows_its_features(model: LoadedModel) -> None:
    frame = frame_of(model.spec.problem)
    first = frame.features.iloc[:, 0].to_numpy() + (np.arange(len(frame)) == 7)
    changed = frame.features.assign(**{str(frame.features.columns[0]): first})
    before = _score(model)["feature_fingerprint"]
    after = _score(model, features=changed)["feature_fingerprint"]
    assert list(np.flatnonzero(before != after)) == [7]


def test_a_table_that_no_longer_fits_is_refused(model: LoadedModel) -> None:
    frame = frame_of(model.spec.problem)
    with pytest.raises(ModelError, match="column size is missing"):
        _score(model, features=frame.features.drop(columns="size"))
    with pytest.raises(ModelError, match="column load is object"):
        _score(model, features=frame.features.assign(load="high"))
    with pytest.raises(ModelError, match="key column workspace_id is missing"):
        _score(model, keys=frame.keys.drop(columns="workspace_id"))
    with pytest.raises(ModelError, match="1350 keys but 10 rows"):
        _score(model, features=frame.features.iloc[:10])
    with pytest.raises(ModelError, match="Infinite values in load"):
        _score(model, features=frame.features.assign(load=np.inf))
    with pytest.raises(ModelError, match="column load is string, trained on double"):
        types = {"workspace_id": "string", "usage_date": "date", "load": "string"}
        _score(model, table_columns=types | {"size": "double", "errors": "double"})


def test_columns_may_come_in_any_order_and_number(model: LoadedModel) -> None:
    frame = frame_of(model.spec.problem)
    turned = frame.features[["errors", "load", "size"]].assign(more=1.0)
    pd.testing.assert_frame_equal(_score(model, features=turned), _score(model))


def test_a_naive_time_stamp_is_utc(detector: LoadedModel) -> None:
    frame = frame_of("anomaly")
    naive = score(
        detector, frame.keys, frame.features, scored_at=STAMP.replace(tzinfo=None), run_id="run-9"
    )
    pd.testing.assert_frame_equal(naive, _score(detector))
