"""Every model of the catalogue learns from later days, from earlier inputs, and something its own.

What holds of one demo estate is held against the same estate as it was known on two Mondays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from ngm_assets.build import build_defs
from ngm_assets.features.tables import feature_contracts
from ngm_assets.models.catalog.spec import ModelSpec
from ngm_assets.models.data.dataset import catalog, label_sql
from ngm_assets.models.data.frames import ModelFrame, frame_fingerprint
from ngm_assets.models.data.split import date_column, latest_per_entity
from ngm_assets.models.evaluation.leakage import scan
from ngm_assets.settings import load_settings
from ngm_assets_tests.estate import read_rows
from ngm_assets_tests.honest import MONDAYS, Estates

CUT_OUT_AFTER = (date(2026, 6, 11), date(2026, 6, 12))
"""Days t whose following days are cut out of the tables; a burst of denials, grants or changes of
columns lies on t+8."""
CUT_OUT_EARLIER = (date(2026, 5, 14), date(2026, 5, 22))
"""The same for horizons that would reach beyond the last day."""
GIVEAWAY = 0.99
LEAST_ROWS, LEAST_PER_CLASS = 100, 10
TOO_FEW_TO_SCAN = frozenset({"tag_recommender", "dbr_migration_risk_scorer"})
"""Models with so few jobs, or changes of runtime, here that chance alone separates them."""
CATALOGUE = {
    "cost_anomaly_detector": ("cost_features", "anomaly", 1),
    "budget_forecaster": ("cost_features", "quantile", 7),
    "job_cost_optimizer": ("cost_features", "regression", 28),
    "chargeback_attribution": ("cost_features", "regression", 7),
    "commitment_recommender": ("cost_features", "binary", 30),
    "tag_recommender": ("job_cost_features", "multiclass", 7),
    "security_threat_detector": ("security_features", "anomaly", 7),
    "exfiltration_detector": ("security_features", "anomaly", 7),
    "privilege_escalation_detector": ("security_features", "anomaly", 7),
    "user_behavior_baseline": ("security_features", "anomaly", 7),
    "query_performance_forecaster": ("performance_features", "regression", 7),
    "warehouse_optimizer": ("performance_features", "multiclass", 7),
    "performance_regression_detector": ("performance_features", "anomaly", 7),
    "cluster_capacity_planner": ("performance_features", "regression", 7),
    "dbr_migration_risk_scorer": ("reliability_features", "binary", 20),
    "cache_hit_predictor": ("performance_features", "binary", 7),
    "query_optimization_recommender": ("performance_features", "binary", 7),
    "job_failure_predictor": ("reliability_features", "binary", 7),
    "job_duration_forecaster": ("reliability_features", "quantile", 7),
    "sla_breach_predictor": ("reliability_features", "binary", 7),
    "retry_success_predictor": ("reliability_features", "binary", 2),
    "pipeline_health_scorer": ("reliability_features", "regression", 7),
    "data_drift_detector": ("quality_features", "anomaly", 7),
    "data_freshness_predictor": ("quality_features", "regression", 1),
    "schema_change_predictor": ("quality_features", "binary", 7),
}
"""Feature table, problem and the last day after t that is looked at, by model."""
FIRST_OF_THEIR_KIND = frozenset(
    {(table, horizon): name for name, (table, _, horizon) in reversed(CATALOGUE.items())}.values()
)
"""One model of each feature table and horizon: rows of the others are cut alike, as each needs
queries of its own they are looked at on one Monday only."""
MODELS = pytest.mark.parametrize("spec", catalog(), ids=lambda spec: spec.name)
SUPERVISED = pytest.mark.parametrize(
    "spec", [s for s in catalog() if s.problem != "anomaly"], ids=lambda spec: spec.name
)


def until(labels: pd.DataFrame, last: date) -> pd.DataFrame:
    """Return the rows of the days up to `last`."""
    return labels[labels.index.get_level_values(0) <= last]


def on(labels: pd.DataFrame, day: date) -> pd.DataFrame:
    """Return the rows of one day."""
    return labels[labels.index.get_level_values(0) == day]


def differing(found: pd.Series, expected: pd.Series) -> int:
    """Return how many rows differ, those counted that only one side has."""
    found, expected = found.align(expected)
    same = (found == expected) | (found.isna() & expected.isna())
    return int((~same.fillna(value=False).astype(bool)).sum())


@pytest.fixture(scope="module")
def estates(tmp_path_factory: pytest.TempPathFactory) -> Estates:
    """Return the estate, whole and as it was known on two Mondays."""
    return Estates(tmp_path_factory.mktemp("honest"))


@MODELS
def test_a_ripe_label_is_the_same_without_later_raw_rows(estates: Estates, spec: ModelSpec) -> None:
    known = 0
    for monday in MONDAYS:
        ripe = monday - timedelta(days=1 + spec.horizon_days)
        found, expected = (
            until(estates.labels(spec.feature_table, *when), ripe)[spec.target.column]
            for when in ((monday,), ())
        )
        assert differing(found, expected) == 0
        known += int(expected.notna().sum())
    assert known > 0


@SUPERVISED
def test_an_outcome_is_unknown_without_later_raw_rows(estates: Estates, spec: ModelSpec) -> None:
    table, column = spec.feature_table, spec.target.column
    for monday in MONDAYS:
        today = on(estates.labels(table, monday), monday - timedelta(days=1))
        assert len(today)
        assert today[column].notna().sum() == 0


@MODELS
def test_without_the_days_of_its_horizon_a_label_says_nothing_whatever_comes_later(
    estates: Estates, spec: ModelSpec
) -> None:
    """With the horizon cut out, a label that looks beyond sees other days, one that looks at t t.

    A workspace without rows costs nothing, so nothing may also be zero.
    """
    table, column = spec.feature_table, spec.target.column
    known = 0
    for day in CUT_OUT_AFTER if spec.horizon_days <= 7 else CUT_OUT_EARLIER:
        with_later, without = (
            estates.cut_out(table, day, spec.horizon_days, later=later)[column]
            for later in (True, False)
        )
        assert differing(with_later, without) == 0, day
        if spec.problem != "anomaly":
            nothing = without.dropna()
            assert (nothing == 0).all() if table == "cost_features" else nothing.empty, day
        known += int(on(estates.labels(table), day)[column].notna().sum())
    assert known > 0


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("CURRENT ROW AND INTERVAL 7 DAYS", "INTERVAL 1 DAYS FOLLOWING AND INTERVAL 7 DAYS"),
        ("AND INTERVAL 8 DAYS", "AND INTERVAL 7 DAYS"),
    ],
)
def test_a_label_that_looks_at_its_own_day_or_a_day_too_far_would_be_found(
    estates: Estates, monkeypatch: pytest.MonkeyPatch, wrong: str, right: str
) -> None:
    assert right in label_sql("cost_features")
    sql = label_sql("cost_features").replace(right, wrong)
    monkeypatch.setattr("ngm_assets_tests.honest.label_sql", lambda _: sql)
    monkeypatch.setattr(estates, "cut_out", estates._cut_out)
    spec = next(spec for spec in catalog() if spec.name == "budget_forecaster")
    with pytest.raises(AssertionError):
        test_without_the_days_of_its_horizon_a_label_says_nothing_whatever_comes_later(
            estates, spec
        )


@pytest.mark.parametrize("table", sorted(feature_contracts()))
@pytest.mark.parametrize("monday", MONDAYS)
def test_features_of_the_last_week_known_need_no_later_raw_row(
    estates: Estates, table: str, monday: date
) -> None:
    """Beside the awkward landings of the point-in-time tests: every table, with rows."""
    name = feature_contracts()[table].full_name
    span = (monday - timedelta(days=7), monday - timedelta(days=1))
    found, expected = (
        sorted(read_rows(platform, name, *span), key=repr)
        for platform in (estates.known[monday], estates.whole)
    )
    assert repr(found) == repr(expected)
    assert found


@MODELS
def test_a_training_frame_is_what_could_have_been_known_on_its_monday(
    estates: Estates, spec: ModelSpec
) -> None:
    rows = 0
    for monday in MONDAYS if spec.name in FIRST_OF_THEIR_KIND else MONDAYS[-1:]:
        early, late = (estates.frame(spec.name, monday, early=early) for early in (True, False))
        pd.testing.assert_frame_equal(late.keys, early.keys)
        pd.testing.assert_frame_equal(late.features, early.features, check_exact=True)
        assert late.label is not None and early.label is not None
        np.testing.assert_array_equal(late.label, early.label)
        assert late.baseline is not None and early.baseline is not None
        np.testing.assert_array_equal(late.baseline, early.baseline)
        assert frame_fingerprint(late) == frame_fingerprint(early)
        end, horizon = np.datetime64(monday, "D"), np.timedelta64(spec.horizon_days, "D")
        assert (late.dates < end).all()
        assert (late.dates[np.isfinite(late.label)] + horizon < end).all()
        rows += len(late)
    assert rows > 0


def taught(spec: ModelSpec, frame: ModelFrame) -> ModelFrame:
    """Return the rows that a model trains on: by entity only the latest of each."""
    if spec.training.split == "time":
        return frame
    return frame.select(latest_per_entity(frame.keys, date_column(frame.keys)))


def enough_to_scan(spec: ModelSpec, label: np.ndarray) -> bool:
    """Return whether there are so many rows that no feature separates them by chance."""
    counts = np.unique(label, return_counts=True)[1]
    classes = spec.problem in ("binary", "multiclass")
    return len(label) >= LEAST_ROWS and (not classes or counts.min() >= LEAST_PER_CLASS)


@SUPERVISED
def test_no_single_feature_gives_the_label_away(estates: Estates, spec: ModelSpec) -> None:
    rows = taught(spec, estates.frame(spec.name, MONDAYS[-1], early=False))
    assert rows.label is not None
    assert enough_to_scan(spec, rows.label) == (spec.name not in TOO_FEW_TO_SCAN)
    if spec.name not in TOO_FEW_TO_SCAN:
        classes = spec.problem in ("binary", "multiclass")
        found = scan(rows.features, rows.label, classes=classes)
        assert found.strength is not None
        assert found.strength <= GIVEAWAY, found


def test_a_feature_that_is_the_label_would_be_found(estates: Estates) -> None:
    frame = estates.frame("job_failure_predictor", MONDAYS[-1], early=False)
    assert frame.label is not None
    found = scan(frame.features.assign(cheat=frame.label), frame.label, classes=True)
    assert (found.feature, found.strength) == ("cheat", 1.0)


def digest(values: np.ndarray) -> str:
    """Return a hash of values, whatever they are called; missing is missing."""
    if values.dtype == object:
        return hashlib.sha256(repr(values.tolist()).encode()).hexdigest()
    plain = np.where(np.isnan(values), np.nan, values + 0.0)
    return hashlib.sha256(plain.tobytes()).hexdigest()


def test_no_two_models_learn_the_same_from_the_same_in_one_way(estates: Estates) -> None:
    by_name: dict[object, str] = {}
    by_content: dict[object, str] = {}
    for spec in catalog():
        recipe = (
            spec.feature_table,
            spec.target.column,
            frozenset(spec.features),
            spec.estimator.type,
        )
        assert by_name.setdefault(recipe, spec.name) == spec.name
        frame = estates.frame(spec.name, MONDAYS[-1], early=False)
        assert frame.label is not None and len(frame)
        content = (
            digest(frame.keys.astype(str).to_numpy(dtype=object)),
            digest(frame.label),
            frozenset(digest(frame.features[name].to_numpy()) for name in frame.features),
            spec.estimator.type,
        )
        assert by_content.setdefault(content, spec.name) == spec.name
    assert len(by_name) == len(by_content) == len(catalog())


def test_no_two_labels_of_a_table_say_the_same(estates: Estates) -> None:
    for table in feature_contracts():
        columns = sorted({s.target.column for s in catalog() if s.feature_table == table})
        labels = estates.labels(table)
        texts = {name: tuple(labels[name].astype(str)) for name in columns}
        assert len(set(texts.values())) == len(columns) > 0, table


def test_the_catalogue_holds_the_twenty_five_models() -> None:
    found = {spec.name: (spec.feature_table, spec.problem, spec.horizon_days) for spec in catalog()}
    assert found == CATALOGUE
    assert len(catalog()) == 25
    anomalies = [spec.name for spec in catalog() if spec.problem == "anomaly"]
    assert (len(anomalies), len(catalog()) - len(anomalies)) == (7, 18)


def test_every_model_and_its_predictions_are_assets_with_checks(tmp_path: Path) -> None:
    defs = build_defs(load_settings(env="local", home=tmp_path, environ={}))
    graph = defs.resolve_asset_graph()
    checks: Mapping[str, int] = {
        node.key.to_user_string(): len(node.check_keys) for node in graph.asset_nodes
    }
    for name in CATALOGUE:
        for key in (
            dg.AssetKey(["models", name]),
            dg.AssetKey(["predictions", f"{name}_predictions"]),
        ):
            assert checks[key.to_user_string()] > 0, key
    made = [key for key in checks if key.startswith(("models/", "predictions/"))]
    assert len(made) == 2 * len(CATALOGUE)
