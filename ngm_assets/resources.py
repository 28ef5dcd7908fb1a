"""Dagster resources: platform and model registry, rebuilt wherever a step runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

import dagster as dg
from pydantic import PrivateAttr

from ngm_assets.models.registry.abandoned import begin_owned, own_process
from ngm_assets.models.registry.parent_run import ParentRun, Started
from ngm_assets.platform import Platform, open_platform, open_registry
from ngm_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from ngm_assets.models.registry.mlflow_store import MlflowStore
    from ngm_assets.models.registry.registry import ModelRegistry

STEP_LAUNCHER = "step_launcher"
Launcher = dg.ResourceParam[object]
"""Type of the argument `step_launcher`: a step that has it runs where its environment computes."""
PARTITION = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


class _OfEnvironment(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Knows how to load the settings of one environment again.

    Attributes:
        env: Name of the environment.
        home: Folder of local state.
        landing: Folder of raw Parquet files; empty but on `local`.
        start_date: First daily partition, ISO.
        end_date: Last daily partition, ISO; empty = partitions go on with time.
    """

    env: str
    home: str
    landing: str
    start_date: str
    end_date: str = ""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the resource of these settings."""
        return cls(
            env=settings.env,
            home=str(settings.home),
            landing=str(settings.landing or ""),
            start_date=settings.start_date.isoformat(),
            end_date=settings.end_date.isoformat() if settings.end_date else "",
        )

    def settings(self) -> Settings:
        """Load the settings."""
        return load_settings(
            env=self.env,
            home=Path(self.home),
            landing=Path(self.landing) if self.landing else None,
            start_date=date.fromisoformat(self.start_date),
            end_date=date.fromisoformat(self.end_date) if self.end_date else None,
        )


class PlatformResource(_OfEnvironment):
    """Opens the platform of an environment."""

    def open(self) -> Platform:
        """Open the platform."""
        return open_platform(self.settings())


class RegistryResource(_OfEnvironment):
    """Opens the model registry of an environment."""

    _opened: ModelRegistry | None = PrivateAttr(default=None)

    def open(self) -> ModelRegistry:
        """Open the registry, once per run; loading MLflow takes seconds, so on first use."""
        if self._opened is None:
            self._opened = open_registry(self.settings())
        return self._opened


def parent_run_resource(registry: RegistryResource, env: str) -> dg.ResourceDefinition:
    """Return the resource that gives model steps their MLflow parent run."""

    def start(context: dg.InitResourceContext) -> Iterator[ParentRun]:
        store = registry.open().store
        parent = ParentRun(store, lambda: start_parent(context, store, env))
        try:
            yield parent
        finally:
            parent.end()

    return dg.ResourceDefinition(
        resource_fn=start, description="MLflow run of the Dagster run, by dagster-mlflow."
    )


def start_parent(context: dg.InitResourceContext, store: MlflowStore, env: str) -> Started:
    """Let dagster-mlflow start the MLflow run of a Dagster run, or take it up again.

    Args:
        context: Of the Dagster run.
        store: Where runs are tracked.
        env: Name of the environment.
    """
    from dagster_mlflow import mlflow_tracking

    store.experiment_id()
    run: Any = context.run
    partitions = partitions_text(run.tags)
    tags = {"environment": env, "dagster_job": run.job_name, "partitions": partitions}
    name = f"{run.job_name} {partitions}".strip()
    if store.local:
        begin_owned(store, {"dagster_run_id": run.run_id}, name)
        tags |= own_process()
    told = SimpleNamespace(
        log=context.log,
        dagster_run=SimpleNamespace(job_name=name),
        run_id=run.run_id,
        resource_config={
            "experiment_name": store.experiment,
            "mlflow_tracking_uri": store.tracking_uri,
            "env": {},
            "extra_tags": {name: text for name, text in tags.items() if text},
        },
    )
    begin: Any = mlflow_tracking.resource_fn
    mlflow = next(begin(told))
    run_id = mlflow.mlflow_run_id or mlflow.active_run().info.run_id
    return str(run_id), lambda status: mlflow.end_run(status=status)


def partitions_text(tags: Mapping[str, str]) -> str:
    """Return the partition or range of partitions a Dagster run is for; empty without."""
    first = tags.get(PARTITION) or tags.get(RANGE_START) or ""
    last = tags.get(PARTITION) or tags.get(RANGE_END) or ""
    return first if first == last else f"{first}..{last}"
