"""Raw tables as Dagster assets: external, but for the snapshots that are taken on Databricks."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from ngm_assets.lakehouse.assets import asset_key, check_result, check_specs, table_metadata
from ngm_assets.lakehouse.quality import Finding
from ngm_assets.raw.contract import raw_tables
from ngm_assets.raw.snapshots import SNAPSHOTS, snapshot_contracts
from ngm_assets.resources import Launcher, PlatformResource
from ngm_assets.settings import Settings

OWNER = "team:data-platform"
TAKEN = {"snapshot_has_rows": "The information schema shows at least one row to who takes it."}


def raw_specs(settings: Settings) -> list[dg.AssetSpec]:
    """Return the raw system tables as external assets, so that lineage begins at the source.

    On Databricks those that are snapshots are left out: `snapshot_assets` takes them.
    """
    taken = set() if settings.local else set(SNAPSHOTS)
    return [
        dg.AssetSpec(
            key=asset_key(table.name),
            group_name="raw",
            kinds={"databricks", "parquet"},
            owners=[OWNER],
            description=table.doc,
            metadata={
                "dagster/table_name": table.name,
                "dagster/column_schema": dg.TableSchema(
                    [
                        dg.TableColumn(
                            name,
                            kind,
                            constraints=dg.TableColumnConstraints(
                                nullable=name not in table.required
                            ),
                        )
                        for name, kind in table.types.items()
                    ]
                ),
            },
        )
        for table in raw_tables().values()
        if table.name not in taken
    ]


def snapshot_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Return the assets that take today's snapshots; none on `local`, where they are landed."""
    if settings.local:
        return []
    return [_snapshot_asset(source, settings) for source in SNAPSHOTS]


def _snapshot_asset(source: str, settings: Settings) -> dg.AssetsDefinition:
    contract, key = snapshot_contracts()[source], asset_key(source)

    @dg.asset(
        key=key,
        group_name="raw",
        kinds={"delta", settings.engine},
        owners=[OWNER],
        description=f"{contract.description}\n\nRuns once a day; a day that was missed is lost.",
        metadata=table_metadata(contract, settings.catalog),
        check_specs=check_specs(key, TAKEN, set()),
    )
    def _asset(
        context: dg.AssetExecutionContext, platform: PlatformResource, step_launcher: Launcher
    ) -> Iterator[dg.MaterializeResult[None]]:
        from ngm_assets.engine.spark import SparkEngine

        opened, today = platform.open(), datetime.now(UTC).date()
        if not isinstance(opened.engine, SparkEngine):
            raise TypeError(opened.engine)
        rows = opened.engine.take_snapshot(source, contract, today)
        finding = Finding("snapshot_has_rows", rows > 0, numbers={"rows": rows})
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "dagster/row_count": rows,
                "snapshot_date": today.isoformat(),
                "dagster/uri": opened.lakehouse.uri(contract.full_name),
            },
            check_results=[check_result(key, finding)],
        )

    return _asset
