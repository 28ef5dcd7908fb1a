"""What Spark refuses on Databricks and allows elsewhere: stopping it, and more on serverless."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ALLOWED = {
    "spark.databricks.execution.timeout",
    "spark.sql.ansi.enabled",
    "spark.sql.files.maxPartitionBytes",
    "spark.sql.legacy.timeParserPolicy",
    "spark.sql.session.timeZone",
    "spark.sql.shuffle.partitions",
}
"""Settings that serverless compute lets a program change."""
CONNECT = "pyspark.sql.connect.session"


def forbid_stopping(spark: SparkSession) -> None:
    """Make stopping the session an error: it would end the cluster for everybody."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    def stop(self: Any) -> None:
        raise RuntimeError("A task must not stop the Spark of its cluster.")

    for kind in (SparkContext, SparkSession):
        kind.stop = stop  # type: ignore[method-assign]


def make_serverless(spark: SparkSession) -> SparkSession:
    """Return the session as serverless compute gives it: no context, no caching, few settings."""
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.classic.dataframe import DataFrame as Frame

    for kind in (DataFrame, Frame):
        for name in ("cache", "persist", "checkpoint", "localCheckpoint"):
            setattr(kind, name, _refused(f"{name.upper()} is not supported on serverless compute."))
        kind.rdd = property(_refused("RDDs are not supported on serverless compute."))  # type: ignore[assignment, method-assign]
    context = SparkSession.sparkContext.fget  # type: ignore[attr-defined]

    def spark_context(self: Any) -> Any:
        if sys._getframe(1).f_globals["__name__"].startswith("pyspark."):
            return context(self)
        text = "Attribute `sparkContext` is not supported in Spark Connect."
        raise AttributeError(f"[JVM_ATTRIBUTE_NOT_SUPPORTED] {text}")

    members = {"__module__": CONNECT, "sparkContext": property(spark_context)}
    spark.__class__ = type("SparkSession", (type(spark),), members)
    conf: Any = spark.conf
    change = conf.set

    def change_allowed(key: str, value: Any) -> None:
        if key not in ALLOWED:
            text = f"[CONFIG_NOT_AVAILABLE] Configuration {key} is not available."
            raise RuntimeError(f"{text} SQLSTATE: 42K0I")
        change(key, value)

    conf.set = change_allowed
    return spark


def _refused(text: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise RuntimeError(f"[NOT_SUPPORTED_WITH_SERVERLESS] {text} SQLSTATE: 0A000")

    return refuse
