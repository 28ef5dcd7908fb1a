"""Models as Dagster assets: weekly partitions, gates as checks with their numbers."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from ngm_assets.code_version import git_sha
from ngm_assets.lakehouse.assets import as_metadata, asset_key
from ngm_assets.models.catalog.spec import ModelSpec
from ngm_assets.models.data.dataset import catalog
from ngm_assets.models.evaluation.gates import GATE_MEANINGS, GateResult, gate_names
from ngm_assets.models.lifecycle import TrainingOutcome, TrainingRequest, train_partition
from ngm_assets.models.registry.links import links_to
from ngm_assets.models.registry.parent_run import ParentRun
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets.partitions import Partitions, weeks_before
from ngm_assets.resources import Launcher, PlatformResource, RegistryResource

STAYS_AWAY = "not_rolled_back"
STAYS_AWAY_MEANING = "The version of this training was not rolled back; one that was stays so."


def model_assets(partitions: Partitions) -> list[dg.AssetsDefinition]:
    """Return one asset per model of the catalogue."""
    return [_model_asset(spec, partitions) for spec in catalog()]


def gates_of(spec: ModelSpec) -> tuple[str, ...]:
    """Return the names of the gates a candidate of the model must pass."""
    return gate_names(spec.problem, thresholded=spec.metric.threshold is not None)


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
            for name in gates_of(spec)
        ]
        + [dg.AssetCheckSpec(name=STAYS_AWAY, asset=key, description=STAYS_AWAY_MEANING)],
    )
    def _asset(
        context: dg.AssetExecutionContext,
        platform: PlatformResource,
        registry: RegistryResource,
        parent_run: dg.ResourceParam[ParentRun],
        step_launcher: Launcher,
    ) -> Iterator[dg.MaterializeResult[None]]:
        opened, models = platform.open(), registry.open()
        outcome: TrainingOutcome | None = None
        for week in context.partition_keys:
            request = TrainingRequest(
                who=f"dagster run {context.run.run_id}",
                when=datetime.now(UTC),
                parent_run=parent_run.run_id,
                words=opened.settings.words,
                git_sha=git_sha(),
                feature_version=str(opened.lakehouse.version(f"features.{spec.feature_table}")),
                tags={"dagster_run": context.run.run_id, "environment": opened.settings.env},
            )
            monday = date.fromisoformat(week)
            with parent_run.watching(spec.name) as told:
                outcome = train_partition(opened.engine, models, spec, monday, request)
                told(outcome)
            context.log.info(f"{spec.name} as of {week}: {_verdict(outcome)}")
            links = _links(models, outcome)
            context.add_asset_metadata(_metadata(spec, outcome) | links, partition_key=week)
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
    number = outcome.version.version
    if outcome.rolled_back:
        return f"version {number} (trained before) stays rolled back {outcome.rolled_back}"
    verb = "promoted" if outcome.decision.promote else "archived"
    again = " (trained before)" if outcome.reused else ""
    return f"version {number} {verb}{again}: {outcome.decision.reason}"


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
            for name in gates_of(spec)
        )
    else:
        gates = outcome.decision.gates
    results = [_gate_result(key, gate, outcome.champion is None) for gate in gates]
    return [*results, _stays_away(key, outcome)]


def _stays_away(key: dg.AssetKey, outcome: TrainingOutcome) -> dg.AssetCheckResult:
    """Warn that a training came upon a version somebody had rolled back, and left it so."""
    champion = outcome.champion.version if outcome.champion else None
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=STAYS_AWAY,
        passed=not outcome.rolled_back,
        severity=dg.AssetCheckSeverity.WARN,
        description=_verdict(outcome) if outcome.rolled_back else STAYS_AWAY_MEANING,
        metadata=as_metadata({"champion_version": champion}),
    )


def _links(models: ModelRegistry, outcome: TrainingOutcome) -> dict[str, dg.MetadataValue[Any]]:
    """Return the way to the MLflow run and version: addresses, or the command that opens them."""
    if outcome.version is None:
        return {}
    return {
        name: dg.MetadataValue.url(text) if text.startswith("http") else dg.MetadataValue.text(text)
        for name, text in links_to(models.store, outcome.version).items()
    }


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
