"""Where Spark keeps tables: Delta in Unity Catalog, or partitioned Parquet in a folder."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ngm_assets.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from ngm_assets.lakehouse.contract import TableContract

GLOB = r"[*?\[\]{}]"
COLUMNS = "_columns.json"


@dataclass(frozen=True)
class Stored:
    """A table that exists: what to name in FROM, and its columns."""

    reference: str
    columns: StructType


class TableStore(Protocol):
    """Finds tables by the names queries use, and overwrites them by whole partitions."""

    def find(self, name: str) -> Stored | None:
        """Return a table (`schema.table`, `system.schema.table`); None when there is none."""

    def overwrite(
        self,
        contract: TableContract,
        rows: DataFrame,
        start: date,
        end: date,
        also: tuple[date, ...] = (),
    ) -> None:
        """Replace the partitions `start..end` (and `also`) by rows of the contract's types."""

    def uri(self, full_name: str) -> str:
        """Return where a table lies, for people."""


class UnityTables:
    """Delta tables `{catalog}.{schema}.{table}`; raw tables are the system tables themselves.

    Schemas are not created: they and their grants belong to the workspace's owners.

    Args:
        spark: Session of a cluster with Unity Catalog.
        catalog: Catalog of the environment.
        sources: Full name of the table to read in the place of a `system.*` table, such as a table
            of daily snapshots for `system.information_schema.columns`.
    """

    def __init__(
        self, spark: SparkSession, catalog: str, sources: Mapping[str, str] | None = None
    ) -> None:
        self.spark = spark
        self.catalog = catalog
        self.sources = dict(sources or {})

    def find(self, name: str) -> Stored | None:
        """Return a table; None when the catalog has none of that name."""
        reference = self._reference(name)
        if not self.spark.catalog.tableExists(reference):
            return None
        return Stored(reference, self.spark.table(reference).schema)

    def overwrite(
        self,
        contract: TableContract,
        rows: DataFrame,
        start: date,
        end: date,
        also: tuple[date, ...] = (),
    ) -> None:
        """Replace the partitions `start..end` (and `also`) in one commit.

        The table is created, or gains the contract's new columns, when needed.

        Raises:
            DataError: The stored table has a column of another type.
        """
        reference = self._reference(contract.full_name)
        stored = self.find(contract.full_name)
        if stored is None:
            self.spark.sql(create_statement(contract, reference))
            order = list(contract.column_names)
        else:
            order = self._evolved(contract, stored)
        statement = replace_statement(contract, reference, order, start, end, also)
        self.spark.sql(statement, rows=rows)

    def uri(self, full_name: str) -> str:
        """Return the table's full name."""
        return f"{self.catalog}.{full_name}"

    def _reference(self, name: str) -> str:
        own = name if name.startswith("system.") else f"{self.catalog}.{name}"
        return ".".join(_quoted(part) for part in self.sources.get(name, own).split("."))

    def _evolved(self, contract: TableContract, stored: Stored) -> list[str]:
        """Add missing columns; return the names of all columns in stored order."""
        new = missing_columns(contract, stored.columns)
        for name in new:
            column = contract.column(name)
            self.spark.sql(
                f"ALTER TABLE {stored.reference} ADD COLUMNS "
                f"({_quoted(name)} {column.type} COMMENT {_text(column.doc)})"
            )
        return [*stored.columns.names, *new]


class ParquetTables:
    """Parquet folders `<root>/<schema>/<table>/<partition>=<day>`, for tests and laptops.

    The columns of a table written here are kept beside its files; those of others are read off
    their first file. A write is staged and then moved in: a query that fails writes nothing, but a
    reader may see some partitions replaced and others not yet.

    Args:
        spark: Any session.
        root: Folder of the tables; `system.*` tables lie in `<root>/system/...`.

    Raises:
        ConfigError: The path has characters that Spark takes for a pattern.
    """

    def __init__(self, spark: SparkSession, root: Path) -> None:
        if re.search(GLOB, str(root)):
            raise ConfigError(
                "Spark cannot address a path with * ? [ ] { }.",
                where=str(root),
                mend="Choose a folder without them.",
            )
        self.spark = spark
        self.root = root

    def find(self, name: str) -> Stored | None:
        """Return a table as a view of the session; None when it was never written."""
        from pyspark.sql.types import StructType

        folder, reader = self._folder(name), self.spark.read
        if folder.joinpath(COLUMNS).is_file():
            told = json.loads(folder.joinpath(COLUMNS).read_text(encoding="utf-8"))
            reader = reader.schema(StructType.fromJson(told))
        elif next(folder.rglob("*.parquet"), None) is None:
            return None
        frame = reader.parquet(str(folder))
        view = "ngm__" + name.replace(".", "__")
        frame.createOrReplaceTempView(view)
        return Stored(_quoted(view), frame.schema)

    def overwrite(
        self,
        contract: TableContract,
        rows: DataFrame,
        start: date,
        end: date,
        also: tuple[date, ...] = (),
    ) -> None:
        """Replace the partitions `start..end` (and `also`).

        Raises:
            DataError: The stored table has a column of another type.
        """
        stored = self.find(contract.full_name)
        if stored is not None:
            missing_columns(contract, stored.columns)
        folder, staging = self._folder(contract.full_name), self.root / "_staging"
        written = staging / contract.full_name
        rows.write.mode("overwrite").partitionBy(contract.partition).parquet(str(written))
        for day, place in list(_partitions(folder)):
            if start <= day <= end or day in also:
                shutil.rmtree(place)
        folder.mkdir(parents=True, exist_ok=True)
        folder.joinpath(COLUMNS).write_text(rows.schema.json(), encoding="utf-8")
        for _, place in list(_partitions(written)):
            place.rename(folder / place.name)
        shutil.rmtree(written)

    def uri(self, full_name: str) -> str:
        """Return the table's folder."""
        return str(self._folder(full_name))

    def _folder(self, name: str) -> Path:
        return self.root.joinpath(*name.split("."))


def _partitions(folder: Path) -> Iterator[tuple[date, Path]]:
    for place in sorted(folder.glob("*=*")):
        yield date.fromisoformat(place.name.partition("=")[2]), place


def column_types(store: TableStore, full_name: str) -> dict[str, str]:
    """Return the type of every stored column as Delta's JSON text; empty before the first write."""
    stored = store.find(full_name)
    if stored is None:
        return {}
    return {field.name: json.dumps(field.dataType.jsonValue()) for field in stored.columns.fields}


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


def create_statement(contract: TableContract, reference: str) -> str:
    """Return the statement that creates a contract's Delta table, with its words."""
    columns = ", ".join(
        f"{_quoted(c.name)} {c.type}{'' if c.nullable else ' NOT NULL'} COMMENT {_text(c.doc)}"
        for c in contract.columns
    )
    return (
        f"CREATE TABLE IF NOT EXISTS {reference} ({columns}) USING DELTA "
        f"PARTITIONED BY ({_quoted(contract.partition)}) COMMENT {_text(contract.description)}"
    )


def replace_statement(
    contract: TableContract,
    reference: str,
    order: Iterable[str],
    start: date,
    end: date,
    also: Iterable[date],
) -> str:
    """Return the statement that replaces partitions by the frame `{rows}`, in one commit.

    Args:
        contract: The table.
        reference: What to name.
        order: Stored columns in order; those the contract does not know become null.
        start: First partition date.
        end: Last partition date, inclusive.
        also: Further single partition dates.
    """
    known = set(contract.column_names)
    columns = ", ".join(
        _quoted(name) if name in known else f"NULL AS {_quoted(name)}" for name in order
    )
    days = in_partitions(contract.partition, start, end, also)
    return f"INSERT INTO TABLE {reference} REPLACE WHERE {days} SELECT {columns} FROM {{rows}}"


def in_partitions(partition: str, start: date, end: date, also: Iterable[date]) -> str:
    """Return the condition of the partitions `start..end` and `also`."""
    day = _quoted(partition)
    ranges = [f"({day} >= DATE '{start}' AND {day} <= DATE '{end}')"]
    ranges += [f"{day} = DATE '{one}'" for one in also]
    return " OR ".join(ranges)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
