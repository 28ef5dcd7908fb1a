"""Monitoring as Dagster assets: what was found per day, what became of it, who was told."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

from ngm_assets.days import days_between
from ngm_assets.engine.base import Query, Window
from ngm_assets.features.tables import feature_contracts
from ngm_assets.gold.tables import gold_contracts
from ngm_assets.lakehouse.assets import (
    CONTRACT_CHECKS,
    as_metadata,
    asset_key,
    check_specs,
    materialized,
    table_metadata,
)
from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.lakehouse.quality import SAMPLE, Finding, measure
from ngm_assets.models.data.dataset import catalog
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets.monitoring.alerting.alerts import alert_rows
from ngm_assets.monitoring.alerting.conditions import ALERTED
from ngm_assets.monitoring.alerting.delivery import deliver
from ngm_assets.monitoring.drift.rows import drift_rows
from ngm_assets.monitoring.evidence import NEW_LABELS, RAW_ROWS
from ngm_assets.monitoring.performance.rows import new_labels, performance_rows
from ngm_assets.monitoring.quality.raw_counts import raw_counts
from ngm_assets.monitoring.quality.rows import quality_rows
from ngm_assets.monitoring.report.page import SHOWN_DAYS, report_page, write_report
from ngm_assets.monitoring.reruns.standing import report_rows
from ngm_assets.monitoring.tables import monitoring_contracts
from ngm_assets.monitoring.telling import (
    Told,
    nothing_told,
    told_of_alerts,
    told_of_deliveries,
    told_of_drift,
    told_of_failures,
    told_of_performance,
    told_of_quality,
)
from ngm_assets.partitions import Partitions, days_of
from ngm_assets.platform import Platform
from ngm_assets.predictions.tables import prediction_contracts
from ngm_assets.resources import Launcher, PlatformResource, RegistryResource
from ngm_assets.settings import Settings

OWNER = "team:data-platform"
HORIZON = max(spec.horizon_days for spec in catalog())
MEANINGS = {
    "everything_evaluated": "Nothing is left that could not be evaluated; a warning says what.",
    "every_delivery_made": "No sink failed, and none waits for quiet hours to end.",
}


@dataclass(frozen=True)
class Job:
    """What a monitoring step is given.

    Attributes:
        platform: Tables and settings.
        registry: Models.
        start: First day.
        end: Last day.
        config: Of the step, where it has any.
    """

    platform: Platform
    registry: ModelRegistry
    start: date
    end: date
    config: Mapping[str, Any]


Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Kind:
    """One table of monitoring.

    Attributes:
        table: Its name.
        deps: What it reads.
        rows: Makes all rows of the days.
        told: Says per day what the rows mean.
        check: The check of its own, of `MEANINGS`; empty = none.
        facts: Says more about the newest day.
        config: Schema of the step's configuration.
        kept: Each row is stored as it is made, maybe by several runs at once; the step stores none.
    """

    table: str
    deps: tuple[dg.AssetDep, ...]
    rows: Callable[[Job], Rows]
    told: Callable[[date, Rows], Told]
    check: str = "everything_evaluated"
    facts: Callable[[Job], Told] | None = None
    config: Mapping[str, Any] | None = None
    kept: bool = False


def monitoring_assets(settings: Settings, partitions: Partitions) -> list[dg.AssetsDefinition]:
    """Return the tables of monitoring as assets."""
    return [_asset(kind, settings, partitions) for kind in _kinds(settings, partitions)]


def _kinds(settings: Settings, partitions: Partitions) -> Iterator[Kind]:
    watched = [*feature_contracts().values(), *prediction_contracts().values()]
    window = partitions.trailing(settings.monitoring.drift.window_days - 1)
    ripe = partitions.trailing(settings.monitoring.performance.window_days + HORIZON - 1)
    yield Kind("drift_metrics", _over(watched, window), _drift, told_of_drift)
    yield Kind(
        "model_performance",
        _over(watched, ripe),
        _performance,
        told_of_performance,
        facts=_new_labels,
    )
    everything = [*gold_contracts().values(), *watched]
    yield Kind("data_quality", _over(everything), _quality, told_of_quality, facts=_raw_rows)
    yield Kind(
        "pipeline_failures",
        (),
        _failures,
        told_of_failures,
        check="",
        config={"failures": dg.Field(dg.Noneable([dict]), is_required=False)},
    )
    found = [monitoring_contracts()[name] for name in ALERTED]
    yield Kind("alerts", _over(found), _alerts, told_of_alerts, check="", facts=_report)
    yield Kind(
        "alert_deliveries",
        _over([monitoring_contracts()["alerts"]]),
        _told_before,
        nothing_told,
        check="every_delivery_made",
        facts=_deliver,
        kept=True,
    )


def _over(
    contracts: Iterable[TableContract], mapping: dg.PartitionMapping | None = None
) -> tuple[dg.AssetDep, ...]:
    keys = (asset_key(contract.full_name) for contract in contracts)
    return tuple(dg.AssetDep(key, partition_mapping=mapping) for key in keys)


def _asset(kind: Kind, settings: Settings, partitions: Partitions) -> dg.AssetsDefinition:
    contract = monitoring_contracts()[kind.table]
    key = asset_key(contract.full_name)
    meanings = {kind.check: MEANINGS[kind.check]} if kind.check else {}

    @dg.asset(
        key=key,
        deps=kind.deps,
        partitions_def=partitions.daily,
        backfill_policy=partitions.backfill,
        group_name="monitoring",
        kinds={"delta", settings.engine},
        owners=[OWNER],
        description=contract.description,
        metadata=table_metadata(contract, settings.catalog),
        check_specs=check_specs(key, CONTRACT_CHECKS | meanings, {*meanings, "values_accepted"}),
        config_schema=kind.config,
    )
    def _step(
        context: dg.AssetExecutionContext,
        platform: PlatformResource,
        registry: RegistryResource,
        step_launcher: Launcher,
    ) -> Iterator[dg.MaterializeResult[None]]:
        opened = platform.open()
        job = Job(
            opened, registry.open(), *days_of(context), context.op_execution_context.op_config or {}
        )
        rows = kind.rows(job)
        if kind.kept:
            opened.lakehouse.prepare(contract)
        else:
            opened.engine.store(contract, rows, job.start, job.end)
        told = {day: kind.told(day, _of(day, rows)) for day in days_between(job.start, job.end)}
        if kind.facts is not None:
            told[job.end] = told[job.end].with_more(kind.facts(job))
        for day, each in told.items():
            context.add_asset_metadata(as_metadata(each.numbers), partition_key=day.isoformat())
        facts = measure(opened.engine, contract, job.start, job.end)
        findings = [_finding(kind.check, told)] if kind.check else []
        yield materialized(context, opened.lakehouse, contract, facts, findings, {})

    return _step


def _of(day: date, rows: Rows) -> Rows:
    return [row for row in rows if row["monitor_date"] == day]


def _finding(check: str, told: Mapping[date, Told]) -> Finding:
    """Warn of what was left open on any of the days, the newest first."""
    open_days = [(day, each.left) for day, each in sorted(told.items(), reverse=True) if each.left]
    detail = [f"{day}: {left}" for day, lefts in open_days for left in lefts]
    return Finding(
        check,
        not detail,
        warn=True,
        numbers={"days": len(open_days), "left": detail[:SAMPLE]},
        detail=f"{len(detail)} left, such as {detail[0]}" if detail else MEANINGS[check],
    )


def _drift(job: Job) -> Rows:
    return drift_rows(job.platform, job.registry, job.start, job.end)


def _performance(job: Job) -> Rows:
    return performance_rows(job.platform, job.registry, job.start, job.end)


def _new_labels(job: Job) -> Told:
    return Told({NEW_LABELS: new_labels(job.platform, job.registry, job.end)})


def _quality(job: Job) -> Rows:
    return quality_rows(job.platform, job.start, job.end)


def _raw_rows(job: Job) -> Told:
    back = timedelta(days=job.platform.settings.monitoring.late_days - 1)
    counts = raw_counts(job.platform, job.end - back, job.end)
    return Told(
        {
            RAW_ROWS: {
                gold_contracts()[table].full_name: {d.isoformat(): n for d, n in days.items()}
                for table, days in counts.items()
            }
        }
    )


def _failures(job: Job) -> Rows:
    """Return the report that the sensor hands over; without one, what is stored."""
    given = job.config.get("failures")
    if given is not None:
        return report_rows(job.end, given)
    return _stored(job, "pipeline_failures")


def _alerts(job: Job) -> Rows:
    return alert_rows(job.platform.engine, job.platform.settings, job.start, job.end)


def _report(job: Job) -> Told:
    """Write the report of the last weeks where there is a folder for it; say where it lies."""
    settings = job.platform.settings
    if not settings.local:
        return Told({})
    start = job.end - timedelta(days=SHOWN_DAYS - 1)
    path = settings.home / "reports" / f"monitoring_{job.end}.html"
    write_report(report_page(job.platform.engine, settings.env, start, job.end), path)
    return Told({"report": dg.MetadataValue.path(path)})


def _told_before(job: Job) -> Rows:
    return _stored(job, "alert_deliveries")


def _stored(job: Job, table: str) -> Rows:
    query = Query(f"SELECT * FROM monitoring.{table}", {}, Window(job.start, job.end))
    return job.platform.engine.rows(query)


def _deliver(job: Job) -> Told:
    """Tell the sinks what they have not been told yet; each delivery stores itself."""
    made = deliver(job.platform.engine, job.platform.settings, job.end, datetime.now(UTC))
    return told_of_deliveries(job.end, made)
