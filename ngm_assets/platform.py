"""The parts of one environment put together: settings, engine, lakehouse and table contracts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ngm_assets.databricks import on_databricks
from ngm_assets.engine.base import Engine
from ngm_assets.errors import ConfigError
from ngm_assets.lakehouse.base import Lakehouse
from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.settings import Settings

if TYPE_CHECKING:
    from ngm_assets.models.registry.registry import ModelRegistry


@dataclass(frozen=True)
class Platform:
    """What a step works with."""

    settings: Settings
    engine: Engine
    lakehouse: Lakehouse
    contracts: dict[str, TableContract]


def all_contracts() -> dict[str, TableContract]:
    """Return the contract of every lakehouse table by full name."""
    from ngm_assets.features.tables import feature_contracts
    from ngm_assets.gold.tables import gold_contracts, rejects_contract
    from ngm_assets.monitoring.tables import monitoring_contracts
    from ngm_assets.predictions.tables import prediction_contracts
    from ngm_assets.raw.snapshots import snapshot_contracts

    gold = gold_contracts().values()
    tables = [
        *snapshot_contracts().values(),
        *gold,
        *(rejects_contract(contract) for contract in gold),
        *feature_contracts().values(),
        *prediction_contracts().values(),
        *monitoring_contracts().values(),
    ]
    return {contract.full_name: contract for contract in tables}


def open_platform(settings: Settings) -> Platform:
    """Build the platform of an environment; nothing is written or read yet.

    Raises:
        ConfigError: The environment's tables are reached from its clusters only, and this is none.
    """
    contracts = all_contracts()
    build = _local if settings.local else _databricks
    return build(settings, contracts)


def _local(settings: Settings, contracts: dict[str, TableContract]) -> Platform:
    from ngm_assets.engine.duckdb import DuckDBEngine
    from ngm_assets.lakehouse.delta import DeltaLakehouse
    from ngm_assets.predictions.latest import latest_views
    from ngm_assets.raw.landing import Landing

    lakehouse, landing = DeltaLakehouse(settings.delta_root), Landing(settings.local_landing)
    scratch, memory = settings.home / "scratch", settings.query_memory
    engine = DuckDBEngine(lakehouse, landing, contracts, scratch, latest_views(), memory=memory)
    return Platform(settings, engine, lakehouse, contracts)


def _databricks(settings: Settings, contracts: dict[str, TableContract]) -> Platform:
    if not on_databricks():
        raise ConfigError(
            f"The tables of {settings.env} are read and written on its clusters only.",
            where="NGM_ENV",
            mend="Let Dagster launch the step, or query the tables in the workspace.",
        )
    from pyspark.sql import SparkSession

    from ngm_assets.engine.spark import SparkEngine
    from ngm_assets.lakehouse.unity import UnityLakehouse
    from ngm_assets.predictions.latest import latest_views
    from ngm_assets.raw.snapshots import SNAPSHOTS

    spark = SparkSession.builder.getOrCreate()
    lakehouse = UnityLakehouse(spark, settings.catalog, SNAPSHOTS)
    engine = SparkEngine(spark, lakehouse, contracts, latest_views())
    return Platform(settings, engine, lakehouse, contracts)


def open_registry(settings: Settings) -> ModelRegistry:
    """Open the model registry of an environment; nothing is contacted before the first use."""
    from ngm_assets.models.registry.registry import ModelRegistry

    return ModelRegistry(
        settings.mlflow_uri,
        settings.mlflow_registry_uri,
        settings.mlflow_artifacts,
        settings.mlflow_experiment,
        name_prefix=settings.model_prefix,
    )
