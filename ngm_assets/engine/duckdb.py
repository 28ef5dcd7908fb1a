"""DuckDB over Delta Lake and a landing folder: a query engine in memory, never a database file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Mapped, Query, Window
from ngm_assets.engine.gathering import gathered
from ngm_assets.engine.sql import FRESH, differing_partitions, table_names, to_duckdb
from ngm_assets.errors import ComputeError, DataError, NgmError
from ngm_assets.raw.convert import duckdb_type, file_list, identifier, open_duckdb, text

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.lakehouse.delta import DeltaLakehouse, Gone
    from ngm_assets.raw.landing import Landing

BATCH_ROWS = 65_536
ROWS_AT_ONCE = 1_000_000


class DuckDBEngine:
    """Runs queries in a private in-memory connection each.

    Args:
        lakehouse: Where `schema.table` names are read and written.
        landing: Where `system.*` names are read.
        contracts: Contracts of the lakehouse tables by full name, for tables not written yet.
        scratch: Folder for what does not fit in memory.
        views: SQL of views over the lakehouse tables by full name.
        memory: What a query may hold in memory, such as `2GB`.
    """

    def __init__(
        self,
        lakehouse: DeltaLakehouse,
        landing: Landing,
        contracts: dict[str, TableContract],
        scratch: Path,
        views: Mapping[str, str] | None = None,
        *,
        memory: str = "2GB",
    ) -> None:
        self.lakehouse = lakehouse
        self.landing = landing
        self.contracts = contracts
        self.scratch = scratch
        self.memory = memory
        self.views = dict(views or {})

    @property
    def rows_at_once(self) -> int | None:
        """Rows a query should read at most where days can be taken in turn."""
        return ROWS_AT_ONCE

    def overwrite(
        self,
        contract: TableContract,
        queries: Sequence[Query],
        start: date,
        end: date,
        *,
        also: tuple[date, ...] = (),
    ) -> None:
        """Replace the partitions `start..end` (and `also`) of a table by the queries' rows.

        Rows are streamed, cast to the contract, and sorted by partition and key.

        Raises:
            DataError: A raw file breaks the landing contract.
            ComputeError: A query fails for another reason.
        """

        def batches() -> pa.RecordBatchReader:
            import pyarrow as pa

            # Delta tables are looked up before: it cannot be done while one is being written.
            alike = {(query.sql, query.window): query for query in queries}
            views = {reads: self._views(query) for reads, query in alike.items()}
            rows = self._fitting(contract, queries, views)
            return pa.RecordBatchReader.from_batches(contract.arrow_schema(), rows)

        with self._explaining(*queries):
            self.lakehouse.overwrite(contract, batches, start, end, also=also)

    def _fitting(
        self,
        contract: TableContract,
        queries: Sequence[Query],
        views: Mapping[tuple[str, Window], Sequence[str]],
    ) -> Iterator[pa.RecordBatch]:
        """Yield the queries' rows; where days don't fit into memory, all that follow are halved."""
        import duckdb

        waiting = list(queries)
        while waiting:
            query, begun = waiting.pop(0), False
            try:
                for batch in self._streamed(contract, query, views[query.sql, query.window]):
                    begun = True
                    yield batch
            except duckdb.OutOfMemoryException:
                if begun or not query.halves():
                    raise
                waiting = [half for each in (query, *waiting) for half in each.halves() or (each,)]

    def _streamed(
        self, contract: TableContract, query: Query, views: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        shaped, schema = _shape(contract, to_duckdb(query.sql)), contract.arrow_schema()
        with self._open(views) as connection:
            connection.execute("SET preserve_insertion_order = false")  # they are sorted at the end
            result = connection.sql(shaped, params=_bound(shaped, query))
            for batch in result.to_arrow_reader(BATCH_ROWS):
                yield batch.cast(schema)

    def refresh(
        self,
        contract: TableContract,
        parts: Sequence[Mapped],
        start: date,
        end: date,
        *,
        ignoring: tuple[str, ...] = (),
    ) -> tuple[date, ...]:
        """Replace those partitions of `start..end` whose rows are not what the parts make.

        Raises:
            DataError: A raw file breaks the landing contract.
            ComputeError: A query fails for another reason.
        """
        import pyarrow as pa

        self.lakehouse.prepare(contract)
        made = [table for part in parts for table in self._mapped(contract, part)]
        fresh = pa.concat_tables([contract.arrow_schema().empty_table(), *made])
        return self._replace(contract, fresh, Window(start, end), ignoring)

    def store(
        self,
        contract: TableContract,
        rows: Sequence[Mapping[str, Any]],
        start: date,
        end: date,
        *,
        ignoring: tuple[str, ...] = (),
    ) -> tuple[date, ...]:
        """Replace those partitions of `start..end` whose rows are not the given ones.

        Raises:
            DataError: A row breaks the table's contract.
        """
        fresh = contract.arrow_rows(rows)
        self.lakehouse.prepare(contract)
        return self._replace(contract, fresh, Window(start, end), ignoring)

    def _replace(
        self, contract: TableContract, fresh: pa.Table, window: Window, ignoring: tuple[str, ...]
    ) -> tuple[date, ...]:
        import pyarrow as pa
        import pyarrow.compute as pc

        lost = self.lakehouse.gone(contract.full_name, contract.partition, window.start, window.end)
        changed = self._differing(contract, fresh, window, ignoring, lost)
        if changed:
            days = pa.array(changed, pa.date32())
            rows = fresh.filter(pc.is_in(fresh[contract.partition], days))
            self.lakehouse.overwrite(
                contract, rows.to_reader, changed[0], changed[0], also=changed[1:]
            )
        return changed

    def _mapped(self, contract: TableContract, part: Mapped) -> Iterator[pa.Table]:
        with self._session(part.query) as connection:
            sql = to_duckdb(part.query.sql)
            result = connection.sql(sql, params=_bound(sql, part.query))
            for table in gathered(result.to_arrow_reader(BATCH_ROWS), BATCH_ROWS):
                rows = part.function(table.to_pandas(date_as_object=False))
                yield contract.arrow_table(rows)

    def _differing(
        self,
        contract: TableContract,
        fresh: pa.Table,
        window: Window,
        ignoring: tuple[str, ...],
        lost: Gone,
    ) -> tuple[date, ...]:
        """Return the days whose rows differ, and those of which a data file is lost."""
        query = Query(differing_partitions(contract, ignoring), {}, window)
        with self._session(query, {FRESH: fresh}, lost) as connection:
            found = connection.sql(to_duckdb(query.sql)).fetchall()
        return tuple(sorted({*(row[0] for row in found), *lost.values()}))

    def holds(self, name: str) -> bool:
        """Tell whether a raw or lakehouse table is there; one that is not reads as empty."""
        if name.startswith("system."):
            return bool(self.landing.files(name))
        return self.lakehouse.exists(name)

    def rows(self, query: Query) -> list[dict[str, Any]]:
        """Return a small result as dictionaries."""
        rows: list[dict[str, Any]] = self.arrow(query).to_pylist()
        return rows

    def frame(self, query: Query) -> pd.DataFrame:
        """Return a result as a pandas frame, dates as datetime64."""
        frame: pd.DataFrame = self.arrow(query).to_pandas(date_as_object=False)
        return frame

    def arrow(self, query: Query) -> pa.Table:
        """Return a result as an Arrow table."""
        with self._session(query) as connection:
            sql = to_duckdb(query.sql)
            return connection.sql(sql, params=_bound(sql, query)).to_arrow_table()

    @contextmanager
    def _session(
        self,
        query: Query,
        given: Mapping[str, pa.Table] | None = None,
        without: Collection[str] = (),
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        given = given or {}
        with self._explaining(query):
            views = self._views(query, given, without)
            with self._open(views, given) as connection:
                yield connection

    def _views(
        self, query: Query, given: Collection[str] = (), without: Collection[str] = ()
    ) -> list[str]:
        names = tuple(name for name in table_names(query.sql) if name not in given)
        return [
            f"CREATE VIEW {identifier(name)} AS {self._relation(name, query, without)}"
            for name in self._with_sources(names)
        ]

    @contextmanager
    def _open(
        self, views: Sequence[str], given: Mapping[str, pa.Table] | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        self.scratch.mkdir(parents=True, exist_ok=True)
        limits = {"temp_directory": str(self.scratch), "memory_limit": self.memory}
        with open_duckdb(**limits) as connection:
            for name, table in (given or {}).items():
                connection.register(name, table)
            for view in views:
                connection.execute(view)
            yield connection

    @contextmanager
    def _explaining(self, *queries: Query) -> Iterator[None]:
        try:
            yield
        except NgmError:
            raise
        except Exception as error:
            names = dict.fromkeys(name for query in queries for name in table_names(query.sql))
            raise self._explain(error, tuple(names)) from error

    def _with_sources(self, names: tuple[str, ...]) -> list[str]:
        """Return the names with what views among them read, sources before views."""
        sources = [name for view in names for name in table_names(self.views.get(view, "SELECT 1"))]
        return list(dict.fromkeys([*sources, *names]))

    def _explain(self, error: Exception, names: tuple[str, ...]) -> NgmError:
        for name in names:
            if name.startswith("system."):
                problem = self.landing.diagnose(name)
                if problem is not None:
                    return problem
            elif name in self.contracts and self.lakehouse.exists(name):
                lost = self.lakehouse.gone(name, self.contracts[name].partition, None, None)
                if lost:
                    return _lost(name, lost)
        return ComputeError(
            f"The query over {', '.join(names)} failed: {error}",
            where=", ".join(names),
            mend="Run with --debug for the traceback.",
        )

    def _relation(self, name: str, query: Query, without: Collection[str]) -> str:
        if name.startswith("system."):
            return self.landing.select(name)
        if name in self.views:
            return to_duckdb(self.views[name])
        contract = self.contracts[name]
        kinds = {field.name: duckdb_type(field.type) for field in contract.arrow_schema()}
        columns = ", ".join(
            f"CAST({identifier(n)} AS {k}) AS {identifier(n)}" for n, k in kinds.items()
        )
        files = (
            self.lakehouse.files(name, contract.partition, query.window.start, query.window.end)
            if self.lakehouse.exists(name)
            else []
        )
        files = [file for file in files if file not in without]
        nulls = ", ".join(f"CAST(NULL AS {k}) AS {identifier(n)}" for n, k in kinds.items())
        nothing = f"SELECT {nulls} WHERE FALSE"
        if not files:
            return nothing
        stored = (
            f"read_parquet({file_list(files)}, hive_partitioning = true, union_by_name = true, "
            f"hive_types = {{{text(contract.partition)}: DATE}})"
        )
        return f"SELECT {columns} FROM ({nothing} UNION ALL BY NAME SELECT * FROM {stored})"


def _lost(name: str, files: Gone) -> DataError:
    days = ", ".join(sorted({day.isoformat() for day in files.values()})[:5])
    return DataError(
        f"{name}: {len(files)} data files are gone, of the days {days}.",
        where=min(files),
        mend=f"Put them back, or materialise these days of {name} again, with all they depend on.",
    )


def _shape(contract: TableContract, sql: str) -> str:
    columns = ", ".join(
        f"CAST({identifier(field.name)} AS {duckdb_type(field.type)}) AS {identifier(field.name)}"
        for field in contract.arrow_schema()
    )
    order = ", ".join(
        identifier(name) for name in dict.fromkeys((contract.partition, *contract.key))
    )
    return f"SELECT {columns} FROM ({sql}) ORDER BY {order}"


def _bound(sql: str, query: Query) -> dict[str, Any]:
    used = set(re.findall(r"\$([a-z_]+)", sql))
    return {name: value for name, value in query.parameters.items() if name in used}
