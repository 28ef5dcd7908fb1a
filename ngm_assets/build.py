"""The only assembler: settings in, a fresh Definitions out; code location, CLI, tests call it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from ngm_assets.databricks import on_databricks
from ngm_assets.engine.launcher import launcher_resource
from ngm_assets.features.assets import feature_assets
from ngm_assets.gold.assets import gold_assets
from ngm_assets.maintenance.job import MAINTENANCE_JOB, maintenance_job, maintenance_schedule
from ngm_assets.models.assets import model_assets
from ngm_assets.monitoring.assets import monitoring_assets
from ngm_assets.monitoring.checks import monitoring_check_keys, monitoring_checks
from ngm_assets.monitoring.sensors import monitoring_sensors
from ngm_assets.monitoring.validation import validate_monitoring
from ngm_assets.partitions import Partitions, build_partitions
from ngm_assets.predictions.assets import prediction_assets
from ngm_assets.raw.assets import raw_specs, snapshot_assets
from ngm_assets.raw.snapshots import SNAPSHOTS
from ngm_assets.resources import (
    RANGE_END,
    RANGE_START,
    STEP_LAUNCHER,
    PlatformResource,
    RegistryResource,
    parent_run_resource,
)
from ngm_assets.settings import Settings

FEATURE_JOB = "ml_feature_pipeline"
TRAINING_JOB = "ml_training_pipeline"
INFERENCE_JOB = "ml_inference_pipeline"
DAILY_JOB = "daily_pipeline"
MONITORING_JOB = "ml_monitoring_pipeline"
FAILURE_JOB = "failure_report"
DELIVERY_JOB = "alert_delivery"
SNAPSHOT_JOB = "information_schema_snapshots"


def build_defs(
    settings: Settings, *, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Assemble the code location of one environment.

    Args:
        settings: The environment.
        resource_overrides: Resources by key that replace the environment's own.
    """
    validate_monitoring(settings)
    partitions = build_partitions(settings)
    registry = RegistryResource.of(settings)
    resources: dict[str, Any] = {
        "platform": PlatformResource.of(settings),
        "registry": registry,
        STEP_LAUNCHER: launcher_resource(settings),
        "parent_run": parent_run_resource(registry, settings.env),
        **(resource_overrides or {}),
    }
    jobs = _jobs(settings)
    return dg.Definitions(
        assets=[
            *raw_specs(settings),
            *snapshot_assets(settings),
            *gold_assets(settings, partitions),
            *feature_assets(settings, partitions),
            *model_assets(partitions),
            *prediction_assets(settings, partitions),
            *monitoring_assets(settings, partitions),
        ],
        asset_checks=monitoring_checks(),
        jobs=list(jobs.values()),
        schedules=_schedules(settings, partitions, jobs) if settings.schedules else [],
        sensors=_sensors(settings, partitions, jobs) if settings.schedules else [],
        resources=resources,
        executor=_executor(settings),
    )


def _executor(settings: Settings) -> dg.ExecutorDefinition:
    """Return what runs the steps of a job: one after the other here, several at once remotely."""
    if settings.local or on_databricks():
        return dg.in_process_executor
    executor: dg.ExecutorDefinition = dg.multiprocess_executor.configured(
        {"max_concurrent": settings.workspace.parallel_steps}
    )
    return executor


def _jobs(settings: Settings) -> dict[str, Any]:
    judged = dg.AssetSelection.checks(*monitoring_check_keys())
    selections: dict[str, tuple[dg.AssetSelection, str]] = {
        FEATURE_JOB: (_groups("gold", "features"), "Raw tables to gold to features."),
        TRAINING_JOB: (_groups("models"), "Train, judge and promote every model."),
        INFERENCE_JOB: (_groups("predictions"), "Score days with the champions."),
        DAILY_JOB: (
            _groups("gold", "features", "predictions"),
            "Gold, features and predictions of the newest days, as one graph.",
        ),
        MONITORING_JOB: (
            (_groups("monitoring") - _monitoring("pipeline_failures")) | judged,
            "Drift, performance, quality and alerts of days that ran.",
        ),
        FAILURE_JOB: (
            _monitoring("pipeline_failures", "alerts", "alert_deliveries"),
            "Reports failed partitions, judges the alerts, tells who is to be told.",
        ),
        DELIVERY_JOB: (_monitoring("alert_deliveries"), "Tells what is still to be told."),
    }
    if not settings.local:
        taken = dg.AssetSelection.assets(*(name.split(".") for name in SNAPSHOTS))
        selections[SNAPSHOT_JOB] = (taken, "Today's snapshots of the information schema.")
    made: dict[str, Any] = {
        name: dg.define_asset_job(name, selection, description=text)
        for name, (selection, text) in selections.items()
    }
    return made | {MAINTENANCE_JOB: maintenance_job()}


def _groups(*names: str) -> dg.AssetSelection:
    """Return the assets of groups with their checks, but for those that monitoring makes."""
    return dg.AssetSelection.groups(*names) - dg.AssetSelection.checks(*monitoring_check_keys())


def _monitoring(*tables: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*(["monitoring", table] for table in tables))


def _sensors(
    settings: Settings, partitions: Partitions, jobs: Mapping[str, Any]
) -> list[dg.SensorDefinition]:
    return monitoring_sensors(
        settings,
        partitions,
        {
            "daily": jobs[DAILY_JOB],
            "training": jobs[TRAINING_JOB],
            "monitoring": jobs[MONITORING_JOB],
            "failures": jobs[FAILURE_JOB],
            "deliveries": jobs[DELIVERY_JOB],
        },
    )


def _schedules(
    settings: Settings, partitions: Partitions, jobs: Mapping[str, Any]
) -> list[dg.ScheduleDefinition]:
    @dg.schedule(
        name="daily_schedule",
        job=jobs[DAILY_JOB],
        cron_schedule="0 5 * * *",
        execution_timezone="UTC",
        description=f"Runs the last {settings.refresh_days} days, so that late rows arrive.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        end = context.scheduled_execution_time.date() - timedelta(days=1)
        if settings.end_date is not None and end > settings.end_date:
            return dg.SkipReason(f"The estate ended on {settings.end_date}.")
        start = max(end - timedelta(days=settings.refresh_days - 1), settings.start_date)
        return dg.RunRequest(
            run_key=end.isoformat(),
            tags={RANGE_START: start.isoformat(), RANGE_END: end.isoformat()},
        )

    @dg.schedule(
        name="weekly_training_schedule",
        job=jobs[TRAINING_JOB],
        cron_schedule="0 7 * * 1",
        execution_timezone="UTC",
        description="Trains every model as of this Monday, after the daily run.",
    )
    def weekly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        monday = context.scheduled_execution_time.date()
        if settings.end_date is not None and monday > settings.end_date:
            return dg.SkipReason(f"The estate ended on {settings.end_date}.")
        return dg.RunRequest(run_key=monday.isoformat(), partition_key=monday.isoformat())

    maintenance = maintenance_schedule(jobs[MAINTENANCE_JOB])
    if SNAPSHOT_JOB not in jobs:
        return [daily, weekly, maintenance]
    snapshots = dg.ScheduleDefinition(
        name="snapshot_schedule",
        job=jobs[SNAPSHOT_JOB],
        cron_schedule="30 23 * * *",
        execution_timezone="UTC",
        description="Takes each day's snapshot while the day still lasts.",
    )
    return [daily, weekly, maintenance, snapshots]
