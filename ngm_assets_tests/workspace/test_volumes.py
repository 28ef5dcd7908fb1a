"""Volumes by the Files API."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from databricks.sdk.core import DatabricksError
from databricks.sdk.errors import NotFound

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from ngm_assets_tests.workspace.server import EmulatedWorkspace

HERE = "/Volumes/dev/models/staging"


@pytest.fixture(autouse=True)
def _volume(workspace: EmulatedWorkspace) -> None:
    workspace.volumes.add("dev", "models", "staging")


def test_files_come_back(client: WorkspaceClient) -> None:
    path = f"{HERE}/a b/ü.bin"
    client.files.upload(path, io.BytesIO(b"hello"))
    found = client.files.download(path)
    assert found.contents
    assert found.contents.read() == b"hello"
    assert client.files.get_metadata(path).content_length == 5
    with pytest.raises(DatabricksError, match="already exists"):
        client.files.upload(path, io.BytesIO(b"2"))
    client.files.upload(path, io.BytesIO(b"bye"), overwrite=True)
    client.files.delete(path)
    with pytest.raises(NotFound):
        client.files.download(path)


def test_directories_are_made_listed_and_removed(client: WorkspaceClient) -> None:
    client.files.create_directory(f"{HERE}/x/y")
    client.files.create_directory(f"{HERE}/x/y")
    client.files.upload(f"{HERE}/x/z", io.BytesIO(b"hello"))
    client.files.get_directory_metadata(f"{HERE}/x")
    listed = client.files.list_directory_contents(f"{HERE}/x", page_size=1)
    assert [(one.path, one.is_directory, one.file_size) for one in listed] == [
        (f"{HERE}/x/y", True, None),
        (f"{HERE}/x/z", False, 5),
    ]
    with pytest.raises(DatabricksError, match="not empty"):
        client.files.delete_directory(f"{HERE}/x")
    client.files.delete(f"{HERE}/x/z")
    client.files.delete_directory(f"{HERE}/x/y")
    client.files.delete_directory(f"{HERE}/x")
    with pytest.raises(NotFound):
        client.files.get_directory_metadata(f"{HERE}/x")


@pytest.mark.parametrize(
    "path", ["/Volumes/dev/models/none/x", "/Volumes/dev", "/elsewhere/x", f"{HERE}/../../x"]
)
def test_files_lie_in_volumes_only(client: WorkspaceClient, path: str) -> None:
    with pytest.raises(DatabricksError):
        client.files.upload(path, io.BytesIO(b""))
