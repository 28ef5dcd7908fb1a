"""What all commands share: where the home is, how JSON is printed, how the registry is opened."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ngm_assets.errors import ConfigError
from ngm_assets.settings import Settings, default_home, load_settings

if TYPE_CHECKING:
    from ngm_assets.models.registry.registry import ModelRegistry

Home = Annotated[
    Path | None, typer.Option(help="Folder of all state. Default: NGM_HOME, else .ngm")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def home_of(home: Path | None) -> Path:
    """Return the home that is meant."""
    return home.expanduser().resolve() if home else default_home()


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output."""
    typer.echo(json.dumps(value, indent=2, default=str))


def open_registry(settings: Settings) -> ModelRegistry:
    """Open the registry of a home; nothing is contacted yet."""
    from ngm_assets.models.registry.registry import ModelRegistry

    return ModelRegistry(settings.mlflow_uri, artifact_root=settings.mlflow_artifacts)


def trained_registry(home: Path | None) -> ModelRegistry:
    """Open the registry of a home in which something was trained.

    Raises:
        ConfigError: Nothing was.
    """
    settings = load_settings(home=home_of(home))
    if not (settings.home / "mlflow.db").exists():
        raise ConfigError(
            f"No model has been trained in {settings.home} yet.",
            where=str(settings.home / "mlflow.db"),
            mend="Run `ngm demo` or `ngm run` first, or name another --home.",
        )
    return open_registry(settings)


def day_of(text: str, option: str) -> date:
    """Return the day an option names.

    Raises:
        ConfigError: It is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{text!r} is not a day.",
            where=option,
            mend="Write it as YYYY-MM-DD, for example 2026-06-28.",
        ) from None
