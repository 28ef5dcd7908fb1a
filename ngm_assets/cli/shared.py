"""What all commands share: where the home is, how JSON is printed, how the registry is opened."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ngm_assets.connection import connect
from ngm_assets.errors import ConfigError
from ngm_assets.platform import open_registry
from ngm_assets.redaction import redacted
from ngm_assets.settings import LOCAL, Settings, default_home, load_settings

if TYPE_CHECKING:
    from ngm_assets.models.registry.registry import ModelRegistry

Home = Annotated[
    Path | None, typer.Option(help="Folder of all state. Default: NGM_HOME, else .ngm")
]
Env = Annotated[str | None, typer.Option(help="Environment. Default: NGM_ENV, else local.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def home_of(home: Path | None) -> Path:
    """Return the home that is meant."""
    return home.expanduser().resolve() if home else default_home()


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output."""
    typer.echo(redacted(json.dumps(value, indent=2, default=str)))


def trained_registry(home: Path | None, env: str | None = None) -> ModelRegistry:
    """Open the registry of an environment; on `local`, of a home in which something was trained.

    Raises:
        ConfigError: Nothing was trained there, or there are no credentials for the workspace.
        ComputeError: The workspace does not answer.
    """
    settings = load_settings(env=env, home=home_of(home))
    if not settings.local:
        connect(settings.workspace)
    elif not (settings.home / "mlflow.db").exists():
        raise ConfigError(
            f"No model has been trained in {settings.home} yet.",
            where=str(settings.home / "mlflow.db"),
            mend="Run `ngm demo` or `ngm run` first, or name another --home.",
        )
    return open_registry(settings)


def local_only(command: str) -> None:
    """Refuse a command that works on this machine alone when NGM_ENV names another environment.

    Raises:
        ConfigError: Another environment than `local` is meant.
    """
    name = os.environ.get("NGM_ENV") or LOCAL
    if name != LOCAL:
        raise ConfigError(
            f"`ngm {command}` works on this machine, and {name} on Databricks.",
            where="NGM_ENV",
            mend="Unset NGM_ENV.",
        )


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


def run_statements(
    settings: Settings,
    statements: Sequence[str],
    *,
    dry_run: bool,
    as_json: bool,
    ending: str = ";",
) -> None:
    """Run SQL statements on the environment's warehouse, and print each; a dry run only prints.

    Args:
        settings: The environment.
        statements: To be run in their order.
        dry_run: Contact nothing.
        as_json: Print one object instead of the statements.
        ending: Printed after each statement.

    Raises:
        ConfigError: There are no credentials or no warehouse.
        ComputeError: A statement fails.
    """
    from ngm_assets.setup.execution import execute

    def tell(statement: str) -> None:
        if not as_json:
            typer.echo(f"{redacted(statement)}{ending}")

    if dry_run:
        for statement in statements:
            tell(statement)
    else:
        execute(settings, statements, tell)
        typer.echo(f"{len(statements)} statements ran in {settings.catalog}.", err=True)
    if as_json:
        told = {"environment": settings.env, "ran": not dry_run, "statements": list(statements)}
        print_json(told)
