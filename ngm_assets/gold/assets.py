"""Gold as Dagster assets: one per table, daily partitions, ranges in one query, blocking checks."""

from collections.abc import Iterator

import dagster as dg

from ngm_assets.days import days_between
from ngm_assets.gold.arrivals import raw_rows
from ngm_assets.gold.quality import EXTRA_MEANINGS, MEANINGS, WARN_ONLY, gold_findings
from ngm_assets.gold.tables import (
    gold_contracts,
    gold_lineage,
)
from ngm_assets.gold.writing import write_gold
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
SOURCE_ROWS = "source_rows"
"""Raw rows of a day when its gold was made, as told with the partition."""


def gold_assets(settings: Settings, partitions: Partitions) -> list[dg.AssetsDefinition]:
    """Return the six gold tables as assets."""
    return [_gold_asset(c, settings, partitions) for c in gold_contracts().values()]


def _gold_asset(
    contract: TableContract, settings: Settings, partitions: Partitions
) -> dg.AssetsDefinition:
    key = asset_key(contract.full_name)
    checks = CONTRACT_CHECKS | MEANINGS | EXTRA_MEANINGS.get(contract.name, {})

    @dg.asset(
        key=key,
        deps=[asset_key(name) for name in contract.sources],
        partitions_def=partitions.daily,
        backfill_policy=partitions.backfill,
        group_name="gold",
        kinds={"delta", settings.engine},
        owners=[OWNER],
        description=contract.description,
        metadata=table_metadata(contract, settings.catalog),
        check_specs=check_specs(key, checks, WARN_ONLY),
    )
    def _asset(
        context: dg.AssetExecutionContext, platform: PlatformResource, step_launcher: Launcher
    ) -> Iterator[dg.MaterializeResult[None]]:
        opened = platform.open()
        engine, words = opened.engine, opened.settings.words
        start, end = days_of(context)
        counted = raw_rows(engine, contract, start, end)
        for day in days_between(start, end):
            context.add_asset_metadata(
                {SOURCE_ROWS: counted.get(day, 0)}, partition_key=day.isoformat()
            )
        write_gold(engine, contract, words, counted, start, end)
        facts = measure(engine, contract, start, end)
        findings = gold_findings(engine, contract, facts, start, end)
        lineage = gold_lineage(contract.name)
        yield materialized(context, opened.lakehouse, contract, facts, findings, lineage)

    return _asset
