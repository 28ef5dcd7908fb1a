"""Sends this package and what functions need to Spark's executors."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import ngm_assets

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def ship_package(spark: SparkSession) -> TemporaryDirectory[str]:
    """Make this package importable in the Python workers of a session.

    The step launcher unpacks the code on the driver only.

    Returns:
        The folder the workers fetch the code from; it must live as long as they may ask.
    """
    package = Path(ngm_assets.__file__).parent
    folder = TemporaryDirectory(prefix="ngm_assets_")
    stem = Path(folder.name, Path(folder.name).name)  # a name of its own: sessions share a cluster
    archive = shutil.make_archive(str(stem), "zip", root_dir=package.parent, base_dir=package.name)
    if serverless(spark):
        spark.addArtifacts(archive, pyfile=True)
    else:
        places = list(sys.path)
        spark.sparkContext.addPyFile(archive)
        sys.path[:] = places  # the driver and the processes it starts keep the package they have
    return folder


def shared(spark: SparkSession, value: Any) -> Callable[[], Any]:
    """Return a function that gives a value on the executors, sent to each of them once."""
    if serverless(spark):
        return lambda: value
    handle = spark.sparkContext.broadcast(value)
    return lambda: handle.value


def serverless(spark: SparkSession) -> bool:
    """Tell whether the session is one of Spark Connect: it has no context and keeps no frames."""
    return not hasattr(spark, "sparkContext")
