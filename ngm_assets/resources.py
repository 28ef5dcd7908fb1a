"""Dagster resources: platform and model registry, rebuilt wherever a step runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg

from ngm_assets.models.registry import ModelRegistry
from ngm_assets.platform import Platform, open_platform
from ngm_assets.settings import Settings, load_settings


class PlatformResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Opens the platform of one environment.

    Attributes:
        env: Name of the environment.
        home: Folder of local state.
        landing: Folder of raw Parquet files.
        start_date: First daily partition, ISO.
        end_date: Last daily partition, ISO; empty = partitions go on with time.
    """

    env: str
    home: str
    landing: str
    start_date: str
    end_date: str = ""

    @classmethod
    def of(cls, settings: Settings) -> PlatformResource:
        """Return the resource that opens the platform of these settings."""
        return cls(
            env=settings.env,
            home=str(settings.home),
            landing=str(settings.landing),
            start_date=settings.start_date.isoformat(),
            end_date=settings.end_date.isoformat() if settings.end_date else "",
        )

    def open(self) -> Platform:
        """Open the platform."""
        settings = load_settings(
            env=self.env,
            home=Path(self.home),
            landing=Path(self.landing),
            start_date=date.fromisoformat(self.start_date),
            end_date=date.fromisoformat(self.end_date) if self.end_date else None,
        )
        return open_platform(settings)


class RegistryResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Opens the model registry.

    Attributes:
        tracking_uri: MLflow tracking and registry URI.
        artifacts: Folder of artifacts.
    """

    tracking_uri: str
    artifacts: str

    @classmethod
    def of(cls, settings: Settings) -> RegistryResource:
        """Return the resource that opens the registry of these settings."""
        return cls(tracking_uri=settings.mlflow_uri, artifacts=str(settings.mlflow_artifacts))

    def open(self) -> ModelRegistry:
        """Open the registry; loading MLflow takes seconds, so it happens on first use."""
        return ModelRegistry(self.tracking_uri, artifact_root=Path(self.artifacts))


class ParentRun:
    """The MLflow run that stands for a Dagster run, started by dagster-mlflow on first use.

    A Dagster run that trains nothing new leaves no MLflow run behind.
    """

    def __init__(self, context: dg.InitResourceContext, registry: RegistryResource) -> None:
        self._context = context
        self._registry = registry
        self._mlflow: Any = None

    def run_id(self) -> str:
        """Return the id of the parent run; start it if this is the first use."""
        if self._mlflow is None:
            from dagster_mlflow import mlflow_tracking

            store = self._registry.open().store
            store.experiment_id()
            run: Any = self._context.run
            context = SimpleNamespace(
                log=self._context.log,
                dagster_run=run,
                run_id=run.run_id,
                resource_config={
                    "experiment_name": store.experiment,
                    "mlflow_tracking_uri": self._registry.tracking_uri,
                    "env": {},
                    "extra_tags": {},
                },
            )
            start: Any = mlflow_tracking.resource_fn
            self._mlflow = next(start(context))
        return str(self._mlflow.mlflow_run_id or self._mlflow.active_run().info.run_id)

    def end(self) -> None:
        """End the parent run if it was started."""
        if self._mlflow is not None:
            self._mlflow.end_run()


def parent_run_resource(registry: RegistryResource) -> dg.ResourceDefinition:
    """Return the resource that gives model steps their MLflow parent run."""

    def start(context: dg.InitResourceContext) -> Iterator[ParentRun]:
        parent = ParentRun(context, registry)
        try:
            yield parent
        finally:
            parent.end()

    return dg.ResourceDefinition(
        resource_fn=start, description="MLflow run of the Dagster run, by dagster-mlflow."
    )
