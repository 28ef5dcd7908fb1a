"""Predictions as Dagster assets: one table per model, daily partitions, scored by the champion."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from ngm_assets.days import days_between
from ngm_assets.lakehouse.assets import (
    CONTRACT_CHECKS,
    asset_key,
    check_specs,
    materialized,
    table_metadata,
)
from ngm_assets.lakehouse.quality import SAMPLE, Finding, measure
from ngm_assets.models.catalog.spec import ModelSpec
from ngm_assets.models.data.dataset import catalog
from ngm_assets.partitions import Partitions, days_of
from ngm_assets.predictions.partition import ScoredDays, score_days
from ngm_assets.predictions.tables import prediction_contract, prediction_lineage
from ngm_assets.resources import Launcher, PlatformResource, RegistryResource
from ngm_assets.settings import Settings

MEANINGS = {
    "every_eligible_key_scored": "Keys scored = keys of the feature table on days with a champion.",
    "champion_in_force": "A version had been promoted before each day.",
    "flagged_share_as_budgeted": "Rows above info are not surely more than three times the budget.",
}
UNLIKELY = 0.01
WARN_ONLY = {"champion_in_force", "flagged_share_as_budgeted", "values_accepted"}


def prediction_assets(settings: Settings, partitions: Partitions) -> list[dg.AssetsDefinition]:
    """Return one prediction table per model of the catalogue."""
    return [_prediction_asset(spec, settings, partitions) for spec in catalog()]


def _prediction_asset(
    spec: ModelSpec, settings: Settings, partitions: Partitions
) -> dg.AssetsDefinition:
    contract = prediction_contract(spec)
    key = asset_key(contract.full_name)

    @dg.asset(
        key=key,
        deps=[asset_key(f"features.{spec.feature_table}"), asset_key(f"models.{spec.name}")],
        partitions_def=partitions.daily,
        backfill_policy=partitions.backfill,
        group_name="predictions",
        kinds={"delta", "mlflow"},
        owners=[spec.owner],
        description=contract.description,
        metadata=table_metadata(contract, settings.catalog),
        check_specs=check_specs(key, CONTRACT_CHECKS | MEANINGS, WARN_ONLY),
    )
    def _asset(
        context: dg.AssetExecutionContext,
        platform: PlatformResource,
        registry: RegistryResource,
        step_launcher: Launcher,
    ) -> Iterator[dg.MaterializeResult[None]]:
        opened = platform.open()
        start, end = days_of(context)
        done = score_days(
            opened,
            registry.open(),
            spec,
            days_between(start, end),
            scored_at=datetime.now(UTC),
            run_id=context.run.run_id,
        )
        facts = measure(opened.engine, contract, start, end)
        for day, version in done.versions.items():
            if version is not None:
                context.add_asset_metadata(
                    {"model_version": version, "flagged": done.flagged[day]},
                    partition_key=day.isoformat(),
                )
        findings, lineage = _findings(spec, done), prediction_lineage(spec)
        yield materialized(context, opened.lakehouse, contract, facts, findings, lineage)

    return _asset


def _findings(spec: ModelSpec, done: ScoredDays) -> list[Finding]:
    led = [day for day, version in done.versions.items() if version is not None]
    missed = {day: done.eligible[day] - done.scored[day] for day in led}
    without = [day.isoformat() for day, version in done.versions.items() if version is None]
    empty = [day.isoformat() for day, keys in done.eligible.items() if keys == 0]
    return [
        Finding(
            "every_eligible_key_scored",
            not any(missed.values()) and not empty,
            warn=not any(missed.values()),
            numbers={
                "eligible": sum(done.eligible[day] for day in led),
                "scored": sum(done.scored.values()),
                "days_without_features": len(empty),
            },
            detail=f"No features on {', '.join(empty[:SAMPLE])}."
            if empty
            else "Keys scored = keys of the feature table on days with a champion.",
        ),
        Finding(
            "champion_in_force",
            not without,
            warn=True,
            numbers={"days_without_champion": len(without), "days": without[:SAMPLE]},
            detail="No version had been promoted by then." if without else "",
        ),
        _flagged(spec, done),
    ]


def _alarms(spec: ModelSpec) -> bool:
    """Return whether rows above info are alarms that a budget is for."""
    return spec.problem == "anomaly" or (spec.problem == "binary" and spec.worse == "higher")


def _flagged(spec: ModelSpec, done: ScoredDays) -> Finding:
    """Warn when more rows are flagged than three times the budget, and more than by chance."""
    from scipy.stats import binom

    rows, flagged = sum(done.scored.values()), sum(done.flagged.values())
    budget = min(3 * spec.alert_budget, 1.0)
    by_chance = float(binom.sf(flagged - 1, rows, budget)) if rows else 1.0
    return Finding(
        "flagged_share_as_budgeted",
        not _alarms(spec) or by_chance > UNLIKELY,
        warn=True,
        numbers={
            "flagged": flagged,
            "flagged_share": flagged / rows if rows else 0.0,
            "alert_budget": spec.alert_budget,
        },
        detail="Rows above severity info; a warning when they are surely above three times the "
        "alert budget.",
    )
