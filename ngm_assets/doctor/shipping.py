"""Looks at what this process must share with the cluster: Python, library versions, credentials."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version

from ngm_assets.doctor.observation import Observation
from ngm_assets.engine.remote import pinned_libraries
from ngm_assets.settings import Settings

SPARK, PYTHON = "spark of the runtime", "python of the runtime"
"""Subjects of what is seen."""
PYTHON_OF = {13: "3.10", 14: "3.10", 15: "3.11", 16: "3.12", 17: "3.12"}
"""Python of a Databricks Runtime by its major version."""
FIRST_WITH_SPARK_4 = 17
"""First major version of the runtime with Spark 4; the SQL needs it."""
SERVERLESS_PYTHON = "3.12"
"""Python of the serverless environment that steps ask for."""
NEWER = (
    "Use 17.3.x-scala2.13 (NGM_SPARK_VERSION, or the existing cluster's runtime), and run Dagster "
    "with Python 3.12."
)
CREDENTIALS = (
    "DATABRICKS_TOKEN",
    "DATABRICKS_CLIENT_ID",
    "DATABRICKS_CLIENT_SECRET",
    "DATABRICKS_CONFIG_PROFILE",
)
ON_THE_CLUSTER_ONLY = "databricks"
"""Extra whose libraries talk to the workspace from here."""


def look_at_shipping(settings: Settings, python: str) -> Iterator[Observation]:
    """Look at Python, at the libraries that are shipped, and at which credentials are set.

    Args:
        settings: The environment.
        python: The local Python, such as `3.12`.
    """
    workspace = settings.workspace
    if workspace.compute == "serverless":
        mend = f"Run Dagster with Python {SERVERLESS_PYTHON}."
        yield _python("the serverless environment", SERVERLESS_PYTHON, python, mend)
    elif workspace.compute == "job_cluster":
        yield from look_at_runtime(workspace.cluster.spark_version, python)
    yield _libraries()
    yield _credentials(os.environ)


def look_at_runtime(spark_version: str, python: str) -> Iterator[Observation]:
    """Look at Spark and Python of a runtime such as `17.3.x-scala2.13`.

    Args:
        spark_version: The runtime, as a cluster names it.
        python: The local Python, such as `3.12`.
    """
    text = spark_version.partition(".")[0]
    major = int(text) if text.isdecimal() else None
    spark = _spark(spark_version, major)
    yield spark
    theirs = None if major is None else PYTHON_OF.get(major)
    if theirs is None:
        yield Observation(
            PYTHON,
            None,
            f"not known for {spark_version}",
            f"See that its release notes say Python {python}.",
        )
    else:
        mend = spark.mend or f"Run Dagster with Python {theirs}."
        yield _python(f"runtime {spark_version}", theirs, python, mend)


def _spark(spark_version: str, major: int | None) -> Observation:
    if major is None:
        mend = "See that its release notes say Spark 4."
        return Observation(SPARK, None, f"not known for {spark_version}", mend)
    if major < FIRST_WITH_SPARK_4:
        found = f"{spark_version} is older than {FIRST_WITH_SPARK_4}, the first with Spark 4"
        return Observation(SPARK, False, found, NEWER)
    return Observation(SPARK, True, f"{spark_version} has Spark 4")


def _python(where: str, theirs: str, ours: str, mend: str) -> Observation:
    found = f"{where} has {theirs}, this process {ours}"
    same = theirs == ours
    return Observation(PYTHON, same, found, "" if same else mend)


def _libraries() -> Observation:
    from packaging.requirements import Requirement

    wrong = []
    for text in requires("ngm_assets") or []:
        needed = Requirement(text)
        extra = {"extra": ON_THE_CLUSTER_ONLY}
        if needed.marker is not None and not needed.marker.evaluate(extra):
            continue
        try:
            found = version(needed.name)
        except PackageNotFoundError:
            wrong.append(f"{needed.name} is missing")
            continue
        if not needed.specifier.contains(found, prereleases=True):
            wrong.append(f"{needed.name} {found} is not {needed.specifier}")
    if wrong:
        mend = 'Run: pip install "ngm_assets[databricks]" --constraint constraints.txt'
        return Observation("libraries", False, "; ".join(wrong), mend)
    shipped = len(pinned_libraries())
    return Observation("libraries", True, f"as required; {shipped} are installed for every step")


def _credentials(environ: Mapping[str, str]) -> Observation:
    names = [name for name in CREDENTIALS if environ.get(name)]
    return Observation("credentials", bool(names) or None, ", ".join(names) or "no variable is set")
