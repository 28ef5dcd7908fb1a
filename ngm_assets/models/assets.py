"""Models as Dagster assets: weekly partitions, gates as checks with their numbers."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from ngm_assets.lakehouse.assets import as_metadata, asset_key
from ngm_assets.models.dataset import catalog
from ngm_assets.models.gates import GATE_MEANINGS, GateResult, gate_names
from ngm_assets.models.lifecycle import TrainingOutcome, TrainingRequest, train_partition
from ngm_assets.models.spec import ModelSpec
from ngm_assets.partitions import Partitions, weeks_before
from ngm_assets.resources import ParentRun, PlatformResource, RegistryResource


def model_assets(partitions: Partitions) -> list[dg.AssetsDefinition]:
    """Return one asset per model of the catalogue."""
    return [_model_asset(spec, partitions) for spec in catalog()]


def _model_asset(spec: ModelSpec, partitions: Partitions) -> dg.AssetsDefinition:
    key = asset_key(f"models.{spec.name}")
    history = weeks_before(spec.training.window_days)
    features = asset_key(f"features.{spec.feature_table}")

    @dg.asset(
        key=key,
        deps=[dg.AssetDep(features, partition_mapping=history)],
        partitions_def=partitions.weekly,
        backfill_policy=partitions.backfill,
        group_name="models",
        kinds={"mlflow", "xgboost" if spec.estimator.type.startswith("xgboost") else "sklearn"},
        owners=[spec.owner],
        description=_description(spec),
        metadata={
            "problem": spec.problem,
            "target": f"{spec.target.description} (unit: {spec.target.unit})",
            "horizon_days": spec.horizon_days,
            "baseline": spec.baseline.description,
            "features": dg.MetadataValue.json(list(spec.features)),
        },
        check_specs=[
            dg.AssetCheckSpec(name=name, asset=key, description=GATE_MEANINGS[name])
            for name in gate_names(spec.problem)
        ],
    )
    def _asset(
        context: dg.AssetExecutionContext,
        platform: PlatformResource,
        registry: RegistryResource,
        parent_run: dg.ResourceParam[ParentRun],
    ) -> Iterator[dg.MaterializeResult[None]]:
        opened, models = platform.open(), registry.open()
        outcome: TrainingOutcome | None = None
        for week in context.partition_keys:
            request = TrainingRequest(
                who=f"dagster run {context.run.run_id}",
                when=datetime.now(UTC),
                parent_run=parent_run.run_id,
                feature_version=str(opened.lakehouse.version(f"features.{spec.feature_table}")),
            )
            monday = date.fromisoformat(week)
            outcome = train_partition(opened.engine, models, spec, monday, request)
            context.log.info(f"{spec.name} as of {week}: {_verdict(outcome)}")
            context.add_asset_metadata(_metadata(spec, outcome), partition_key=week)
        if outcome is not None:
            yield dg.MaterializeResult(asset_key=key, check_results=_results(key, spec, outcome))

    return _asset


def _description(spec: ModelSpec) -> str:
    target = "Judged on" if spec.problem == "anomaly" else "Predicts"
    return (
        f"{spec.description}\n\n{target}: {spec.target.description} Horizon: "
        f"{spec.horizon_days} days after t.\n\nServes: {spec.decision}\n\n"
        f"Must beat: {spec.baseline.description}"
    )


def _verdict(outcome: TrainingOutcome) -> str:
    if outcome.version is None or outcome.decision is None:
        return f"no version. {outcome.reason}"
    verb = "promoted" if outcome.decision.promote else "archived"
    again = " (trained before)" if outcome.reused else ""
    return f"version {outcome.version.version} {verb}{again}: {outcome.decision.reason}"


def _metadata(spec: ModelSpec, outcome: TrainingOutcome) -> dict[str, Any]:
    found: dict[str, Any] = {
        "verdict": _verdict(outcome),
        "champion_version": outcome.champion.version if outcome.champion else None,
    }
    if outcome.version is not None:
        measured, baseline = outcome.record["measured"], outcome.record["baseline"]
        found |= {
            "model_version": outcome.version.version,
            "mlflow_run_id": outcome.version.run_id,
            "trained_through": outcome.version.trained_through.isoformat(),
            spec.metric.name: measured["value"],
            f"baseline_{spec.metric.name}": baseline["theirs"],
            "rows": outcome.record["rows"],
        }
    return as_metadata(found)


def _results(
    key: dg.AssetKey, spec: ModelSpec, outcome: TrainingOutcome
) -> list[dg.AssetCheckResult]:
    if outcome.decision is None:
        gates = tuple(
            GateResult(
                name,
                None,
                True,
                None,
                None,
                outcome.reason if name == "minimum_data" else "Not judged: no version was trained.",
            )
            for name in gate_names(spec.problem)
        )
    else:
        gates = outcome.decision.gates
    return [_gate_result(key, gate, outcome.champion is None) for gate in gates]


def _gate_result(key: dg.AssetKey, gate: GateResult, without: bool) -> dg.AssetCheckResult:
    """Record a gate; one that could not be evaluated is a warning, never a pass.

    A refused candidate is a warning while a champion stays in force, and an error without one.
    """
    failed = gate.passed is False and gate.blocking and without
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=gate.name,
        passed=gate.passed is True,
        severity=dg.AssetCheckSeverity.ERROR if failed else dg.AssetCheckSeverity.WARN,
        description=gate.detail,
        metadata=as_metadata(
            {"value": gate.value, "threshold": gate.threshold, "evaluated": gate.passed is not None}
        ),
    )
