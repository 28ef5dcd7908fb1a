"""Gold and features by the same SQL on a local Spark, written as Parquet by day.

Spark writes less than this project does: no Delta log, no rejects, no checks. Its start is not
counted. It has the processors of the machine and whole-stage code generation, as it comes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Query
from ngm_assets.engine.spark_queries import nothing, shaped
from ngm_assets.engine.sql import parameter_names, table_names, with_relations
from ngm_assets.features.tables import feature_contracts, feature_query
from ngm_assets.gold.tables import gold_contracts, gold_query
from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.raw.contract import raw_tables
from ngm_assets.raw.spark_convert import raw_select
from ngm_assets.settings import Words

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def open_spark(folder: Path) -> SparkSession:
    """Open a session with all processors of this machine and half of its usual memory."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    processors = len(os.sched_getaffinity(0))
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "8g",
        "spark.local.dir": str(folder / "local"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.shuffle.partitions": str(4 * processors),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.sources.partitionOverwriteMode": "dynamic",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master(f"local[{processors}]").appName("bench")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def gold_and_features(
    spark: SparkSession, landing: Path, out: Path, words: Words, start: date, end: date
) -> dict[str, int]:
    """Make all gold and feature tables of the days and return their rows."""
    relations = {raw.name: _raw(spark, landing / raw.folder, raw.name) for raw in _raws()}
    for contract in gold_contracts().values():
        query = gold_query(contract, words, start, end)
        relations[contract.full_name] = _write(spark, contract, query, relations, out)
    for contract in feature_contracts().values():
        query = feature_query(contract, words, start, end)
        relations[contract.full_name] = _write(spark, contract, query, relations, out)
    made = [*gold_contracts().values(), *feature_contracts().values()]
    return {c.full_name: _rows(out / c.full_name) for c in made}


def _raws() -> list[Any]:
    return list(raw_tables().values())


def _raw(spark: SparkSession, folder: Path, name: str) -> str:
    raw = raw_tables()[name]
    if not folder.is_dir():
        return nothing(raw.types)
    view = name.replace(".", "_")
    found = spark.read.parquet(str(folder))
    found.createOrReplaceTempView(view)
    return raw_select(raw, view, found.schema)


def _write(
    spark: SparkSession,
    contract: TableContract,
    query: Query,
    relations: Mapping[str, str],
    out: Path,
) -> str:
    from pyspark.sql import functions

    text = with_relations(query.sql, {name: relations[name] for name in table_names(query.sql)})
    used = parameter_names(query.sql)
    bound = {
        name: functions.array(*(functions.lit(part) for part in value))
        if isinstance(value, list)
        else value
        for name, value in query.parameters.items()
        if name in used
    }
    rows = spark.sql(shaped(contract, text), args=bound)
    target, view = str(out / contract.full_name), contract.full_name.replace(".", "_")
    ordered = rows.repartition(contract.partition).sortWithinPartitions(
        contract.partition, *contract.key
    )
    ordered.write.mode("overwrite").partitionBy(contract.partition).parquet(target)
    spark.read.schema(rows.schema).parquet(target).createOrReplaceTempView(view)
    columns = ", ".join(f"CAST(`{c.name}` AS {c.type}) AS `{c.name}`" for c in contract.columns)
    return f"SELECT {columns} FROM {view}"


def _rows(folder: Path) -> int:
    import pyarrow.dataset as ds

    return int(ds.dataset(folder, format="parquet").count_rows())
