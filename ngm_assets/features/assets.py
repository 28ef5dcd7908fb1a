"""Features as Dagster assets: one per table, looking back over gold by a partition mapping."""

from collections.abc import Iterator

import dagster as dg

from ngm_assets.features.quality import MEANINGS, WARN_ONLY, feature_findings
from ngm_assets.features.tables import feature_contracts, feature_lineage
from ngm_assets.features.writing import write_features
from ngm_assets.lakehouse.assets import (
    CONTRACT_CHECKS,
    asset_key,
    check_specs,
    materialized,
    table_metadata,
)
from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.lakehouse.quality import measure
from ngm_assets.partitions import Partitions, days_of
from ngm_assets.resources import Launcher, PlatformResource
from ngm_assets.settings import Settings

OWNER = "team:data-platform"


def feature_assets(settings: Settings, partitions: Partitions) -> list[dg.AssetsDefinition]:
    """Return the five feature tables as assets."""
    return [_feature_asset(c, settings, partitions) for c in feature_contracts().values()]


def _feature_asset(
    contract: TableContract, settings: Settings, partitions: Partitions
) -> dg.AssetsDefinition:
    key = asset_key(contract.full_name)
    mapping = partitions.trailing(contract.lookback_days)

    @dg.asset(
        key=key,
        deps=[dg.AssetDep(asset_key(name), partition_mapping=mapping) for name in contract.sources],
        partitions_def=partitions.daily,
        backfill_policy=partitions.backfill,
        group_name="features",
        kinds={"delta", settings.engine},
        owners=[OWNER],
        description=contract.description,
        metadata=table_metadata(contract, settings.catalog),
        check_specs=check_specs(key, CONTRACT_CHECKS | MEANINGS, WARN_ONLY),
    )
    def _asset(
        context: dg.AssetExecutionContext, platform: PlatformResource, step_launcher: Launcher
    ) -> Iterator[dg.MaterializeResult[None]]:
        opened = platform.open()
        engine = opened.engine
        start, end = days_of(context)
        write_features(engine, contract, opened.settings.words, start, end)
        facts = measure(engine, contract, start, end)
        findings = feature_findings(engine, contract, start, end)
        lineage = feature_lineage(contract.name)
        yield materialized(context, opened.lakehouse, contract, facts, findings, lineage)

    return _asset
