"""The Databricks workspace behind MLflow: its address, its folders for experiments, its pages."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlparse

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

SCHEME = "databricks"
UNITY = "databricks-uc"


def is_workspace(tracking_uri: str) -> bool:
    """Tell whether runs are tracked in a Databricks workspace."""
    return tracking_uri.partition(":")[0] == SCHEME


def is_unity(registry_uri: str) -> bool:
    """Tell whether models are registered in Unity Catalog."""
    return registry_uri.partition(":")[0] == UNITY


def make_parent(tracking_uri: str, experiment: str) -> None:
    """Make the workspace folder an experiment lies in; MLflow refuses experiments without one."""
    parent = str(PurePosixPath(experiment).parent)
    if parent != "/":
        _client(tracking_uri).workspace.mkdirs(parent)


def address(tracking_uri: str) -> str:
    """Return the address of the workspace, without a slash at its end."""
    return str(_client(tracking_uri).config.host or "").rstrip("/")


def run_page(experiment_id: str, run_id: str) -> str:
    """Return the path of a run's page."""
    return f"/ml/experiments/{experiment_id}/runs/{run_id}"


def version_page(name: str, version: int) -> str:
    """Return the path of a version's page in Catalog Explorer.

    Args:
        name: Of the model, in three levels.
        version: Its number.
    """
    return f"/explore/data/models/{name.replace('.', '/')}/version/{version}"


def _client(tracking_uri: str) -> WorkspaceClient:
    """Return a client with the credentials MLflow uses: the profile named, or the environment's."""
    from databricks.sdk import WorkspaceClient

    return WorkspaceClient(profile=urlparse(tracking_uri).netloc or None)
