"""Where a version can be looked at: addresses of MLflow pages, or the command that serves them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ngm_assets.models.registry import workspace

if TYPE_CHECKING:
    from ngm_assets.models.registry.mlflow_store import MlflowStore
    from ngm_assets.models.registry.versions import VersionInfo


def links_to(store: MlflowStore, info: VersionInfo) -> dict[str, str]:
    """Return the way to a version's run and page in MLflow.

    Args:
        store: Where it is registered.
        info: The version.

    Returns:
        With a tracking server or a workspace, addresses by name: mlflow_run, mlflow_version. With
        a database on this machine, mlflow_ui is the command that serves it, and the two are the
        paths to append to the address the command prints.
    """
    if workspace.is_workspace(store.tracking_uri):
        return _in_workspace(store, info)
    run = f"#/experiments/{store.experiment_id()}/runs/{info.run_id}"
    version = f"#/models/{store.name(info.model)}/versions/{info.version}"
    uri = store.tracking_uri.rstrip("/")
    if uri.startswith(("http://", "https://")):
        return {"mlflow_run": f"{uri}/{run}", "mlflow_version": f"{uri}/{version}"}
    shown = {"mlflow_run": f"/{run}", "mlflow_version": f"/{version}"}
    return {"mlflow_ui": ui_command(uri), **shown}


def _in_workspace(store: MlflowStore, info: VersionInfo) -> dict[str, str]:
    host = workspace.address(store.tracking_uri)
    run = workspace.run_page(store.experiment_id(), info.run_id)
    version = workspace.version_page(store.name(info.model), info.version)
    return {"mlflow_run": host + run, "mlflow_version": host + version}


def ui_command(tracking_uri: str) -> str:
    """Return the command that opens MLflow's pages on a local store."""
    return f"mlflow ui --backend-store-uri {shlex.quote(tracking_uri)}"
