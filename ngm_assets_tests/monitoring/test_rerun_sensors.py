"""Sensors that follow runs: late rows, what is monitored, deliveries, partitions that failed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ngm_assets.gold.assets import SOURCE_ROWS
from ngm_assets.monitoring.evidence import RAW_ROWS, WAITING
from ngm_assets.monitoring.reruns.late import LateDay, late_days
from ngm_assets.monitoring.reruns.sensors import LATE_TAG, failure_sensor, late_data_sensor
from ngm_assets.monitoring.reruns.standing import report_rows
from ngm_assets.monitoring.sensors import WATCHED_TAG, monitoring_sensors
from ngm_assets.partitions import build_partitions
from ngm_assets.resources import RANGE_END, RANGE_START
from ngm_assets.settings import Settings, load_settings
from ngm_assets_tests.monitoring.told import run_of, said, tell, ticked

NEWEST = date(2026, 6, 28)
EARLIER = NEWEST - timedelta(days=9)
USAGE, AUDIT = "gold.fact_usage", "gold.fact_audit_logs"
DAILY = dg.define_asset_job("daily_pipeline", dg.AssetSelection.all())
JOBS = {
    "daily": DAILY,
    **{
        name: dg.define_asset_job(f"{name}_job", dg.AssetSelection.all())
        for name in ("training", "monitoring", "failures", "deliveries")
    },
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return the settings of a home that ends on the newest day."""
    return load_settings(env="local", home=tmp_path, start_date=date(2026, 6, 1), end_date=NEWEST)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Return an empty instance."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def sensor_of(settings: Settings, name: str) -> dg.SensorDefinition:
    """Return a sensor by name."""
    every = monitoring_sensors(settings, build_partitions(settings), JOBS)
    return next(each for each in every if each.name == name)


def counted(instance: dg.DagsterInstance, **rows: int) -> None:
    """Tell how many raw rows the two days of usage have now, by `earlier` and `newest`."""
    days = {EARLIER.isoformat(): rows["earlier"], NEWEST.isoformat(): rows["newest"]}
    tell(instance, "monitoring.data_quality", NEWEST, {RAW_ROWS: {USAGE: days}})


def made(instance: dg.DagsterInstance, day: date, rows: int) -> None:
    """Tell that gold of a day was made of so many raw rows."""
    tell(instance, USAGE, day, {SOURCE_ROWS: rows})


def test_late_days_are_those_whose_rows_changed_and_that_were_made() -> None:
    made_of = {USAGE: {EARLIER: 10, NEWEST: 5}, AUDIT: {NEWEST: 7}}
    now = {USAGE: {EARLIER: 12, NEWEST: 5, NEWEST + timedelta(days=1): 3}, AUDIT: {}}
    assert late_days(made_of, now) == [
        LateDay(USAGE, EARLIER, 10, 12),
        LateDay(AUDIT, NEWEST, 7, 0),
    ]
    assert late_days(made_of, {}) == []


def test_changed_days_run_again_up_to_the_newest_once(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    sensor = late_data_sensor(settings, DAILY)
    made(instance, EARLIER, 10)
    made(instance, NEWEST, 5)
    counted(instance, earlier=10, newest=5)
    calm = ticked(sensor, instance, None)
    assert not calm.run_requests
    counted(instance, earlier=12, newest=5)
    (request,) = (answer := ticked(sensor, instance, calm.cursor)).run_requests
    assert request.tags[RANGE_START] == EARLIER.isoformat()
    assert request.tags[RANGE_END] == NEWEST.isoformat()
    assert "10 -> 12" in request.tags[LATE_TAG]
    assert isinstance(ticked(sensor, instance, answer.cursor), dg.SkipReason)
    assert ticked(sensor, instance, None).run_requests[0].run_key == request.run_key
    made(instance, EARLIER, 12)
    counted(instance, earlier=12, newest=5)
    assert not ticked(sensor, instance, answer.cursor).run_requests


def test_late_days_wait_for_the_daily_run_that_is_under_way(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    sensor = late_data_sensor(settings, DAILY)
    made(instance, EARLIER, 10)
    counted(instance, earlier=12, newest=5)
    run_of(instance, DAILY.name, dg.DagsterRunStatus.STARTED)
    assert "under way" in said(ticked(sensor, instance, None))


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE])
def test_every_daily_run_that_ended_is_monitored_once_for_its_days(
    settings: Settings, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    sensor = sensor_of(settings, "monitoring_sensor")
    none = ticked(sensor, instance, None)
    assert not none.run_requests
    tags = {RANGE_START: EARLIER.isoformat(), RANGE_END: NEWEST.isoformat()}
    first = run_of(instance, DAILY.name, status, tags)
    run_of(instance, DAILY.name, dg.DagsterRunStatus.STARTED, tags)
    run_of(instance, "training_job", status, tags)
    (request,) = (answer := ticked(sensor, instance, none.cursor)).run_requests
    assert request.run_key == first
    assert request.tags == tags | {WATCHED_TAG: first}
    assert not ticked(sensor, instance, answer.cursor).run_requests
    second = run_of(instance, DAILY.name, status, tags)
    assert [r.run_key for r in ticked(sensor, instance, answer.cursor).run_requests] == [second]


def test_deliveries_left_over_are_tried_again_after_a_while(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = sensor_of(settings, "alert_delivery_sensor")
    assert isinstance(ticked(sensor, instance, None), dg.SkipReason)
    tell(instance, "monitoring.alert_deliveries", NEWEST, {WAITING: 2})
    assert "not yet" in said(ticked(sensor, instance, None))

    monkeypatch.setattr("ngm_assets.monitoring.sensors.AGAIN", timedelta(seconds=-1))
    request = ticked(sensor, instance, None)
    assert request.partition_key == NEWEST.isoformat()
    tell(instance, "monitoring.alert_deliveries", NEWEST, {WAITING: 0})
    assert "Every delivery" in said(ticked(sensor, instance, None))


DAYS = dg.DailyPartitionsDefinition("2026-06-01", end_date="2026-06-29")


@dg.asset(key=["gold", "source"], partitions_def=DAYS)
def _source(context) -> None:  # type: ignore[no-untyped-def]
    if context.run.tags.get("fails"):
        raise RuntimeError("The disk is full.")


@dg.asset(
    key=["features", "below"],
    deps=[["gold", "source"]],
    partitions_def=DAYS,
)
def _below() -> None: ...


def test_failed_partitions_are_reported_once_by_their_cause_and_again_when_they_recover(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    definitions = dg.Definitions(assets=[_source, _below])
    repository = definitions.get_repository_def()
    job = definitions.resolve_implicit_global_asset_job_def()
    sensor = failure_sensor(build_partitions(settings), JOBS["failures"])

    def tick(cursor: str | None) -> Any:
        with dg.build_sensor_context(
            instance=instance, cursor=cursor, repository_def=repository
        ) as context:
            return sensor(context)

    def run(**tags: str) -> None:
        day = NEWEST.isoformat()
        job.execute_in_process(
            instance=instance, partition_key=day, tags=tags, raise_on_error=False
        )

    assert isinstance(tick(None), dg.SkipReason)
    run(fails="yes")
    (request,) = (reported := tick(None)).run_requests
    (failure,) = request.run_config["ops"]["monitoring__pipeline_failures"]["config"]["failures"]
    assert failure["asset"] == "gold.source"
    assert (failure["partitions"], failure["first_partition"]) == (1, NEWEST.isoformat())
    assert failure["detail"] == "RuntimeError: The disk is full."
    assert request.partition_key == NEWEST.isoformat()
    assert isinstance(tick(reported.cursor), dg.SkipReason)
    run(fails="again")
    again = tick(reported.cursor)
    assert not again.run_requests
    run()
    (request,) = (recovered := tick(again.cursor)).run_requests
    assert request.run_config["ops"]["monitoring__pipeline_failures"]["config"]["failures"] == []
    run()
    assert not tick(recovered.cursor).run_requests


def test_a_report_without_failures_says_so() -> None:
    (row,) = report_rows(NEWEST, [])
    assert (row["asset"], row["partitions"], row["monitor_date"]) == ("*", 0, NEWEST)
