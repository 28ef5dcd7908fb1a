"""An emulated workspace with MLflow, and the environment of a process that works with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets_tests.workspace.mlflow_api import MlflowApi
from ngm_assets_tests.workspace.server import EmulatedWorkspace

EXPERIMENT = "/Shared/ngm_assets/dev"
PREFIX = "dev.models."


@dataclass(frozen=True)
class Opened:
    """A workspace at work, and its MLflow."""

    workspace: EmulatedWorkspace
    mlflow: MlflowApi

    def registry(self, experiment: str = EXPERIMENT, prefix: str = PREFIX) -> ModelRegistry:
        """Return a registry of its own on the workspace, as another process would have."""
        return ModelRegistry("databricks", "databricks-uc", None, experiment, name_prefix=prefix)

    def requests_since(self, first: int = 0) -> list[tuple[str, str]]:
        """Return method and path of the requests answered, the first ones left out."""
        found = self.workspace.requests[first:]
        return [(one.request.method, one.request.path) for one in found]


@contextmanager
def opened_workspace(root: Path) -> Iterator[Opened]:
    """Open a workspace, and set what people set who use it; planted faults are repeated at once."""
    with pytest.MonkeyPatch.context() as patch, EmulatedWorkspace(root) as workspace:
        for name in [n for n in os.environ if n.startswith(("DATABRICKS_", "MLFLOW_"))]:
            patch.delenv(name)
        for name, value in {
            "DATABRICKS_HOST": workspace.host,
            "DATABRICKS_TOKEN": workspace.token,
            "DATABRICKS_CONFIG_FILE": str(root / "no.cfg"),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
            "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
            "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        }.items():
            patch.setenv(name, value)
        workspace.catalog.make("catalog", "dev")
        workspace.catalog.make("schema", "dev.models")
        yield Opened(workspace, MlflowApi.added_to(workspace))
