"""The drift and the performance sensor: what they ask for, once, however often they tick."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ngm_assets.monitoring.evidence import NEW_LABELS, SEVERITY_BY_MODEL
from ngm_assets.monitoring.retraining.sensors import (
    DAY_TAG,
    MODEL_TAG,
    REASON_TAG,
    retraining_sensors,
)
from ngm_assets.partitions import build_partitions
from ngm_assets.settings import load_settings
from ngm_assets_tests.monitoring.told import run_of, said, tell, ticked

MODEL, OTHER = "budget_forecaster", "job_failure_predictor"
SUNDAY = date(2026, 6, 28)
MONDAY = SUNDAY + timedelta(days=1)
DRIFT, PERFORMANCE = "monitoring.drift_metrics", "monitoring.model_performance"
TRAINING = dg.define_asset_job("ml_training_pipeline", dg.AssetSelection.all())
TABLES = {"drift_sensor": DRIFT, "performance_sensor": PERFORMANCE}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Return an instance on which both models were trained a week ago, and labels ripened since."""
    with dg.DagsterInstance.ephemeral() as made:
        for model in (MODEL, OTHER):
            tell(made, f"models.{model}", MONDAY - timedelta(days=7))
        tell(made, PERFORMANCE, SUNDAY, {NEW_LABELS: {MODEL: 500, OTHER: 500}})
        yield made


def sensors_of(home: Path, end: date | None = None) -> list[dg.SensorDefinition]:
    """Return both sensors of a home whose partitions go on, or end."""
    settings = load_settings(
        env="local", home=home, start_date=date(2026, 1, 1), end_date=end, environ={}
    )
    return retraining_sensors(settings, build_partitions(settings), TRAINING)


@pytest.fixture(params=sorted(TABLES))
def sensor(request: pytest.FixtureRequest, tmp_path: Path) -> dg.SensorDefinition:
    """Return each of the two sensors."""
    sensors = sensors_of(tmp_path)
    return next(each for each in sensors if each.name == request.param)


def find(
    instance: dg.DagsterInstance, sensor: dg.SensorDefinition, day: date, **found: str
) -> None:
    """Tell what was found on a day, by model."""
    numbers: dict[str, Any] = {SEVERITY_BY_MODEL: found}
    if sensor.name == "performance_sensor":
        numbers[NEW_LABELS] = {MODEL: 500, OTHER: 500}
    tell(instance, TABLES[sensor.name], day, numbers)


def test_critical_asks_for_the_model_alone_and_says_why(
    instance: dg.DagsterInstance, sensor: dg.SensorDefinition
) -> None:
    find(instance, sensor, SUNDAY, **{MODEL: "critical", OTHER: "moderate"})
    answer = ticked(sensor, instance, None)
    (request,) = answer.run_requests
    assert request.partition_key == MONDAY.isoformat()
    assert request.asset_selection == [dg.AssetKey(["models", MODEL])]
    assert request.tags[MODEL_TAG] == MODEL
    assert request.tags[DAY_TAG] == SUNDAY.isoformat()
    assert request.tags[REASON_TAG] == f"critical on {SUNDAY}"


def test_a_second_tick_without_news_asks_for_nothing(
    instance: dg.DagsterInstance, sensor: dg.SensorDefinition
) -> None:
    find(instance, sensor, SUNDAY, **{MODEL: "critical"})
    first = ticked(sensor, instance, None)
    assert len(first.run_requests) == 1
    assert isinstance(ticked(sensor, instance, first.cursor), dg.SkipReason)


def test_racing_ticks_ask_with_one_key_which_dagster_runs_once(
    instance: dg.DagsterInstance, sensor: dg.SensorDefinition
) -> None:
    find(instance, sensor, SUNDAY, **{MODEL: "critical"})
    keys = {ticked(sensor, instance, None).run_requests[0].run_key for _ in range(2)}
    assert len(keys) == 1


def test_a_restart_without_a_cursor_respects_the_cooldown_and_the_other_sensor(
    instance: dg.DagsterInstance, sensor: dg.SensorDefinition
) -> None:
    find(instance, sensor, SUNDAY, **{MODEL: "critical"})
    (request,) = ticked(sensor, instance, None).run_requests
    run_of(instance, TRAINING.name, dg.DagsterRunStatus.FAILURE, request.tags)
    answer = ticked(sensor, instance, None)
    assert not answer.run_requests
    assert "cooldown" in said(answer)
    find(instance, sensor, SUNDAY + timedelta(days=6), **{MODEL: "critical"})
    assert not ticked(sensor, instance, None).run_requests
    find(instance, sensor, SUNDAY + timedelta(days=7), **{MODEL: "critical"})
    assert len(ticked(sensor, instance, None).run_requests) == 1


def test_a_training_under_way_holds_back_its_models(
    instance: dg.DagsterInstance, sensor: dg.SensorDefinition
) -> None:
    find(instance, sensor, SUNDAY, **{MODEL: "critical"})
    run_of(instance, TRAINING.name, dg.DagsterRunStatus.STARTED)
    answer = ticked(sensor, instance, None)
    assert not answer.run_requests
    assert "under way" in said(answer)


def test_days_that_are_judged_again_late_count_by_their_newest_judgement(
    instance: dg.DagsterInstance, sensor: dg.SensorDefinition
) -> None:
    find(instance, sensor, SUNDAY, **{MODEL: "critical"})
    find(instance, sensor, SUNDAY, **{MODEL: "none"})
    assert not ticked(sensor, instance, None).run_requests


def test_severe_for_days_asks_when_the_newest_day_is_severe(
    instance: dg.DagsterInstance, sensor: dg.SensorDefinition
) -> None:
    for back in (2, 1, 0):
        find(instance, sensor, SUNDAY - timedelta(days=back), **{MODEL: "severe"})
    assert len(ticked(sensor, instance, None).run_requests) == 1
    find(instance, sensor, SUNDAY + timedelta(days=1), **{MODEL: "none"})
    assert not ticked(sensor, instance, None).run_requests


def test_an_estate_that_ended_is_not_asked_for_a_monday_after_its_end(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    drift = next(each for each in sensors_of(tmp_path, SUNDAY) if each.name == "drift_sensor")
    find(instance, drift, SUNDAY, **{MODEL: "critical"})
    answer = ticked(drift, instance, None)
    assert not answer.run_requests
    assert f"no partition {MONDAY}" in said(answer)


def test_nothing_judged_is_said(sensor: dg.SensorDefinition) -> None:
    with dg.DagsterInstance.ephemeral() as empty:
        answer = ticked(sensor, empty, None)
    assert isinstance(answer, dg.SkipReason)


def test_too_few_new_labels_or_unknown_ones_hold_it_back(tmp_path: Path) -> None:
    sensors = sensors_of(tmp_path)
    drift = next(each for each in sensors if each.name == "drift_sensor")
    with dg.DagsterInstance.ephemeral() as instance:
        find(instance, drift, SUNDAY, **{MODEL: "critical"})
        first = ticked(drift, instance, None)
        assert "not known" in said(first)
        tell(instance, PERFORMANCE, SUNDAY, {NEW_LABELS: {MODEL: 3}})
        second = ticked(drift, instance, first.cursor)
        assert "3 labels" in said(second)
        tell(instance, PERFORMANCE, SUNDAY, {NEW_LABELS: {MODEL: 300}})
        assert len(ticked(drift, instance, second.cursor).run_requests) == 1
