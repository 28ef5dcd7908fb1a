"""Sensors that run days again for late rows, and that report partitions which stand failed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._core.storage.partition_status_cache import AssetPartitionStatus

from ngm_assets.gold.assets import SOURCE_ROWS
from ngm_assets.gold.tables import gold_contracts
from ngm_assets.lakehouse.assets import asset_key
from ngm_assets.monitoring.events import newest_event, told_by_day
from ngm_assets.monitoring.evidence import RAW_ROWS
from ngm_assets.monitoring.reruns.late import LateDay, late_days
from ngm_assets.monitoring.reruns.standing import StandingFailure
from ngm_assets.partitions import Partitions
from ngm_assets.redaction import redacted
from ngm_assets.resources import RANGE_END, RANGE_START
from ngm_assets.settings import Settings

QUALITY = asset_key("monitoring.data_quality")
REPORT = asset_key("monitoring.pipeline_failures")
ALERTS = asset_key("monitoring.alerts")
LATE_TAG = "ngm/late_rows"
NEWEST_RUNS = 20
"""Finished runs a tick looks through for what failed steps said."""
LONGEST = 500


def late_data_sensor(settings: Settings, job: Any) -> dg.SensorDefinition:
    """Return the sensor that runs days again whose raw rows changed.

    The run reaches to the newest day, because later features look back on the changed ones.

    Args:
        settings: How many days back are looked at.
        job: The daily job.
    """

    @dg.sensor(
        name="late_data_sensor",
        job=job,
        description="Runs the days again whose raw rows changed after their gold was made.",
        minimum_interval_seconds=300,
    )
    def _tick(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        instance = context.instance
        seen = newest_event(instance, QUALITY)
        if context.cursor == seen or not seen:
            return dg.SkipReason("Raw rows were not counted since.")
        if instance.get_run_records(_under_way(job.name), limit=1):
            return dg.SkipReason("The daily pipeline is under way.")
        newest = max(map(date.fromisoformat, instance.get_materialized_partitions(QUALITY)))
        late = _late(instance, newest, settings.monitoring.late_days)
        if not late:
            return dg.SensorResult(skip_reason="No raw rows changed.", cursor=seen)
        return dg.SensorResult(run_requests=[_again(late, newest)], cursor=seen)

    return _tick


def _under_way(job: str) -> dg.RunsFilter:
    return dg.RunsFilter(job_name=job, statuses=NOT_FINISHED_STATUSES)


def _late(instance: dg.DagsterInstance, newest: date, back: int) -> list[LateDay]:
    days = [newest - timedelta(days=n) for n in range(back)]
    counted = told_by_day(instance, QUALITY, [newest]).get(newest, {}).get(RAW_ROWS, {})
    made = {}
    for contract in gold_contracts().values():
        told = told_by_day(instance, asset_key(contract.full_name), days)
        rows = {day: each[SOURCE_ROWS] for day, each in told.items() if SOURCE_ROWS in each}
        made[contract.full_name] = rows
    dated = {
        table: {date.fromisoformat(day): rows for day, rows in found.items()}
        for table, found in counted.items()
    }
    return late_days(made, dated)


def _again(late: Sequence[LateDay], newest: date) -> dg.RunRequest:
    told = [f"{each.table} {each.day}: {each.before} -> {each.now}" for each in late]
    return dg.RunRequest(
        run_key=_digest(told),
        tags={
            RANGE_START: late[0].day.isoformat(),
            RANGE_END: newest.isoformat(),
            LATE_TAG: "; ".join(told)[:LONGEST],
        },
    )


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def failure_sensor(partitions: Partitions, job: Any) -> dg.SensorDefinition:
    """Return the sensor that reports partitions whose last run failed, and their recovery.

    Args:
        partitions: The days a report can be for.
        job: Stores the report and judges the alerts.
    """

    @dg.sensor(
        name="failed_partition_sensor",
        job=job,
        description="Reports partitions that stand failed, once whenever they change.",
        minimum_interval_seconds=120,
    )
    def _tick(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        instance = context.instance
        ended = instance.get_run_records(
            dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]),
            limit=1,
            order_by="update_timestamp",
        )
        run, _, known = (context.cursor or "|").partition("|")
        if not ended or ended[0].dagster_run.run_id == run:
            return dg.SkipReason("No run ended since.")
        if context.repository_def is None:
            return dg.SkipReason("The repository is not at hand.")
        standing = list(_standing(instance, context.repository_def.asset_graph))
        digest = _digest([(one.asset, one.partitions) for one in standing]) if standing else ""
        cursor = f"{ended[0].dagster_run.run_id}|{digest}"
        if digest == known:
            told = f"{len(standing)} assets stand failed, as reported." if standing else "None."
            return dg.SensorResult(skip_reason=told, cursor=cursor)
        day = _day_of_report(instance, partitions)
        return dg.SensorResult(
            run_requests=[_report(standing, day, f"{digest} {cursor}")], cursor=cursor
        )

    return _tick


def _standing(instance: dg.DagsterInstance, graph: Any) -> Iterator[StandingFailure]:
    """Yield the assets with failed partitions, but for those that only wait for a failed one."""
    failed: dict[dg.AssetKey, tuple[str, ...]] = {}
    for key in graph.materializable_asset_keys:
        partitions = graph.get(key).partitions_def
        if partitions is None or key == REPORT:
            continue
        keys = partitions.get_partition_keys()
        statuses = instance.get_status_by_partition(key, keys, partitions) or {}
        found = tuple(one for one in keys if statuses.get(one) == AssetPartitionStatus.FAILED)
        if found:
            failed[key] = found
    said = _said(instance) if failed else {}
    for key in sorted(failed):
        if not graph.get(key).parent_keys & failed.keys():
            run_id, detail = said.get(key.to_python_identifier(), ("", ""))
            yield StandingFailure(".".join(key.path), failed[key], run_id, detail)


def _day_of_report(instance: dg.DagsterInstance, partitions: Partitions) -> str:
    """Return the newest day with alerts, which the report joins; else the newest day there is."""
    judged = instance.get_materialized_partitions(ALERTS)
    return max(judged, default=None) or str(partitions.daily.get_last_partition_key())


def _report(standing: Sequence[StandingFailure], day: str, run_key: str) -> dg.RunRequest:
    failures = [one.row() for one in standing]
    op = REPORT.to_python_identifier()
    return dg.RunRequest(
        run_key=run_key,
        partition_key=day,
        run_config={"ops": {op: {"config": {"failures": failures}}}},
    )


def _said(instance: dg.DagsterInstance) -> dict[str, tuple[str, str]]:
    """Return run and message of the newest failure of each step, out of the newest failed runs."""
    failed = instance.get_run_records(
        dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]),
        limit=NEWEST_RUNS,
        order_by="update_timestamp",
    )
    found: dict[str, tuple[str, str]] = {}
    for record in failed:
        run_id = record.dagster_run.run_id
        for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
            event = entry.dagster_event
            error = None if event is None else event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            text = "" if error is None else redacted(error.message.strip())[:LONGEST]
            if event is not None and event.step_key:
                found.setdefault(event.step_key, (run_id, text))
    return found
