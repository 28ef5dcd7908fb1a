"""Reader of a landing folder: finds a table's Parquet files and views them as the contract says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ngm_assets.errors import DataError
from ngm_assets.raw.contract import RawTable, raw_tables
from ngm_assets.raw.convert import (
    NotConvertible,
    convert,
    duckdb_type,
    file_list,
    identifier,
    open_duckdb,
)

if TYPE_CHECKING:
    import pyarrow as pa

_MAGIC = b"PAR1"
_PATH = "ngm__path"


@dataclass(frozen=True)
class FileGroup:
    """Files of one table that share a schema and the names of their Hive folders."""

    files: tuple[Path, ...]
    schema: pa.Schema
    hive: tuple[str, ...]


class Landing:
    """The raw tables of one landing folder.

    Args:
        root: Folder laid out as `billing/usage`, `access/audit`, ...; files at any depth.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def files(self, table: str) -> list[Path]:
        """Return the table's Parquet files, sorted; names starting with `_` or `.` are skipped.

        Raises:
            DataError: A file leads out of the landing folder, a folder is a link, or one of
                them cannot be read.
        """
        return sorted(self._walk(self.root / raw_tables()[table].folder))

    def _walk(self, folder: Path) -> Iterator[Path]:
        root = self.root.resolve()
        for parent, folders, names in os.walk(folder, onerror=_unreadable, followlinks=False):
            folders[:] = [name for name in folders if not name.startswith(("_", "."))]
            for name in folders:
                if Path(parent, name).is_symlink():
                    raise DataError(
                        "The folder is a link; links to folders are not followed.",
                        where=str(Path(parent, name)),
                        mend="Copy the folder into the landing folder.",
                    )
            for name in names:
                path = Path(parent, name)
                if name.startswith(("_", ".")):
                    continue
                _confine(path, root)
                if _is_parquet(path):
                    yield path

    def select(self, table: str) -> str:
        """Return a DuckDB query over the table's files, with the contract's columns and types.

        Raises:
            DataError: Unreadable file, missing required column, or a type that does not convert.
        """
        raw = raw_tables()[table]
        parts = [self._select_group(raw, group) for group in self.groups(table)]
        if not parts:
            columns = ", ".join(
                f"CAST(NULL AS {duckdb_type(kind)}) AS {identifier(name)}"
                for name, kind in raw.arrow_types().items()
            )
            return f"SELECT {columns} WHERE FALSE"
        return " UNION ALL ".join(parts)

    def groups(self, table: str) -> list[FileGroup]:
        """Group the table's files by schema and Hive folders.

        Raises:
            DataError: A file is not readable as Parquet.
        """
        found: dict[tuple[str, tuple[str, ...]], tuple[list[Path], pa.Schema]] = {}
        for path in self.files(table):
            schema = _read_schema(path, table)
            hive = tuple(self._hive(path))
            files, _ = found.setdefault((str(schema.remove_metadata()), hive), ([], schema))
            files.append(path)
        return [FileGroup(tuple(files), schema, key[1]) for key, (files, schema) in found.items()]

    def _hive(self, path: Path) -> dict[str, str]:
        parts = path.relative_to(self.root).parts[:-1]
        pairs = (part.split("=", 1) for part in parts if "=" in part)
        return {key: unquote(value) for key, value in pairs}

    def _select_group(self, raw: RawTable, group: FileGroup) -> str:
        columns = [
            f"{self._column(raw, name, kind, group)} AS {identifier(name)}"
            for name, kind in raw.arrow_types().items()
        ]
        return f"SELECT {', '.join(columns)} FROM {_scan(group)}"

    def _column(self, raw: RawTable, name: str, kind: pa.DataType, group: FileGroup) -> str:
        import pyarrow as pa

        found = {field.name.lower(): field for field in group.schema}.get(name)
        if found is None and name in group.hive:
            return convert(self._from_path(name), pa.string(), kind)
        if found is None:
            if name in raw.required:
                raise DataError(
                    f"{raw.name}: required column {name!r} is missing; "
                    f"found columns: {', '.join(group.schema.names)}.",
                    where=f"{group.files[0]}, column {name}",
                    mend=f"Export the column as {raw.types[name]}.",
                )
            return f"CAST(NULL AS {duckdb_type(kind)})"
        try:
            return convert(identifier(found.name), found.type, kind)
        except NotConvertible:
            raise DataError(
                f"{raw.name}: column {name!r} has type {found.type}, expected {raw.types[name]}.",
                where=f"{group.files[0]}, column {name}",
                mend=f"Export the column as {raw.types[name]}.",
            ) from None

    def _from_path(self, name: str) -> str:
        """Return SQL for the value of a Hive folder below the landing root."""
        below = f"substr({_PATH}, {len(str(self.root)) + 1})"
        value = f"url_decode(regexp_extract({below}, '.*/{name}=([^/]*)/', 1))"
        return f"NULLIF({value}, '__HIVE_DEFAULT_PARTITION__')"

    def diagnose(self, table: str) -> DataError | None:
        """Find the file and value that make a scan of the table fail; None when it reads well."""
        import duckdb

        raw = raw_tables()[table]
        with open_duckdb() as connection:
            for group in self.groups(table):
                for path in group.files:
                    single = FileGroup((path,), group.schema, group.hive)
                    for name, kind in raw.arrow_types().items():
                        column = self._column(raw, name, kind, single)
                        value = f"SELECT SUM(LENGTH(CAST({column} AS VARCHAR)))"
                        try:
                            connection.execute(f"{value} FROM {_scan(single)}").fetchall()
                        except duckdb.Error as error:
                            return _value_error(raw, path, name, error)
        return None

    def date_range(self, table: str) -> tuple[Any, Any, int]:
        """Return first day, last day and row count of a table; days are None when it is empty.

        Raises:
            DataError: As for `select`, or a value that does not convert.
        """
        import duckdb

        day = DATED_BY[table]
        query = (
            f"SELECT MIN(CAST({day} AS DATE)), MAX(CAST({day} AS DATE)), COUNT(*) "
            f"FROM ({self.select(table)})"
        )
        try:
            with open_duckdb() as connection:
                row = connection.execute(query).fetchone()
        except duckdb.Error:
            problem = self.diagnose(table)
            if problem is None:
                raise
            raise problem from None
        return row if row is not None else (None, None, 0)


DATED_BY = {
    "system.billing.usage": "usage_start_time",
    "system.billing.list_prices": "price_start_time",
    "system.access.audit": "event_time",
    "system.query.history": "end_time",
    "system.lakeflow.job_run_timeline": "period_end_time",
    "system.compute.clusters": "change_time",
    "system.information_schema.columns": "snapshot_date",
    "system.information_schema.tables": "snapshot_date",
}


def _scan(group: FileGroup) -> str:
    options = f"hive_partitioning = false, filename = '{_PATH}'"
    return f"read_parquet({file_list(group.files)}, {options})"


def _confine(path: Path, root: Path) -> None:
    """Refuse what must not even be opened.

    Raises:
        DataError: It leads out of the landing folder, or is a pipe, a socket or a device, or has a
            backslash in its path, which DuckDB may take for the end of a folder's name.
    """
    if "\\" in str(path):
        raise DataError(
            "The path of the file has a backslash.",
            where=str(path),
            mend="Rename the file or the folder.",
        )
    if not Path(os.path.realpath(path)).is_relative_to(root):  # `resolve` fails on a ring of links
        raise DataError(
            "The file is a link that leads out of the landing folder.",
            where=str(path),
            mend="Copy the file into the landing folder.",
        )
    if path.exists() and not path.is_file():
        raise DataError(
            "This is neither a file nor a folder.",
            where=str(path),
            mend="Move it out of the landing folder.",
        )


def _is_parquet(path: Path) -> bool:
    if path.suffix.lower() in {".parquet", ".parq"}:
        return True
    try:
        with path.open("rb") as stream:
            return stream.read(4) == _MAGIC
    except OSError as error:
        raise _no_access(error) from None


def _unreadable(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise _no_access(error) from None


def _no_access(error: OSError) -> DataError:
    return DataError(
        f"Cannot be read: {error.strerror}.",
        where=str(error.filename),
        mend="Make it readable, or move it out of the landing folder.",
    )


def _read_schema(path: Path, table: str) -> pa.Schema:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{table}: the file cannot be read as Parquet ({str(error).splitlines()[0]}).",
            where=str(path),
            mend="Export the file again, or move it out of the landing folder.",
        ) from None


def _value_error(raw: RawTable, path: Path, column: str, error: Exception) -> DataError:
    reason = str(error).splitlines()[0]
    return DataError(
        f"{raw.name}: column {column!r} does not read as {raw.types[column]}: {reason}",
        where=f"{path}, column {column}",
        mend=f"Export the column as {raw.types[column]}, or move the file away.",
    )
