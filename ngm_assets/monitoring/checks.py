"""Checks of drift on feature and prediction tables, and of performance on prediction tables."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from ngm_assets.engine.base import Engine, Query
from ngm_assets.features.tables import feature_contracts
from ngm_assets.lakehouse.assets import as_metadata, asset_key
from ngm_assets.models.data.dataset import catalog
from ngm_assets.monitoring.drift.findings import TableFinding, table_findings
from ngm_assets.monitoring.performance.findings import PerformanceFinding, performance_findings
from ngm_assets.predictions.tables import prediction_contract
from ngm_assets.resources import PARTITION, RANGE_END, Launcher, PlatformResource

DRIFT, PERFORMANCE = "values_as_in_training", "performance_as_promised"
MEANINGS = {
    DRIFT: "The newest window's values are distributed as in the champions' training rows.",
    PERFORMANCE: "Predictions with ripe labels are about as good as the holdout promised.",
}
FOUND = ("monitoring.drift_metrics", "monitoring.model_performance")


def monitoring_checks() -> list[dg.AssetChecksDefinition]:
    """Return the checks: one step that reads what monitoring stored; none of them blocks."""
    specs = list(_specs())

    @dg.multi_asset_check(
        name="drift_and_performance",
        specs=specs,
        can_subset=True,
        description="Tells on every table what monitoring found of it.",
    )
    def _step(
        context: dg.AssetCheckExecutionContext, platform: PlatformResource, step_launcher: Launcher
    ) -> Iterator[dg.AssetCheckResult]:
        engine = platform.open().engine
        day = _day(engine, context.run.tags)
        performance = performance_findings(engine, day)
        asked = context.selected_asset_check_keys
        made = context.run.asset_selection or ()  # here: judged by the monitoring that follows
        for spec in specs:
            if spec.key not in asked or spec.asset_key in made:
                continue
            table = ".".join(spec.asset_key.path)
            if spec.name == DRIFT:
                yield _drift_result(spec, day, table_findings(engine, table, day))
            else:
                yield _performance_result(spec, day, performance[table])

    return [_step]


def monitoring_check_keys() -> list[dg.AssetCheckKey]:
    """Return the keys of the checks: they belong to monitoring, not to the jobs of their tables."""
    return [spec.key for spec in _specs()]


def _specs() -> Iterator[dg.AssetCheckSpec]:
    deps = [asset_key(name) for name in FOUND]
    tables = [contract.full_name for contract in feature_contracts().values()]
    predicted = [prediction_contract(spec).full_name for spec in catalog()]
    for name, keys in ((DRIFT, [*tables, *predicted]), (PERFORMANCE, predicted)):
        for table in keys:
            yield dg.AssetCheckSpec(
                name, asset=asset_key(table), description=MEANINGS[name], additional_deps=deps
            )


def _day(engine: Engine, tags: Any) -> date:
    """Return the newest day of the run; without one, the newest that was judged."""
    told = tags.get(PARTITION) or tags.get(RANGE_END)
    if told:
        return date.fromisoformat(told)
    sql = f"SELECT MAX(monitor_date) AS day FROM {FOUND[0]}"
    day = engine.rows(Query(sql, {}))[0]["day"]
    return day if isinstance(day, date) else date.min


def _drift_result(spec: dg.AssetCheckSpec, day: date, found: TableFinding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=found.passed,
        severity=dg.AssetCheckSeverity.WARN if found.warn else dg.AssetCheckSeverity.ERROR,
        description=found.detail,
        metadata=as_metadata(
            {
                "day": day.isoformat(),
                "drift_severity": found.severity,
                "max_psi": found.max_psi,
                "drifted_share": found.drifted_share,
                "models": list(found.models),
                "worst_columns": _table(found.worst),
            }
        ),
    )


def _table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Return rows as a table; what is unknown stays an empty cell."""
    records = [
        dg.TableRecord({name: "" if value is None else value for name, value in row.items()})
        for row in rows
    ]
    columns = [dg.TableColumn(name) for name in (rows[0] if rows else ())]
    return dg.MetadataValue.table(records, dg.TableSchema(columns=columns))


def _performance_result(
    spec: dg.AssetCheckSpec, day: date, found: PerformanceFinding
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=found.passed,
        severity=dg.AssetCheckSeverity.WARN if found.warn else dg.AssetCheckSeverity.ERROR,
        description=found.detail,
        metadata=as_metadata({"day": day.isoformat(), "loss_severity": found.severity})
        | as_metadata(found.numbers),
    )
