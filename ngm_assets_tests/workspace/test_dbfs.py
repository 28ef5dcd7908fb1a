"""DBFS as the launcher's client uses it."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import pytest
from dagster_databricks.databricks import DatabricksClient
from databricks.sdk.core import DatabricksError
from databricks.sdk.errors import NotFound, ResourceAlreadyExists

from ngm_assets_tests.workspace.server import EmulatedWorkspace

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

LARGE = bytes(range(256)) * (3 * 4096) + b"end"


@pytest.fixture
def launcher(workspace: EmulatedWorkspace) -> DatabricksClient:
    """Return the client of the step launcher."""
    return DatabricksClient(host=workspace.host, token=workspace.token)


@pytest.mark.parametrize("content", [b"", b"x", LARGE, LARGE[: 1024 * 1024]])
def test_a_file_comes_back_as_it_was_put(launcher: DatabricksClient, content: bytes) -> None:
    launcher.put_file(io.BytesIO(content), "dbfs:///a/b c.bin")
    assert launcher.read_file("dbfs:///a/b c.bin") == content
    assert launcher.workspace_client.dbfs.get_status("/a/b c.bin").file_size == len(content)


def test_one_read_gives_one_megabyte_at_most(client: WorkspaceClient) -> None:
    launcher_block = 1024 * 1024
    with client.dbfs.open("/large", write=True, overwrite=True) as stream:
        stream.write(LARGE)
    answer = client.dbfs.read("/large", length=10 * launcher_block)
    assert answer.bytes_read == launcher_block


def test_a_file_is_not_replaced_unasked(launcher: DatabricksClient) -> None:
    launcher.put_file(io.BytesIO(b"1"), "dbfs:///x")
    with pytest.raises(ResourceAlreadyExists):
        launcher.put_file(io.BytesIO(b"2"), "dbfs:///x")
    launcher.put_file(io.BytesIO(b"3"), "dbfs:///x", overwrite=True)
    assert launcher.read_file("dbfs:///x") == b"3"


def test_what_is_missing_is_told_as_the_launcher_expects(launcher: DatabricksClient) -> None:
    with pytest.raises(NotFound) as missing:
        launcher.read_file("dbfs:///nothing")
    assert missing.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(NotFound):
        launcher.workspace_client.dbfs.get_status("/nothing")


def test_folders_are_listed_and_deleted(client: WorkspaceClient) -> None:
    client.dbfs.mkdirs("/a/b")
    client.dbfs.put("/a/c", contents=base64.b64encode(b"hello").decode())
    listed = [(one.path, one.is_dir, one.file_size) for one in client.dbfs.list("/a")]
    assert listed == [("/a/b", True, 0), ("/a/c", False, 5)]
    with pytest.raises(DatabricksError, match="not empty"):
        client.api_client.do("POST", "/api/2.0/dbfs/delete", body={"path": "/a"})
    client.dbfs.delete("/a", recursive=True)
    assert not client.dbfs.exists("/a")


@pytest.mark.parametrize("path", ["relative", "/a/../../b"])
def test_paths_stay_inside(client: WorkspaceClient, path: str) -> None:
    with pytest.raises(DatabricksError, match="absolute"):
        client.api_client.do("POST", "/api/2.0/dbfs/mkdirs", body={"path": path})


def test_a_stream_that_is_closed_takes_no_more_blocks(client: WorkspaceClient) -> None:
    handle = client.dbfs.create("/x").handle
    assert handle is not None
    block = base64.b64encode(b"x" * (1024 * 1024 + 1)).decode()
    with pytest.raises(DatabricksError, match="exceed"):
        client.dbfs.add_block(handle, block)
    client.dbfs.close(handle)
    with pytest.raises(DatabricksError, match="No stream"):
        client.dbfs.add_block(handle, "eA==")
