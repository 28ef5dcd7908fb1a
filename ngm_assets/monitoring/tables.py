"""The tables of monitoring: one contract each, from `contracts/`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ngm_assets.lakehouse.contract import TableContract, load_contract

FOLDER = Path(__file__).parent / "contracts"


@cache
def monitoring_contracts() -> dict[str, TableContract]:
    """Return the contracts by table name, in alphabetical order."""
    loaded = (load_contract(path) for path in sorted(FOLDER.glob("*.yaml")))
    return {contract.name: contract for contract in loaded}
