"""A local Spark session for tests, and raw tables where its engine looks for them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ngm_assets.raw.contract import raw_tables
from ngm_assets.raw.convert import open_duckdb

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from ngm_assets.raw.landing import Landing


def java_is_there() -> bool:
    """Tell whether Spark finds a Java to run in."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java") is not None or (
        home is not None and Path(home, "bin", "java").exists()
    )


def open_session(folder: Path) -> SparkSession:
    """Open a small session that keeps to a folder and to this machine."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
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


def store_raw(landing: Landing, root: Path) -> None:
    """Write a landing folder's tables, as the raw contract has them, below `<root>/system`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name, raw in raw_tables().items():
        if landing.files(name):
            with open_duckdb() as connection:
                found = connection.sql(landing.select(name)).to_arrow_table()
            file = root.joinpath(*name.split("."), "all.parquet")
            file.parent.mkdir(parents=True)
            pq.write_table(found.cast(pa.schema(list(raw.arrow_types().items()))), file)
