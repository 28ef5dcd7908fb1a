"""Tables of the emulated Unity Catalog: Delta by delta-rs, Parquet for system tables, views."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import uuid4

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from ngm_assets_tests.workspace.statements import Name

VIEW = ".view.sql"
ATTEMPTS = 8
TIMESTAMPS = "spark.sql.parquet.outputTimestampType"


def make_schemas(root: Path, catalog: str, *schemas: str) -> None:
    """Create a catalog with schemas, as the workspace's owners do."""
    for schema in schemas:
        root.joinpath(catalog, schema).mkdir(parents=True, exist_ok=True)


class UnityTables:
    """Tables in folders `<root>/<catalog>/<schema>/<table>`, and system tables where Parquet lies.

    Args:
        spark: The session that reads them.
        root: Folder of the catalogs.
        raw: Folder of Parquet files by full name of a system table.
    """

    def __init__(self, spark: SparkSession, root: Path, raw: Mapping[str, Path]) -> None:
        self._spark, self._root, self._raw = spark, root, raw

    def folder(self, name: Name) -> Path:
        """Return the folder of a table."""
        return self._root.joinpath(*name)

    def is_table(self, name: Name) -> bool:
        """Tell whether there is a Delta table of that name."""
        return self.folder(name).joinpath("_delta_log").is_dir()

    def view(self, name: Name) -> str | None:
        """Return the query of a view; None when there is none."""
        file = self._view(name)
        return file.read_text(encoding="utf-8") if file.is_file() else None

    def exists(self, name: Name) -> bool:
        """Tell whether there is a table or view of that name."""
        return self.is_table(name) or self._view(name).is_file() or bool(self._raw_files(name))

    def has_catalog(self, catalog: str) -> bool:
        """Tell whether a catalog exists."""
        known = any(name.startswith(f"{catalog}.") for name in self._raw)
        return catalog == "system" or known or self._root.joinpath(catalog).is_dir()

    def has_schema(self, catalog: str, schema: str) -> bool:
        """Tell whether a schema exists."""
        return self._root.joinpath(catalog, schema).is_dir()

    def names(self, catalog: str, schema: str) -> list[str]:
        """Return the names of a schema's tables and views."""
        found = [place.parent.name for place in self._root.glob(f"{catalog}/{schema}/*/_delta_log")]
        views = [place.name for place in self._root.glob(f"{catalog}/{schema}/*{VIEW}")]
        raw = [name.split(".")[2] for name in self._raw if name.startswith(f"{catalog}.{schema}.")]
        raw = [name for name in raw if self._raw_files((catalog, schema, name))]
        return sorted([*found, *(name.removesuffix(VIEW) for name in views), *raw])

    def schema(self, name: Name) -> StructType:
        """Return the columns of a Delta table, with comments."""
        from pyspark.sql.types import StructType

        return StructType.fromJson(json.loads(self._delta(name).schema().to_json()))

    def partitions(self, name: Name) -> list[str]:
        """Return the partition columns of a Delta table."""
        return list(self._delta(name).metadata().partition_columns)

    def frame(self, name: Name) -> DataFrame:
        """Return the rows of the newest version of a table."""
        if not self.is_table(name):
            return self._raw_frame(name)
        columns, folder = self.schema(name), self.folder(name)
        files = sorted(unquote(uri) for uri in self._delta(name).file_uris())
        reader = self._spark.read.schema(columns).option("basePath", str(folder))
        if not files:
            reader = self._spark.read.schema(columns)
            self._root.joinpath("_empty").mkdir(exist_ok=True)
            files = [str(self._root / "_empty")]
        return reader.parquet(*files).select(*(f"`{column}`" for column in columns.names))

    def create(self, name: Name, columns: StructType, partition: list[str], comment: str) -> None:
        """Create an empty Delta table, when there is none."""
        from deltalake import DeltaTable, Schema

        DeltaTable.create(
            self.folder(name),
            Schema.from_json(columns.json()),
            mode="ignore",
            partition_by=partition or None,
            name=".".join(name),
            description=comment,
        )

    def add_columns(self, name: Name, columns: StructType) -> None:
        """Add columns at the end of a Delta table."""
        from deltalake import Schema

        self._delta(name).alter.add_columns(Schema.from_json(columns.json()).fields)

    def create_view(self, name: Name, query: str) -> None:
        """Keep the query of a view."""
        self._view(name).write_text(query, encoding="utf-8")

    def drop_view(self, name: Name) -> None:
        """Forget a view."""
        self._view(name).unlink()

    def replace(self, name: Name, rows: DataFrame, predicate: str) -> None:
        """Replace what fits a predicate by rows of the table's columns, in one commit.

        Spark computes all rows before anything of the table changes.
        """
        staged = self._root / "_staged" / uuid4().hex
        conf: Any = self._spark._jsparkSession.conf()
        before = conf.get(TIMESTAMPS)
        conf.set(TIMESTAMPS, "TIMESTAMP_MICROS")
        try:
            rows.write.parquet(str(staged))
            self._commit(name, staged, predicate)
        finally:
            conf.set(TIMESTAMPS, before)
            shutil.rmtree(staged, ignore_errors=True)

    def history(self, name: Name, limit: int | None) -> list[dict[str, Any]]:
        """Return the versions of a Delta table, newest first."""
        return list(self._delta(name).history(limit))

    def size(self, name: Name) -> tuple[int, int]:
        """Return the number of files of a Delta table's newest version, and their bytes."""
        sizes = self._delta(name).get_add_actions()["size_bytes"].to_pylist()
        return len(sizes), sum(sizes)

    def optimize(self, name: Name) -> None:
        """Put small files of a Delta table together."""
        self._delta(name).optimize.compact()

    def vacuum(self, name: Name, dry_run: bool) -> list[str]:
        """Delete what left a Delta table longer ago than its property says; return the paths."""
        return list(self._delta(name).vacuum(dry_run=dry_run))

    def _commit(self, name: Name, staged: Path, predicate: str) -> None:
        import pyarrow as pa
        from deltalake import write_deltalake
        from deltalake.exceptions import CommitFailedError

        for attempt in range(ATTEMPTS):
            table = self._delta(name)
            schema = pa.schema(table.schema())
            reader = pa.RecordBatchReader.from_batches(schema, _batches(staged, schema))
            try:
                write_deltalake(table, reader, mode="overwrite", predicate=predicate)
            except CommitFailedError:
                if attempt + 1 == ATTEMPTS:
                    raise
            else:
                return

    def _delta(self, name: Name) -> Any:
        from deltalake import DeltaTable

        return DeltaTable(self.folder(name))

    def _view(self, name: Name) -> Path:
        return self._root.joinpath(*name[:-1], name[-1] + VIEW)

    def _raw_files(self, name: Name) -> list[str]:
        folder = self._raw.get(".".join(name))
        if folder is None:
            return []
        found = [file.relative_to(folder) for file in folder.rglob("*.parquet")]
        kept = [file for file in found if not any(p.startswith(("_", ".")) for p in file.parts)]
        return sorted(str(folder / file) for file in kept)

    def _raw_frame(self, name: Name) -> DataFrame:
        reader = self._spark.read.option("mergeSchema", "true")
        reader = reader.option("basePath", str(self._raw[".".join(name)]))
        return reader.parquet(*self._raw_files(name))


def _batches(staged: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow.dataset as ds

    data = ds.dataset(staged, format="parquet")
    for batch in data.to_batches(batch_readahead=1, fragment_readahead=1):
        if batch.num_rows:
            yield batch.select(schema.names).cast(schema)
