"""Spark over Unity Catalog: runs the project's SQL as it is written, and functions on its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import reduce
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Mapped, Query, Value, Window
from ngm_assets.engine.shipping import serverless, shared, ship_package
from ngm_assets.engine.spark_errors import explained
from ngm_assets.engine.spark_queries import nothing, shaped, stored_select
from ngm_assets.engine.sql import (
    FRESH,
    differing_partitions,
    parameter_names,
    table_names,
    with_relations,
)
from ngm_assets.errors import ConfigError, DataError
from ngm_assets.lakehouse.statements import in_partitions, quoted, quoted_name
from ngm_assets.raw.contract import RawTable, raw_tables
from ngm_assets.raw.snapshots import present
from ngm_assets.raw.spark_convert import raw_select

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.lakehouse.unity import UnityLakehouse

PINNED = {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "true"}
"""What the session must be set to for the SQL to mean the same on both engines."""
OLDEST = (4, 0)
"""First version that knows all of the SQL: frames of days over a date, EXCEPT, list parameters."""
FRESH_VIEW = "ngm__fresh"


class SparkEngine:
    """Runs queries in an open Spark session; nothing but what is asked for leaves the cluster.

    Args:
        spark: The session; its time zone becomes UTC and ANSI mode is switched on.
        lakehouse: Where tables are found and written.
        contracts: Contracts of the lakehouse tables by full name, for tables not written yet.
        views: SQL of views over the lakehouse tables by full name.

    Raises:
        ConfigError: The session is older than Spark 4, or does not take the settings.
    """

    def __init__(
        self,
        spark: SparkSession,
        lakehouse: UnityLakehouse,
        contracts: Mapping[str, TableContract],
        views: Mapping[str, str] | None = None,
    ) -> None:
        _pin(spark)
        self.spark = spark
        self.lakehouse = lakehouse
        self.contracts = dict(contracts)
        self.views = dict(views or {})
        self._shipped: TemporaryDirectory[str] | None = None

    @property
    def rows_at_once(self) -> int | None:
        """Any number: rows are distributed."""
        return None

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

        Rows are cast to the contract and sorted by partition and key. Delta refuses a null in a
        required column and a row of another day, and then writes nothing.

        Raises:
            DataError: A raw or stored table breaks its contract.
            ComputeError: The query fails for another reason.
        """
        with explained(queries[0]):
            frames = (self._shaped(contract, query) for query in queries)
            rows = reduce(lambda one, other: one.unionAll(other), frames)
            self.lakehouse.overwrite(contract, _laid_out(contract, rows), start, end, also)

    def _shaped(self, contract: TableContract, query: Query) -> DataFrame:
        text = shaped(contract, self._text(query.sql, query.window))
        return self.spark.sql(text, args=_bound(query))

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

        The functions run on the executors, a batch of Arrow rows at a time; only the dates that
        changed come back. Columns that are compared must not be maps.

        Raises:
            DataError: A raw or stored table breaks its contract.
            ComputeError: A query or a function fails for another reason.
        """
        self.lakehouse.prepare(contract)
        with explained(parts[0].query if parts else Query("SELECT 1", {})):
            return self._replace(
                contract, self._made(contract, parts), Window(start, end), ignoring
            )

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
        given = contract.arrow_rows(rows)
        self.lakehouse.prepare(contract)
        with explained(Query("SELECT 1", {})):
            fresh = self.spark.createDataFrame(given, _columns(contract))
            return self._replace(contract, fresh, Window(start, end), ignoring)

    def _replace(
        self,
        contract: TableContract,
        fresh: DataFrame,
        window: Window,
        ignoring: tuple[str, ...],
    ) -> tuple[date, ...]:
        keeps = not serverless(self.spark)
        fresh = fresh.persist() if keeps else fresh
        try:
            fresh.createOrReplaceTempView(FRESH_VIEW)
            changed = self._differing(contract, window, ignoring)
            if changed:
                rows = fresh.where(
                    in_partitions(contract.partition, changed[0], changed[0], changed[1:])
                )
                self.lakehouse.overwrite(
                    contract, _laid_out(contract, rows), changed[0], changed[0], changed[1:]
                )
        finally:
            self.spark.catalog.dropTempView(FRESH_VIEW)
            if keeps:
                fresh.unpersist()
        return changed

    def _made(self, contract: TableContract, parts: Sequence[Mapped]) -> DataFrame:
        columns = _columns(contract)
        made = self.spark.createDataFrame([], columns)
        if parts and self._shipped is None:
            self._shipped = ship_package(self.spark)
        for part in parts:
            function = shared(self.spark, part.function)
            rows = self._frame(part.query).mapInArrow(_on_batches(contract, function), columns)
            made = made.unionByName(rows)
        return made

    def _differing(
        self, contract: TableContract, window: Window, ignoring: tuple[str, ...]
    ) -> tuple[date, ...]:
        relations = {
            contract.full_name: self._relation(contract.full_name, window),
            FRESH: f"SELECT * FROM {FRESH_VIEW}",
        }
        sql = with_relations(differing_partitions(contract, ignoring), relations)
        return tuple(row["day"] for row in self.spark.sql(sql).toArrow().to_pylist())

    def take_snapshot(self, source: str, contract: TableContract, day: date) -> int:
        """Store what a table that knows only the present shows now, as the partition `day`.

        Args:
            source: Full name of the table.
            contract: Where the snapshot goes: its columns and the day.
            day: Today, UTC.

        Returns:
            The number of rows; nothing is written when there is none.

        Raises:
            DataError: The table is not there, may not be read, or breaks its contract.
        """
        with explained(Query(f"SELECT * FROM {source}", {})):
            select = self._raw(present(raw_tables()[source]), quoted_name(source))
            sql = f"SELECT *, DATE '{day}' AS {contract.partition} FROM ({select})"
            rows = self.spark.sql(shaped(contract, sql))
            count = rows.count()
            if count:
                self.lakehouse.overwrite(contract, _laid_out(contract, rows), day, day)
        return count

    def _raw(self, raw: RawTable, reference: str) -> str:
        if not self.spark.catalog.tableExists(reference):
            raise DataError(
                f"{raw.name} is not there, or may not be read.",
                where=reference,
                mend="Enable the system schema, and grant SELECT on it to who runs the steps.",
            )
        return raw_select(raw, reference, self.spark.table(reference).schema)

    def holds(self, name: str) -> bool:
        """Tell whether a raw or lakehouse table is there and may be seen."""
        return self.lakehouse.find(name) is not None

    def rows(self, query: Query) -> list[dict[str, Any]]:
        """Return a small result as dictionaries, timestamps in UTC without a zone."""
        rows: list[dict[str, Any]] = self.arrow(query).to_pylist()
        return rows

    def frame(self, query: Query) -> pd.DataFrame:
        """Return a result as a pandas frame, dates as datetime64."""
        frame: pd.DataFrame = self.arrow(query).to_pandas(date_as_object=False)
        return frame

    def arrow(self, query: Query) -> pa.Table:
        """Return a result as an Arrow table."""
        with explained(query):
            return _without_zones(self._frame(query).toArrow())

    def _frame(self, query: Query) -> DataFrame:
        return self.spark.sql(self._text(query.sql, query.window), args=_bound(query))

    def _text(self, sql: str, window: Window) -> str:
        relations = {name: self._relation(name, window) for name in table_names(sql)}
        return with_relations(sql, relations)

    def _relation(self, name: str, window: Window) -> str:
        if name in self.views:
            return self._text(self.views[name], window)
        if name.startswith("system."):
            return self._raw(raw_tables()[name], self.lakehouse.reference(name))
        stored = self.lakehouse.find(name)
        contract = self.contracts[name]
        if stored is None:
            return nothing({column.name: column.type for column in contract.columns})
        return stored_select(contract, stored, window)


def _pin(spark: SparkSession) -> None:
    major, minor = (int(part) for part in spark.version.split(".")[:2])
    if (major, minor) < OLDEST:
        raise ConfigError(
            f"Spark {spark.version} is too old.", mend="Use Databricks Runtime 17 or newer."
        )
    for name, value in PINNED.items():
        spark.conf.set(name, value)
    zone = spark.sql("SELECT CURRENT_TIMEZONE() AS zone").toArrow().to_pylist()[0]["zone"]
    off = [name for name, value in PINNED.items() if spark.conf.get(name) != value]
    if zone != "UTC" or off:
        raise ConfigError(
            f"The Spark session runs in {zone}, and does not keep {', '.join(off) or 'UTC'}.",
            mend="Set " + ", ".join(f"{name}={value}" for name, value in PINNED.items()) + ".",
        )


def _bound(query: Query) -> dict[str, Any]:
    used = parameter_names(query.sql)
    return {name: _literal(value) for name, value in query.parameters.items() if name in used}


def _literal(value: Value) -> Any:
    from pyspark.sql import functions

    if isinstance(value, list):
        return functions.array(*(functions.lit(part) for part in value))
    return value


def _columns(contract: TableContract) -> str:
    return ", ".join(f"{quoted(c.name)} {c.type}" for c in contract.columns)


def _laid_out(contract: TableContract, rows: DataFrame) -> DataFrame:
    """Return the rows with the files of a partition together, sorted by key."""
    order = dict.fromkeys((contract.partition, *contract.key))
    return rows.hint("rebalance", contract.partition).sortWithinPartitions(*order)


def _on_batches(
    contract: TableContract, function: Callable[[], Any]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def mapped(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            rows = _without_zones(pa.Table.from_batches([batch]))
            made = contract.arrow_table(function()(rows.to_pandas(date_as_object=False)))
            yield from made.to_batches()

    return mapped


def _without_zones(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    fields = [
        field.with_type(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))
