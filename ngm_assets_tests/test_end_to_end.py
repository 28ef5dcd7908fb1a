"""From raw files to predictions: equal runs give equal rows, and no row knows its future."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from ngm_assets.build import INFERENCE_JOB
from ngm_assets.features.tables import feature_contracts
from ngm_assets.lakehouse.delta import expected_types
from ngm_assets.models.catalog.spec import ANOMALY_THRESHOLD, SEVERITIES, ModelSpec
from ngm_assets.models.data.dataset import catalog
from ngm_assets.monitoring.tables import monitoring_contracts
from ngm_assets.predictions.tables import prediction_contract
from ngm_assets.raw.snapshots import snapshot_contracts
from ngm_assets_tests.whole import Whole

MODELS = pytest.mark.parametrize("spec", catalog(), ids=lambda spec: spec.name)


def predictions(whole: Whole, spec: ModelSpec) -> pd.DataFrame:
    """Return a model's predictions, the feature date as `day`."""
    contract = prediction_contract(spec)
    return whole.tables[contract.full_name].rename(columns={contract.partition: "day"})


def days_led(whole: Whole, spec: ModelSpec) -> dict[pd.Timestamp, int]:
    """Return the version in force on the scored days that have one."""
    found = whole.registry.versions_in_force(spec.name, whole.scored_days)
    return {pd.Timestamp(day): version for day, version in found.items() if version is not None}


def test_both_runs_succeed(whole: Whole) -> None:
    for run in (*whole.first, *whole.again):
        assert run.problems == ()
        assert run.success


def test_the_second_run_leaves_every_row_bit_for_bit_as_it_was(whole: Whole) -> None:
    assert sorted(whole.tables) == sorted(whole.tables_again)
    others = {c.full_name for c in snapshot_contracts().values()}
    others |= {c.full_name for c in monitoring_contracts().values()}
    assert set(whole.platform.contracts) - others == set(whole.tables)
    for name, rows in whole.tables.items():
        pd.testing.assert_frame_equal(
            rows, whole.tables_again[name], check_exact=True, obj=f"{name}, provenance included"
        )


def test_a_training_repeated_is_found_again(whole: Whole) -> None:
    assert whole.versions_again == whole.versions


def test_every_model_with_enough_rows_is_trained_and_every_problem_type_reigns(
    whole: Whole,
) -> None:
    """Sixty days are too few for horizons of 28 and 30 days and for what seldom happens."""
    never = {name for name, found in whole.versions.items() if not found}
    assert never <= {
        "commitment_recommender",
        "dbr_migration_risk_scorer",
        "job_cost_optimizer",
        "retry_success_predictor",
        "tag_recommender",
    }
    assert all(len(found) <= len(whole.plan.weeks) for found in whole.versions.values())
    reigning = [spec for spec in catalog() if days_led(whole, spec)]
    assert {spec.problem for spec in reigning} == {spec.problem for spec in catalog()}
    assert {spec.domain for spec in reigning} == {spec.domain for spec in catalog()}


@MODELS
def test_the_champion_is_the_newest_promoted_version(whole: Whole, spec: ModelSpec) -> None:
    versions = whole.versions[spec.name]
    promoted = [info for info in versions if info["promoted"]]
    crowned = [info for info in versions if "champion" in info["aliases"]]
    assert crowned == [info for info in promoted if info["as_of"] == promoted[-1]["as_of"]]
    assert {info["status"] for info in versions if info not in crowned} <= {"archived"}
    assert {info["status"] for info in crowned} <= {"champion"}


@MODELS
def test_a_version_knows_nothing_of_its_week(whole: Whole, spec: ModelSpec) -> None:
    for info in whole.versions[spec.name]:
        reach = timedelta(days=0 if spec.problem == "anomaly" else spec.horizon_days)
        assert info["trained_through"] + reach < info["as_of"]


@MODELS
def test_the_table_fits_its_contract(whole: Whole, spec: ModelSpec) -> None:
    contract = prediction_contract(spec)
    stored = whole.platform.lakehouse.column_types(contract.full_name)
    assert stored == expected_types(contract)
    rows = whole.tables[contract.full_name]
    assert not rows.duplicated(list(contract.key)).any()
    for column in contract.columns:
        assert column.nullable or rows[column.name].notna().all(), column.name


@MODELS
def test_every_key_is_scored_on_days_with_a_champion_and_none_on_others(
    whole: Whole, spec: ModelSpec
) -> None:
    features = feature_contracts()[spec.feature_table]
    rows = whole.tables[features.full_name]
    eligible = rows[rows[features.partition].isin(list(days_led(whole, spec)))]
    scored = whole.tables[prediction_contract(spec).full_name]
    pd.testing.assert_frame_equal(
        scored[list(features.key)].reset_index(drop=True),
        eligible[list(features.key)].reset_index(drop=True),
    )


@MODELS
def test_a_row_is_made_by_the_champion_in_force_which_knew_nothing_of_its_day(
    whole: Whole, spec: ModelSpec
) -> None:
    rows = predictions(whole, spec)
    led = days_led(whole, spec)
    known = {info["version"]: info for info in whole.versions[spec.name]}
    assert (rows["model_name"] == spec.name).all()
    for day, version in rows[["day", "model_version"]].drop_duplicates().itertuples(index=False):
        assert version == led[day]
        assert known[version]["trained_through"] < day.date()
        assert known[version]["as_of"] <= day.date()


@MODELS
def test_a_supervised_row_speaks_of_days_after_it(whole: Whole, spec: ModelSpec) -> None:
    rows = predictions(whole, spec)
    first, last = (0, 0) if spec.problem == "anomaly" else (1, spec.horizon_days)
    assert (rows["target_start"] == rows["day"] + timedelta(days=first)).all()
    assert (rows["target_end"] == rows["day"] + timedelta(days=last)).all()


@MODELS
def test_scores_flags_and_severities_agree(whole: Whole, spec: ModelSpec) -> None:
    rows = predictions(whole, spec)
    assert np.isfinite(rows["prediction"]).all()
    if spec.problem == "anomaly":
        score = rows["anomaly_score"]
        assert score.between(0, 1).all()
        assert (rows["is_anomaly"] == (score >= ANOMALY_THRESHOLD).astype(int)).all()
        assert (rows["prediction"] == score).all()
        basis = score
    elif spec.problem == "binary":
        assert rows["probability"].between(0, 1).all()
        assert rows["is_anomaly"].isna().all()
        basis = rows["probability"]
    elif spec.problem == "multiclass":
        assert rows["probability"].between(0, 1).all()
        assert rows["predicted_label"].notna().all()
        basis = rows["probability"]
    elif spec.severity_of == "prediction":
        basis = rows["prediction"]
    else:
        basis = rows["prediction"] / rows["expected"].where(rows["expected"] > 0)
    bands = [(name, spec.severity[name]) for name in SEVERITIES if name in spec.severity]
    wanted = pd.Series("info", index=rows.index, dtype=object)
    for name, bound in bands:
        wanted[basis >= bound if spec.worse == "higher" else basis <= bound] = name
    wanted[basis.isna()] = None
    wanted[rows["predicted_label"].isin(spec.quiet_classes)] = "info"
    assert wanted.fillna("unknown").tolist() == rows["severity"].fillna("unknown").tolist()
    assert (rows["severity"].isin(SEVERITIES[1:]) == rows["recommended_action"].notna()).all()


@MODELS
def test_drivers_name_features_of_the_model(whole: Whole, spec: ModelSpec) -> None:
    rows = predictions(whole, spec)
    for text, alarm in zip(rows["drivers"], rows["recommended_action"].notna(), strict=True):
        drivers = json.loads(text)
        assert len(drivers) <= 3
        assert {driver["feature"] for driver in drivers} <= set(spec.features)
        assert drivers or not alarm


@pytest.mark.parametrize(
    ("model", "kinds", "share"),
    [
        ("cost_anomaly_detector", ("runaway_cluster",), 0.02),
        ("security_threat_detector", ("credential_stuffing", "exfiltration"), 0.02),
    ],
)
def test_planted_incidents_rank_near_the_top_of_the_scored_rows(
    whole: Whole, model: str, kinds: tuple[str, ...], share: float
) -> None:
    """On this estate: 1st of 196 rows for cost; 1st, 2nd and 3rd of 1161 for security.

    Changed behaviour (4th to 58th over its days) and privilege escalation (38th) rank lower and
    are not promised here.
    """
    spec = next(spec for spec in catalog() if spec.name == model)
    rows = predictions(whole, spec)
    led = days_led(whole, spec)
    planted = [i for i in whole.incidents(*kinds) if pd.Timestamp(i["start"]) in led]
    assert planted
    for incident in planted:
        ((name, value),) = incident["entity"].items()
        hit = rows[(rows[name] == value) & (rows["day"] == pd.Timestamp(incident["start"]))]
        (score,) = hit["anomaly_score"]
        rank = int((rows["anomaly_score"] > score).sum()) + 1
        assert rank <= max(1, share * len(rows)), f"{incident['id']}: {rank} of {len(rows)}"


def test_rows_left_as_they_were_keep_who_wrote_them_and_when(whole: Whole) -> None:
    inference = {run.run_id for run in whole.first if run.job == INFERENCE_JOB}
    for spec in catalog():
        rows = whole.tables_again[prediction_contract(spec).full_name]
        assert set(rows["run_id"]) <= inference
