"""A Dagster instance to which tests tell what steps would have told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import dagster as dg

from ngm_assets.lakehouse.assets import as_metadata, asset_key


def tell(
    instance: dg.DagsterInstance, table: str, day: date, numbers: Mapping[str, Any] | None = None
) -> None:
    """Record that a partition of `schema.table` was materialised, and what was told with it."""
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            asset_key(table), partition=day.isoformat(), metadata=as_metadata(numbers or {})
        )
    )


def ticked(sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None) -> Any:
    """Return what a sensor answers to one tick."""
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        return sensor(context)


def run_of(
    instance: dg.DagsterInstance,
    job: str,
    status: dg.DagsterRunStatus,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Store a run and return its id."""
    run = dg.DagsterRun(job_name=job, status=status, tags=dict(tags or {}))
    instance.add_run(run)
    return run.run_id


def said(answer: Any) -> str:
    """Return why a tick asked for nothing."""
    reason = answer if isinstance(answer, dg.SkipReason) else answer.skip_reason
    return str(reason.skip_message)
