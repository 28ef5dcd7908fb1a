"""Daily snapshots of the information schema, which itself knows only the present."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from ngm_assets.lakehouse.contract import Column, TableContract
from ngm_assets.raw.contract import RawTable, raw_tables

SNAPSHOTS = {
    "system.information_schema.columns": "gold.information_schema_columns",
    "system.information_schema.tables": "gold.information_schema_tables",
}
"""Where snapshots are kept on Databricks, by the table they are taken of."""
TAKEN_ON = "snapshot_date"


@cache
def snapshot_contracts() -> dict[str, TableContract]:
    """Return the contract of each snapshot table, by the table it is taken of."""
    return {source: _contract(raw_tables()[source]) for source in SNAPSHOTS}


def present(raw: RawTable) -> RawTable:
    """Return the contract of a table as it is now, without the day of a snapshot."""
    types = {name: kind for name, kind in raw.types.items() if name != TAKEN_ON}
    return replace(raw, types=types, required=raw.required - {TAKEN_ON})


def _contract(raw: RawTable) -> TableContract:
    schema, _, name = SNAPSHOTS[raw.name].partition(".")
    return TableContract(
        name=name,
        schema_name=schema,
        description=f"Daily snapshots of {raw.name}. {raw.doc}",
        key=tuple(column for column in raw.types if column in raw.required),
        partition=TAKEN_ON,
        columns=tuple(
            Column(
                name=column,
                type=kind,
                doc="Day the snapshot was taken, UTC." if column == TAKEN_ON else "As the source.",
                nullable=column not in raw.required,
            )
            for column, kind in raw.types.items()
        ),
    )
