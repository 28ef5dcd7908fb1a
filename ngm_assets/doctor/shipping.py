"""Looks at what this process must share with the cluster: Python, library versions, credentials."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version

from ngm_assets.doctor.observation import Observation
from ngm_assets.engine.remote import pinned_libraries
from ngm_assets.settings import Settings

PYTHON_OF = {13: "3.10", 14: "3.10", 15: "3.11", 16: "3.12", 17: "3.12"}
"""Python of a Databricks Runtime by its major version."""
SERVERLESS_PYTHON = "3.11"
"""Python of the serverless environment that steps ask for."""
CREDENTIALS = (
    "DATABRICKS_TOKEN",
    "DATABRICKS_CLIENT_ID",
    "DATABRICKS_CLIENT_SECRET",
    "DATABRICKS_CONFIG_PROFILE",
)
ON_THE_CLUSTER_ONLY = "databricks"
"""Extra whose libraries talk to the workspace from here."""


def look_at_shipping(settings: Settings) -> Iterator[Observation]:
    """Look at Python, at the libraries that are shipped, and at which credentials are set."""
    workspace = settings.workspace
    if workspace.compute == "serverless":
        yield same_python("serverless environment", SERVERLESS_PYTHON)
    elif workspace.compute == "job_cluster":
        yield runtime_python(workspace.cluster.spark_version)
    yield _libraries()
    yield _credentials(os.environ)


def runtime_python(spark_version: str) -> Observation:
    """Compare this Python with that of a runtime such as `15.4.x-scala2.12`."""
    major = spark_version.partition(".")[0]
    known = PYTHON_OF.get(int(major)) if major.isdigit() else None
    if known is None:
        return Observation(
            "python of the runtime",
            None,
            f"not known for {spark_version}",
            f"See that its release notes say Python {_here()}.",
        )
    return same_python(f"runtime {spark_version}", known)


def same_python(where: str, theirs: str) -> Observation:
    """Compare this Python with another one: the step is pickled here and read there."""
    same = theirs == _here()
    return Observation(
        "python of the runtime",
        same,
        f"{where} has {theirs}, this process {_here()}",
        "" if same else "Set NGM_SPARK_VERSION to a runtime with this Python: 15.4.x-scala2.12.",
    )


def _here() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


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
