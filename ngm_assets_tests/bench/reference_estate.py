"""Makes the landing of the benchmark: a unit of the demo estate, copied as often as asked.

A copy has workspaces, identities and catalogs of its own, so that entities grow with the rows and
every copy is as hard as the first. Rows are streamed from file to file, whatever their number.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ngm_assets.demo.estate import EntityScale
from ngm_assets.demo.generate import generate

if TYPE_CHECKING:
    import duckdb

SEED = 7


@dataclass(frozen=True)
class Scale:
    """How large a landing is.

    Attributes:
        days: Days of history.
        entities: Entities of one unit.
        copies: Units at the scale's full size.
        events: How often an audit event and a statement of the demo occur.
    """

    days: int
    entities: EntityScale
    copies: int
    events: Mapping[str, int]


SCALES = {
    "ref": Scale(
        180,
        EntityScale(0.2, 6.0, 1.0, 6.0, 0.3, 1.0),
        4,
        {"access/audit": 2, "billing/usage": 3, "query/history": 3},
    ),
    "small": Scale(90, EntityScale(0.2, 0.3, 0.5, 0.3, 0.3, 1.0), 4, {}),
}
_OWN_NAME = (
    "CREATE MACRO own_{copy}(name) AS CASE WHEN name LIKE '%@%' THEN 'c{copy:02d}.' || name "
    "ELSE regexp_replace(name, '^[0-9a-f]{{2}}([0-9a-f]{{6}}-)', '{copy:02d}\\1') END"
)
_WORKSPACE = {"workspace_id": "workspace_id || '{copy:02d}'"}
_OWN = {
    "billing/usage": {**_WORKSPACE, "record_id": "record_id || '-{copy}-' || nth"},
    "access/audit": {
        **_WORKSPACE,
        "event_id": "event_id || '-{copy}-' || nth",
        "user_identity": (
            "struct_pack(email := own_{copy}(user_identity.email), "
            "subject_name := own_{copy}(user_identity.subject_name))"
        ),
    },
    "query/history": {**_WORKSPACE, "statement_id": "statement_id || '-{copy}-' || nth"},
    "lakeflow/job_run_timeline": _WORKSPACE,
    "compute/clusters": _WORKSPACE,
    "information_schema/columns": {"table_catalog": "table_catalog || '_{copy:02d}'"},
    "information_schema/tables": {"table_catalog": "table_catalog || '_{copy:02d}'"},
}
"""Columns of a raw table that each copy has values of its own for; prices hold for all."""


def make_landing(folder: Path, scale: Scale, share: float) -> dict[str, int]:
    """Write the landing and return its rows per raw table.

    Args:
        folder: Folder to create.
        scale: Kind of estate.
        share: Part or multiple of the scale's copies, such as 0.25 or 4.
    """
    from ngm_assets.raw.convert import open_duckdb

    unit = folder.with_name(f"{folder.name}.unit")
    made = generate(unit, days=scale.days, seed=SEED, scale=scale.entities)
    copies = max(1, round(scale.copies * share))
    with open_duckdb() as connection:
        for copy in range(copies):
            connection.execute(_OWN_NAME.format(copy=copy))
        rows = {
            table: _copied(connection, unit, folder, table, copies, scale.events.get(table, 1))
            for table in made.rows
        }
    shutil.rmtree(unit)
    return rows


def _copied(
    connection: duckdb.DuckDBPyConnection,
    unit: Path,
    folder: Path,
    table: str,
    copies: int,
    times: int,
) -> int:
    rows = 0
    for source in sorted((unit / table).rglob("*.parquet")):
        target = folder / source.relative_to(unit)
        target.parent.mkdir(parents=True, exist_ok=True)
        for copy in range(copies if table in _OWN else 1):
            own = ", ".join(
                f"{value.format(copy=copy)} AS {name}"
                for name, value in _OWN.get(table, {}).items()
            )
            replaced = f"REPLACE ({own})" if own else ""
            place = target.with_stem(f"{target.stem}-{copy}")
            result = connection.execute(
                f"COPY (SELECT * EXCLUDE (nth) {replaced} FROM read_parquet('{source}', "
                f"hive_partitioning = false), range({times}) AS nths(nth)) "
                f"TO '{place}' (FORMAT parquet, COMPRESSION zstd)"
            ).fetchone()
            rows += result[0] if result else 0
    return rows
