"""Files that a task sends to the executors, on a JVM it shares with other tasks."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from ngm_assets_tests.workspace.mounts import Mounts

ARCHIVES = {".zip", ".egg", ".jar", ".whl"}


def ship_mounted(spark: SparkSession, mounts: Mounts, run: str) -> None:
    """Make files of mounts known to Spark, and archives of a run a cluster of its own gives.

    Spark refuses a second file of a name it has heard of. On a cluster that is there for one run
    only, names of other runs do not matter: there archives get the run's name in front.

    Args:
        spark: Session of the task.
        mounts: What is mounted where.
        run: Name of the run; empty on a cluster that several runs share.
    """
    context: Any = spark._sc
    session: Any = spark
    add_file, add_python, add_artifacts = context.addFile, context.addPyFile, session.addArtifacts

    def own(path: str) -> str:
        real = Path(mounts.real(path))
        if not run or real.suffix not in ARCHIVES:
            return str(real)
        return str(shutil.copy(real, Path(tempfile.mkdtemp(), f"{run}_{real.name}")))

    def artifacts(*paths: str, **kinds: Any) -> None:
        add_artifacts(*map(own, paths), **kinds)

    context.addFile = lambda path, recursive=False: add_file(mounts.real(path), recursive)
    context.addPyFile = lambda path: add_python(own(path))
    session.addArtifacts = session.addArtifact = artifacts
