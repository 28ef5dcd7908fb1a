"""A local Spark session for tests, and raw tables where its engine looks for them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ngm_assets.engine.spark import SparkEngine
from ngm_assets.lakehouse.statements import SCHEMAS
from ngm_assets.lakehouse.unity import UnityLakehouse
from ngm_assets.platform import all_contracts
from ngm_assets.predictions.latest import latest_views
from ngm_assets.raw.contract import raw_tables
from ngm_assets.raw.convert import open_duckdb
from ngm_assets_tests.workspace.unity import emulate_unity, make_schemas

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.raw.landing import Landing


def java_is_there() -> bool:
    """Tell whether Spark finds a Java to run in."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java") is not None or (
        home is not None and Path(home, "bin", "java").exists()
    )


def need_java() -> None:
    """Skip the test where Spark finds no Java."""
    if not java_is_there():
        pytest.skip("Spark needs Java 17, and there is none: install openjdk-17-jre-headless.")


def open_session(folder: Path) -> SparkSession:
    """Open a small session that keeps to a folder and to this machine."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.local.dir": str(folder / "local"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.sources.parallelPartitionDiscovery.threshold": "10000",
        "spark.sql.session.timeZone": "America/New_York",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.adaptive.enabled": "false",
        "spark.log.level": "OFF",
    }
    builder = SparkSession.builder.master("local[2]").appName("tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def store_raw(landing: Landing, root: Path) -> dict[str, Path]:
    """Write a landing folder's tables as the raw contract has them, empty ones too.

    Returns:
        The folder of each table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    folders = {}
    for name, raw in raw_tables().items():
        with open_duckdb() as connection:
            found = connection.sql(landing.select(name)).to_arrow_table()
        folders[name] = root / name
        folders[name].mkdir(parents=True)
        kinds = pa.schema(list(raw.arrow_types().items()))
        pq.write_table(found.cast(kinds), folders[name] / "all.parquet")
    return folders


def unity_session(
    spark: SparkSession, root: Path, raw: Mapping[str, Path] | None = None
) -> SparkSession:
    """Return a session of its own over an emulated Unity Catalog with the catalog `dev`."""
    session = spark.newSession()
    make_schemas(root, "dev", "some", *SCHEMAS)
    emulate_unity(session, root, raw or {})
    return session


def unity_engine(
    spark: SparkSession,
    root: Path,
    raw: Mapping[str, Path] | None = None,
    contracts: Mapping[str, TableContract] | None = None,
    views: Mapping[str, str] | None = None,
) -> SparkEngine:
    """Return an engine over an emulated Unity Catalog of its own; the project's tables at first."""
    session = unity_session(spark, root, raw)
    lakehouse = UnityLakehouse(session, "dev")
    return SparkEngine(session, lakehouse, contracts or all_contracts(), views or latest_views())
