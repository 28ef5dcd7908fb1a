"""The sensors of monitoring: what follows a pipeline run, retraining, reruns, deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from ngm_assets.lakehouse.assets import asset_key
from ngm_assets.monitoring.evidence import WAITING
from ngm_assets.monitoring.reruns.sensors import failure_sensor, late_data_sensor
from ngm_assets.monitoring.retraining.sensors import retraining_sensors
from ngm_assets.partitions import Partitions
from ngm_assets.resources import PARTITION, RANGE_END, RANGE_START
from ngm_assets.settings import Settings

DELIVERIES = asset_key("monitoring.alert_deliveries")
WATCHED_TAG = "ngm/watched_run"
ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
NEWEST_RUNS = 20
NO_RUNS = "none"
"""Cursor of a tick that found no run: all that end later are fresh, not just the newest."""
AGAIN = timedelta(hours=1)
"""Time between two attempts at deliveries that failed or wait."""


def monitoring_sensors(
    settings: Settings, partitions: Partitions, jobs: Mapping[str, Any]
) -> list[dg.SensorDefinition]:
    """Return all sensors; they are off until switched on.

    Args:
        settings: Of the environment.
        partitions: The days and weeks.
        jobs: By what they are for: daily, training, monitoring, failures, deliveries.
    """
    return [
        _watch_sensor(jobs["daily"], jobs["monitoring"]),
        *retraining_sensors(settings, partitions, jobs["training"]),
        late_data_sensor(settings, jobs["daily"]),
        failure_sensor(partitions, jobs["failures"]),
        _delivery_sensor(jobs["deliveries"]),
    ]


def _watch_sensor(daily: Any, monitoring: Any) -> dg.SensorDefinition:
    """Return the sensor that monitors the days of a daily run once it ended, failed or not.

    In a run of its own: what fails there stops no predictions, and a failed table is seen.
    """

    @dg.sensor(
        name="monitoring_sensor",
        job=monitoring,
        description="Monitors the days of every daily run that ended, whether it failed or not.",
        minimum_interval_seconds=60,
    )
    def _tick(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        filters = dg.RunsFilter(job_name=daily.name, statuses=ENDED)
        records = context.instance.get_run_records(filters, limit=NEWEST_RUNS)
        runs = [record.dagster_run for record in records]
        if not runs:
            return dg.SensorResult(skip_reason="No daily run ended yet.", cursor=NO_RUNS)
        if context.cursor is None:
            fresh = runs[:1]
        else:
            known = context.cursor.split(",")
            fresh = [run for run in runs if run.run_id not in known]
        requests = []
        for run in reversed(fresh):
            first = run.tags.get(RANGE_START) or run.tags.get(PARTITION)
            last = run.tags.get(RANGE_END) or first
            if first and last:
                tags = {RANGE_START: first, RANGE_END: last, WATCHED_TAG: run.run_id}
                requests.append(dg.RunRequest(run_key=run.run_id, tags=tags))
        cursor = ",".join(run.run_id for run in runs)
        nothing = None if requests else "No daily run ended since."
        return dg.SensorResult(run_requests=requests, skip_reason=nothing, cursor=cursor)

    return _tick


def _delivery_sensor(job: Any) -> dg.SensorDefinition:
    @dg.sensor(
        name="alert_delivery_sensor",
        job=job,
        description="Tries deliveries again that failed, or that waited for quiet hours to end.",
        minimum_interval_seconds=300,
    )
    def _tick(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        records = context.instance.fetch_materializations(DELIVERIES, limit=1).records
        if not records or records[0].asset_materialization is None:
            return dg.SkipReason("No alert was ever delivered.")
        told = records[0].asset_materialization.metadata.get(WAITING)
        if told is None or not told.value:
            return dg.SkipReason("Every delivery was made.")
        if datetime.now(UTC) - datetime.fromtimestamp(records[0].timestamp, UTC) < AGAIN:
            return dg.SkipReason(f"{told.value} deliveries are to be made; not yet again.")
        day = context.instance.get_materialized_partitions(DELIVERIES)
        return dg.RunRequest(run_key=str(records[0].storage_id), partition_key=max(day))

    return _tick
