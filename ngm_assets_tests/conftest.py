"""Ground rules of every test: nothing reports home, no variable of the caller leaks in."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from ngm_assets.models.registry.locks import one_at_a_time
from ngm_assets_tests.whole import Whole, run_whole

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session", autouse=True)
def quiet_environment() -> Iterator[None]:
    """Switch usage reporting off, and hide the caller's own settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(("NGM_", "DATABRICKS_"))]:
            patch.delenv(name)
        patch.delenv("DAGSTER_HOME", raising=False)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("DAGSTER_DISABLE_TELEMETRY", "yes")
        patch.setenv("OMP_WAIT_POLICY", "PASSIVE")
        yield


@pytest.fixture(scope="session")
def local_spark(tmp_path_factory: pytest.TempPathFactory) -> SparkSession:
    """Return the one Spark session a process can have; nobody stops it, for others use it too."""
    from ngm_assets_tests.engine.sessions import need_java, open_session

    need_java()
    return open_session(tmp_path_factory.mktemp("spark"))


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Return the whole pipeline, run on a small demo estate; takes about a minute.

    All processes of a test run share it: nobody changes it, who wants to takes a copy.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "whole"
    made = folder / "whole.pickle"
    with one_at_a_time(folder, ".lock"):
        if not made.exists():
            result = run_whole(folder)
            made.with_suffix(".part").write_bytes(pickle.dumps(result))
            made.with_suffix(".part").rename(made)
        found: Whole = pickle.loads(made.read_bytes())  # noqa: S301 - written by this very run
    return found
