"""The parts of one environment put together: settings, engine, lakehouse and table contracts."""

from __future__ import annotations

from dataclasses import dataclass

from ngm_assets.engine.base import Engine
from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.raw.landing import Landing
from ngm_assets.settings import Settings


@dataclass(frozen=True)
class Platform:
    """What a step works with."""

    settings: Settings
    engine: Engine
    lakehouse: DeltaLakehouse
    landing: Landing
    contracts: dict[str, TableContract]


def all_contracts() -> dict[str, TableContract]:
    """Return the contract of every lakehouse table by full name."""
    from ngm_assets.features.tables import feature_contracts
    from ngm_assets.gold.tables import gold_contracts, rejects_contract
    from ngm_assets.predictions.tables import prediction_contracts

    gold = gold_contracts().values()
    tables = [
        *gold,
        *(rejects_contract(contract) for contract in gold),
        *feature_contracts().values(),
        *prediction_contracts().values(),
    ]
    return {contract.full_name: contract for contract in tables}


def open_platform(settings: Settings) -> Platform:
    """Build the platform of an environment; nothing is written or read yet."""
    from ngm_assets.engine.duckdb import DuckDBEngine
    from ngm_assets.predictions.latest import latest_views

    lakehouse = DeltaLakehouse(settings.lakehouse)
    landing = Landing(settings.landing)
    contracts = all_contracts()
    engine = DuckDBEngine(lakehouse, landing, contracts, settings.home / "scratch", latest_views())
    return Platform(settings, engine, lakehouse, landing, contracts)
