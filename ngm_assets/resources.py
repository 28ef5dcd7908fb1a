"""Dagster resources: platform and model registry, rebuilt wherever a step runs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

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
    """

    env: str
    home: str
    landing: str
    start_date: str

    @classmethod
    def of(cls, settings: Settings) -> PlatformResource:
        """Return the resource that opens the platform of these settings."""
        return cls(
            env=settings.env,
            home=str(settings.home),
            landing=str(settings.landing),
            start_date=settings.start_date.isoformat(),
        )

    def open(self) -> Platform:
        """Open the platform."""
        settings = load_settings(
            env=self.env,
            home=Path(self.home),
            landing=Path(self.landing),
            start_date=date.fromisoformat(self.start_date),
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
