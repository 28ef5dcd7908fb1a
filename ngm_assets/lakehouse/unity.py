"""Delta tables in Unity Catalog, created, evolved and overwritten through a Spark session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from ngm_assets.errors import DataError
from ngm_assets.lakehouse.statements import (
    SCHEMAS,
    create_table,
    optimize,
    quoted,
    quoted_name,
    replace_where,
    text,
    vacuum,
)
from ngm_assets.lakehouse.upkeep import BUSY, Upkeep

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from ngm_assets.lakehouse.contract import TableContract


@dataclass(frozen=True)
class Stored:
    """A table that exists: what to name in FROM, and its columns."""

    reference: str
    columns: StructType


class UnityLakehouse:
    """Delta tables `{catalog}.{schema}.{table}`; raw tables are the system tables themselves.

    Schemas are not created here: they and their grants belong to the workspace's owners.

    Args:
        spark: Session of a cluster with Unity Catalog.
        catalog: Catalog of the environment.
        sources: `schema.table` to read in the place of a `system.*` table, such as a table of
            daily snapshots for `system.information_schema.columns`.
    """

    def __init__(
        self, spark: SparkSession, catalog: str, sources: Mapping[str, str] | None = None
    ) -> None:
        self.spark = spark
        self.catalog = catalog
        self.sources = dict(sources or {})

    def find(self, name: str) -> Stored | None:
        """Return a table (`schema.table`, `system.schema.table`); None when there is none."""
        reference = self.reference(name)
        if not self.spark.catalog.tableExists(reference):
            return None
        return Stored(reference, self.spark.table(reference).schema)

    def reference(self, name: str) -> str:
        """Return the quoted name under which the catalog knows a table."""
        name = self.sources.get(name, name)
        return quoted_name(name if name.startswith("system.") else f"{self.catalog}.{name}")

    def overwrite(
        self,
        contract: TableContract,
        rows: DataFrame,
        start: date,
        end: date,
        also: tuple[date, ...] = (),
    ) -> None:
        """Replace the partitions `start..end` (and `also`) by rows of the contract's types.

        One commit: readers see the old rows or the new ones. The table is created, or gains the
        contract's new columns, when needed.

        Raises:
            DataError: The stored table has a column of another type.
        """
        order = self._prepared(contract)
        reference = self.reference(contract.full_name)
        statement = replace_where(contract, reference, order, start, end, also)
        self.spark.sql(statement, rows=rows)

    def prepare(self, contract: TableContract) -> None:
        """Create a table, or add the contract's new columns, when needed."""
        self._prepared(contract)

    def tables(self) -> list[str]:
        """Return the `schema.table` names of every table."""
        found = []
        for schema in SCHEMAS:
            listed = self.spark.sql(f"SHOW TABLES IN {quoted_name(f'{self.catalog}.{schema}')}")
            found += [f"{schema}.{r.tableName}" for r in listed.collect() if not r.isTemporary]
        return sorted(found)

    def column_types(self, full_name: str) -> dict[str, str]:
        """Return the Delta type of every stored column, as JSON; empty before the first write."""
        stored = self.find(full_name)
        fields = stored.columns.fields if stored else []
        return {field.name: json.dumps(field.dataType.jsonValue()) for field in fields}

    def version(self, full_name: str) -> int | None:
        """Return the newest version number of a table; None before the first write."""
        stored = self.find(full_name)
        if stored is None:
            return None
        newest = self.spark.sql(f"DESCRIBE HISTORY {stored.reference} LIMIT 1")
        return int(newest.collect()[0]["version"])

    def uri(self, full_name: str) -> str:
        """Return the table's full name."""
        return f"{self.catalog}.{full_name}"

    def maintain(self, full_name: str, *, dry_run: bool = False) -> Upkeep:
        """Put small files of a table together, and delete what no reader needs any more.

        Databricks keeps the log short itself. What was deleted it does not tell.
        """
        from pyspark.errors import PySparkException

        reference, note, failed = self.reference(full_name), "", False
        before = after = (0, 0)
        would_go: int | None = None
        try:
            before = after = self._size(reference)
            if dry_run:
                would_go = self.spark.sql(vacuum(reference, dry_run=True)).count()
            else:
                self.spark.sql(optimize(reference))
                self.spark.sql(vacuum(reference))
                after = self._size(reference)
        except PySparkException as error:
            busy = "DELTA_CONCURRENT" in str(error)
            note, failed = BUSY if busy else str(error).splitlines()[0], not busy
        return Upkeep(
            table=full_name,
            files_before=before[0],
            files_after=after[0],
            bytes_before=before[1],
            bytes_after=after[1],
            merged=max(0, before[0] - after[0]),
            deleted=would_go,
            note=note,
            failed=failed,
        )

    def _size(self, reference: str) -> tuple[int, int]:
        (told,) = self.spark.sql(f"DESCRIBE DETAIL {reference}").collect()
        return int(told["numFiles"]), int(told["sizeInBytes"])

    def _prepared(self, contract: TableContract) -> list[str]:
        """Create a table or add missing columns; return the names of all columns in their order."""
        stored = self.find(contract.full_name)
        if stored is None:
            self.spark.sql(create_table(contract, self.reference(contract.full_name)))
            return list(contract.column_names)
        new = missing_columns(contract, stored.columns)
        for name in new:
            column = contract.column(name)
            self.spark.sql(
                f"ALTER TABLE {stored.reference} ADD COLUMNS "
                f"({quoted(name)} {column.type} COMMENT {text(column.doc)})"
            )
        return [*stored.columns.names, *new]


def missing_columns(contract: TableContract, stored: StructType) -> list[str]:
    """Return the contract's columns that a stored table lacks.

    Raises:
        DataError: A stored column has another type than the contract says.
    """
    from pyspark.sql.types import DataType

    found = {field.name: field.dataType.simpleString() for field in stored.fields}
    for column in contract.columns:
        wanted = DataType.fromDDL(column.type).simpleString()
        if found.get(column.name, wanted) != wanted:
            raise DataError(
                f"{contract.full_name}: stored column {column.name!r} has type "
                f"{found[column.name]}, the contract says {column.type}.",
                where=f"{contract.full_name}.{column.name}",
                mend="Move the table away and materialise it again.",
            )
    return [name for name in contract.column_names if name not in found]
