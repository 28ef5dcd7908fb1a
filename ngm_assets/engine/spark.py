"""Spark over Unity Catalog or Parquet folders: runs the project's SQL as it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Query, Value, Window
from ngm_assets.engine.sql import parameter_names, table_names, with_relations
from ngm_assets.errors import ComputeError, ConfigError, NgmError
from ngm_assets.lakehouse.spark_tables import Stored, TableStore, in_partitions
from ngm_assets.raw.contract import raw_tables
from ngm_assets.raw.spark_convert import quoted, raw_select

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from ngm_assets.lakehouse.contract import TableContract

PINNED = {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "true"}
"""What the session must be set to for the SQL to mean the same on both engines."""
OLDEST = 4


class SparkEngine:
    """Runs queries in an open Spark session; nothing but what is asked for leaves the cluster.

    Args:
        spark: The session; its time zone becomes UTC and ANSI mode is switched on.
        tables: Where tables are found and written.
        contracts: Contracts of the lakehouse tables by full name, for tables not written yet.
        views: SQL of views over the lakehouse tables by full name.

    Raises:
        ConfigError: The session is older than Spark 4, or does not take the settings.
    """

    def __init__(
        self,
        spark: SparkSession,
        tables: TableStore,
        contracts: Mapping[str, TableContract],
        views: Mapping[str, str] | None = None,
    ) -> None:
        _pin(spark)
        self.spark = spark
        self.tables = tables
        self.contracts = dict(contracts)
        self.views = dict(views or {})

    def overwrite(
        self,
        contract: TableContract,
        query: Query,
        start: date,
        end: date,
        *,
        also: tuple[date, ...] = (),
    ) -> None:
        """Replace the partitions `start..end` (and `also`) of a table by the query's rows.

        Rows are cast to the contract and sorted by partition and key. A null in a required column
        or a row of another day fails the query.

        Raises:
            DataError: A raw or stored table breaks its contract.
            ComputeError: The query fails for another reason.
        """
        with _explained(query):
            shaped = _shape(contract, self._text(query.sql, query.window), start, end, also)
            order = dict.fromkeys((contract.partition, *contract.key))
            rows = self.spark.sql(shaped, args=_bound(query)).hint("rebalance", contract.partition)
            self.tables.overwrite(contract, rows.sortWithinPartitions(*order), start, end, also)

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
        with _explained(query):
            return _without_zones(self._frame(query).toArrow())

    def _frame(self, query: Query) -> DataFrame:
        return self.spark.sql(self._text(query.sql, query.window), args=_bound(query))

    def _text(self, sql: str, window: Window) -> str:
        relations = {name: self._relation(name, window) for name in table_names(sql)}
        return with_relations(sql, relations)

    def _relation(self, name: str, window: Window) -> str:
        if name in self.views:
            return self._text(self.views[name], window)
        stored = self.tables.find(name)
        if name.startswith("system."):
            raw = raw_tables()[name]
            if stored is None:
                return _nothing(raw.types)
            return raw_select(raw, stored.reference, stored.columns)
        contract = self.contracts[name]
        if stored is None:
            return _nothing({column.name: column.type for column in contract.columns})
        return _stored_select(contract, stored, window)


def _pin(spark: SparkSession) -> None:
    found = int(spark.version.partition(".")[0])
    if found < OLDEST:
        raise ConfigError(
            f"Spark {spark.version} is too old.", mend=f"Use a runtime with Spark {OLDEST}."
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


@contextmanager
def _explained(query: Query) -> Iterator[None]:
    names = ", ".join(table_names(query.sql))
    try:
        yield
    except NgmError:
        raise
    except Exception as error:
        raise ComputeError(
            f"The query over {names} failed: {str(error).splitlines()[0]}",
            where=names,
            mend="Run with --debug for the traceback.",
        ) from error


def _bound(query: Query) -> dict[str, Any]:
    used = parameter_names(query.sql)
    return {name: _literal(value) for name, value in query.parameters.items() if name in used}


def _literal(value: Value) -> Any:
    from pyspark.sql import functions

    if isinstance(value, list):
        return functions.array(*(functions.lit(part) for part in value))
    return value


def _nothing(types: Mapping[str, str]) -> str:
    columns = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in types.items())
    return f"SELECT {columns} WHERE FALSE"


def _stored_select(contract: TableContract, stored: Stored, window: Window) -> str:
    columns = ", ".join(
        f"CAST({quoted(c.name) if c.name in stored.columns.names else 'NULL'} AS {c.type}) "
        f"AS {quoted(c.name)}"
        for c in contract.columns
    )
    day = quoted(contract.partition)
    limits = [f"{day} >= DATE '{window.start}'"] * (window.start is not None)
    limits += [f"{day} <= DATE '{window.end}'"] * (window.end is not None)
    where = f" WHERE {' AND '.join(limits)}" if limits else ""
    return f"SELECT {columns} FROM {stored.reference}{where}"


def _shape(
    contract: TableContract, sql: str, start: date, end: date, also: tuple[date, ...]
) -> str:
    columns = []
    for column in contract.columns:
        name, kind = quoted(column.name), column.type
        value = f"CAST({name} AS {kind})"
        if column.name == contract.partition:
            days = in_partitions(column.name, start, end, also)
            other = f"CAST(RAISE_ERROR('a row of another day than {start}..{end}') AS {kind})"
            value = f"CASE WHEN {days} THEN {value} ELSE {other} END"
        elif not column.nullable:
            empty = f"CAST(RAISE_ERROR('{column.name} is null') AS {kind})"
            value = f"COALESCE({value}, {empty})"
        columns.append(f"{value} AS {name}")
    return f"SELECT {', '.join(columns)} FROM (\n{sql}\n)"


def _without_zones(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    fields = [
        field.with_type(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))
