"""Emulated workspaces for tests: a fresh one each, and one with a warm cluster for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ngm_assets_tests.engine.sessions import need_java
from ngm_assets_tests.workspace.server import EmulatedWorkspace
from ngm_assets_tests.workspace.unity import emulate_unity, make_schemas

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from pyspark.sql import SparkSession


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[EmulatedWorkspace]:
    """Return a fresh workspace; its cluster has not started."""
    with EmulatedWorkspace(tmp_path / "workspace") as made:
        yield made
        assert made.protocol_errors == []


@pytest.fixture(scope="session")
def _warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedWorkspace]:
    need_java()
    with EmulatedWorkspace(tmp_path_factory.mktemp("workspace")) as made:
        made.jobs.add_cluster("dedicated")
        yield made


@pytest.fixture
def warm(_warm: EmulatedWorkspace) -> Iterator[EmulatedWorkspace]:
    """Return a workspace whose cluster all tests share; `dedicated` is a cluster there."""
    _warm.requests.clear()
    yield _warm
    _warm.faults.clear()
    found = list(_warm.protocol_errors)
    _warm.protocol_errors.clear()
    assert found == []


@pytest.fixture
def client(workspace: EmulatedWorkspace) -> WorkspaceClient:
    """Return a client of the fresh workspace."""
    return client_of(workspace)


def client_of(workspace: EmulatedWorkspace) -> WorkspaceClient:
    """Return the SDK's client of a workspace."""
    from databricks.sdk import WorkspaceClient

    return WorkspaceClient(host=workspace.host, token=workspace.token)


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Return the folder of an emulated Unity Catalog with the schema `dev.gold`."""
    make_schemas(tmp_path / "tables", "dev", "gold")
    return tmp_path / "tables"


@pytest.fixture
def spark(local_spark: SparkSession, tables: Path, tmp_path: Path) -> SparkSession:
    """Return a session of its own that knows the emulated Unity Catalog."""
    made = local_spark.newSession()
    made.conf.set("spark.sql.session.timeZone", "UTC")
    raw = {"system.billing.usage": tmp_path / "landing" / "billing" / "usage"}
    emulate_unity(made, tables, raw)
    return made
