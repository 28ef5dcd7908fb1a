"""The raw contract: which columns of which system tables this project reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ngm_assets.overlays import read_yaml

if TYPE_CHECKING:
    import pyarrow as pa

FILE = Path(__file__).with_name("system_tables.yaml")


@dataclass(frozen=True)
class RawTable:
    """One system table: full name, meaning, column types, and the names that must be present."""

    name: str
    doc: str
    types: dict[str, str]
    required: frozenset[str]

    @property
    def folder(self) -> str:
        """Folder below the landing root, such as `billing/usage`."""
        return self.name.removeprefix("system.").replace(".", "/")

    def arrow_types(self) -> dict[str, pa.DataType]:
        """Return the Arrow type of every column."""
        from ngm_assets.lakehouse.contract import arrow_type

        return {name: arrow_type(text) for name, text in self.types.items()}


@cache
def raw_tables() -> dict[str, RawTable]:
    """Load the raw contract, by full table name."""
    return {
        name: RawTable(
            name=name,
            doc=entry["doc"],
            types={**entry["required"], **entry["optional"]},
            required=frozenset(entry["required"]),
        )
        for name, entry in read_yaml(FILE).items()
    }
