"""Where steps run: in this process on `local`, on Databricks in every other environment."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import dagster as dg

import ngm_assets
from ngm_assets.connection import no_credentials
from ngm_assets.databricks import on_databricks
from ngm_assets.settings import Settings

if TYPE_CHECKING:
    from dagster._core.definitions.step_launcher import StepLauncher


def launcher_resource(settings: Settings) -> dg.ResourceDefinition:
    """Return the resource that launches steps: none on `local`, and none on the cluster itself."""
    if settings.local or on_databricks():
        return dg.ResourceDefinition.none_resource("Steps run in this process.")

    def launch(_: dg.InitResourceContext) -> Iterator[StepLauncher]:
        with TemporaryDirectory(prefix="ngm_code_") as folder:
            yield _launcher(settings, staged_code(Path(folder)))

    return dg.ResourceDefinition(
        resource_fn=launch,
        description=f"Steps run on Databricks, {settings.workspace.compute}.",
    )


def staged_code(folder: Path) -> Path:
    """Copy this package, and nothing else, into an empty folder, from where it is shipped."""
    package = Path(ngm_assets.__file__).parent
    skipped = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(package, folder / package.name, ignore=skipped)
    return folder


def _launcher(settings: Settings, code: Path) -> StepLauncher:
    """Build the launcher of an environment.

    Raises:
        ConfigError: This process has no credentials for the workspace.
    """
    try:
        return _build(settings, code)
    except ValueError as error:
        raise no_credentials(error) from None


def _build(settings: Settings, code: Path) -> StepLauncher:
    if settings.workspace.compute == "serverless":
        from ngm_assets.engine.serverless import ServerlessStepLauncher

        return ServerlessStepLauncher(settings, code)
    from ngm_assets.engine.cluster import cluster_launcher

    return cluster_launcher(settings, code)
