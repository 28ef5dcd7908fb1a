"""Delta tables on disk: made from a contract, overwritten by date partitions in one commit."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from threading import get_ident
from time import sleep
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ngm_assets.errors import ComputeError, ConfigError, DataError
from ngm_assets.lakehouse.upkeep import Upkeep, maintain_delta
from ngm_assets.settings import UNFIT

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable, Schema

    from ngm_assets.lakehouse.contract import TableContract

ATTEMPTS = 12
LONGEST_PAUSE = 1.0
VALUES, LEAST_ROWS = 400_000, 4_096
"""Values and rows of a row group: the files of all days of a range are open until the commit, and
hold what is not flushed."""
Gone = dict[str, date]


class DeltaLakehouse:
    """All Delta tables of one environment on a local disk.

    Args:
        root: Folder of the catalog; a table lives in `<root>/<schema>/<table>`.

    Raises:
        ConfigError: The path has characters that the Delta library cannot address.
    """

    def __init__(self, root: Path) -> None:
        if re.search(UNFIT, str(root)):
            raise ConfigError(
                "Delta tables cannot lie below a path with [ ] ? ^ | \\ %xx or control characters.",
                where=str(root),
                mend="Choose a home folder without them.",
            )
        self.root = root

    def path(self, full_name: str) -> Path:
        """Return the folder of `schema.table`."""
        schema, _, table = full_name.partition(".")
        return self.root / schema / table

    def uri(self, full_name: str) -> str:
        """Return where a table lies, for people."""
        return str(self.path(full_name))

    def exists(self, full_name: str) -> bool:
        """Tell whether the table has been created."""
        return (self.path(full_name) / "_delta_log").is_dir()

    def tables(self) -> list[str]:
        """Return the `schema.table` names of every table on disk."""
        logs = self.root.glob("*/*/_delta_log")
        return sorted(f"{log.parents[1].name}.{log.parents[0].name}" for log in logs)

    def overwrite(
        self,
        contract: TableContract,
        batches: Callable[[], pa.RecordBatchReader],
        start: date,
        end: date,
        *,
        also: Iterable[date] = (),
    ) -> None:
        """Replace the partitions `start..end` (and `also`) by the given rows, in one commit.

        Readers see the old rows or the new ones. A writer that loses a race against another one
        tries again with fresh batches.

        Args:
            contract: The table; it is created, or gains new columns, when needed.
            batches: Returns a new reader with the contract's Arrow schema at each call.
            start: First partition date.
            end: Last partition date, inclusive.
            also: Further single partition dates.

        Raises:
            DataError: The stored table has a column of another type.
            ComputeError: Every attempt lost against another writer.
        """
        from deltalake import WriterProperties, write_deltalake
        from deltalake.exceptions import CommitFailedError

        rows = max(LEAST_ROWS, VALUES // len(contract.columns))
        flushed = WriterProperties(compression="SNAPPY", max_row_group_size=rows)
        column = contract.partition
        ranges = [f"({column} >= '{start}' AND {column} <= '{end}')"]
        ranges += [f"{column} = '{day}'" for day in also]
        for attempt in range(ATTEMPTS):
            try:
                write_deltalake(
                    self.ensure(contract),
                    batches(),
                    mode="overwrite",
                    predicate=" OR ".join(ranges),
                    schema_mode="merge",
                    writer_properties=flushed,
                )
            except CommitFailedError:
                sleep(_pause(attempt, os.getpid() + get_ident()))
                continue
            return
        raise ComputeError(
            f"Another process kept writing {contract.full_name}: {ATTEMPTS} attempts failed.",
            where=str(self.path(contract.full_name)),
            mend="Let the other run finish, then run again.",
        )

    def files(
        self, full_name: str, partition: str, start: date | None, end: date | None
    ) -> list[str]:
        """Return the data files of the partitions `start..end` of the newest version."""
        filters: list[tuple[str, str, str]] = []
        if start is not None:
            filters.append((partition, ">=", start.isoformat()))
        if end is not None:
            filters.append((partition, "<=", end.isoformat()))
        table = self._table(full_name)
        return sorted(
            unquote(uri) for uri in table.file_uris(file_pruning_predicate=filters or None)
        )

    def gone(self, full_name: str, partition: str, start: date | None, end: date | None) -> Gone:
        """Return the data files that are named in a table's log but lost, with their day."""
        lost = [
            file
            for file in self.files(full_name, partition, start, end)
            if not Path(file).is_file()
        ]
        return {file: date.fromisoformat(_day_in(file, partition)) for file in lost}

    def _table(self, full_name: str) -> DeltaTable:
        """Open a table.

        Raises:
            DataError: Its log cannot be read, for example because a commit is missing.
        """
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        path = self.path(full_name)
        try:
            return DeltaTable(path)
        except DeltaError as error:
            raise DataError(
                f"The log of {full_name} cannot be read: {str(error)[:300]}",
                where=str(path / "_delta_log"),
                mend="Put the missing files back, or move the table's folder away and "
                "materialise all of its days again.",
            ) from error

    def column_types(self, full_name: str) -> dict[str, str]:
        """Return the Delta type of every stored column, as JSON; empty before the first write."""
        if not self.exists(full_name):
            return {}
        return delta_types(self._table(full_name).schema())

    def version(self, full_name: str) -> int | None:
        """Return the newest version number of a table; None before the first write."""
        if not self.exists(full_name):
            return None
        return self._table(full_name).version()

    def prepare(self, contract: TableContract) -> None:
        """Create a table, or add the contract's new columns and words, when needed."""
        self.ensure(contract)

    def maintain(self, full_name: str, *, dry_run: bool = False) -> Upkeep:
        """Put small files of a table together, and delete what no reader needs any more."""
        return maintain_delta(self.path(full_name), full_name, dry_run=dry_run)

    def ensure(self, contract: TableContract) -> DeltaTable:
        """Open a table; create it, or add the contract's new columns and words, when needed.

        Raises:
            DataError: A stored column has another type than the contract says.
        """
        from deltalake import DeltaTable, Schema

        path = self.path(contract.full_name)
        if not self.exists(contract.full_name):
            path.parent.mkdir(parents=True, exist_ok=True)
            DeltaTable.create(
                path,
                Schema.from_arrow(contract.arrow_schema()),
                mode="ignore",
                partition_by=[contract.partition],
                name=contract.full_name,
                description=contract.description,
            )
        table = self._table(contract.full_name)
        _evolve(table, contract)
        return table


def _day_in(file: str, partition: str) -> str:
    """Return the value of a partition in a data file's path."""
    folders = (part.partition("=") for part in Path(file).parts)
    return next(value for name, _, value in folders if name == partition)


def _pause(attempt: int, who: int) -> float:
    """Seconds to wait after a lost race: doubling, and not the same for two writers."""
    return min(LONGEST_PAUSE, 0.01 * 2.0**attempt) * (1 + who % 13 / 13)


def delta_types(schema: Schema) -> dict[str, str]:
    """Return the type of every column as Delta's JSON text."""
    return {field.name: json.dumps(json.loads(field.type.to_json())) for field in schema.fields}


def expected_types(contract: TableContract) -> dict[str, str]:
    """Return the types `column_types` gives for a table that fits its contract."""
    from deltalake import Schema

    return delta_types(Schema.from_arrow(contract.arrow_schema()))


def _evolve(table: DeltaTable, contract: TableContract) -> None:
    from deltalake import Schema

    stored = delta_types(table.schema())
    wanted = Schema.from_arrow(contract.arrow_schema())
    for name, kind in delta_types(wanted).items():
        if stored.get(name, kind) != kind:
            raise DataError(
                f"{contract.full_name}: stored column {name!r} has type {stored[name]}, "
                f"the contract says {kind}.",
                where=f"{contract.full_name}.{name}",
                mend="Move the table's folder away and materialise it again.",
            )
    missing = [field for field in wanted.fields if field.name not in stored]
    if missing:
        table.alter.add_columns(missing)
    told = {field.name: field.metadata.get("comment") for field in table.schema().fields}
    for field in wanted.fields:
        comment = field.metadata["comment"]
        if told.get(field.name) != comment:
            table.alter.set_column_metadata(field.name, {"comment": comment})
