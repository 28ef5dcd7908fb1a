"""The Dagster job that maintains the tables, on Databricks by a step there, and its schedule."""

from typing import Any

import dagster as dg

from ngm_assets.maintenance.tables import maintain_tables, raise_failures
from ngm_assets.resources import Launcher, PlatformResource

MAINTENANCE_JOB = "table_maintenance"


def maintenance_job() -> dg.JobDefinition:
    """Return the job; it makes no asset, for the rows stay as they are."""

    @dg.op(
        name="maintain_tables",
        description="Puts small files together, and deletes what no reader needs any more.",
    )
    def _maintain(
        context: dg.OpExecutionContext, platform: PlatformResource, step_launcher: Launcher
    ) -> None:
        done = maintain_tables(platform.open())
        for each in done:
            if each.note:
                context.log.warning(f"{each.table}: {each.note}")
        records = [
            dg.TableRecord(
                {
                    "table": each.table,
                    "files before": each.files_before,
                    "files after": each.files_after,
                    "bytes before": each.bytes_before,
                    "bytes after": each.bytes_after,
                    "note": each.note,
                }
            )
            for each in done
        ]
        told: dict[str, Any] = {"freed_bytes": sum(each.freed for each in done)}
        if records:
            told["tables"] = dg.MetadataValue.table(records)
        context.add_output_metadata(told)
        raise_failures(done)

    @dg.job(name=MAINTENANCE_JOB, description="Keeps the tables small and quick to open.")
    def _job() -> None:
        _maintain()

    return _job


def maintenance_schedule(job: Any) -> dg.ScheduleDefinition:
    """Return the weekly schedule; it is off until switched on."""
    return dg.ScheduleDefinition(
        name="maintenance_schedule",
        job=job,
        cron_schedule="0 3 * * 0",
        execution_timezone="UTC",
        description="Maintains the tables on Sundays, before the daily run.",
    )
