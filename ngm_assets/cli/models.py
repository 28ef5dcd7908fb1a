"""The commands `ngm models ...`: list, history, compare, rollback."""

from __future__ import annotations

import difflib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ngm_assets.cli import console, console_models
from ngm_assets.cli.shared import Env, Home, Json, print_json, trained_registry
from ngm_assets.errors import ConfigError

if TYPE_CHECKING:
    from ngm_assets.models.registry.registry import ModelRegistry

models_app = typer.Typer(
    help="Models, their champions and gates. Alone, it lists them.", invoke_without_command=True
)
Model = Annotated[str, typer.Argument(help="Name of the model.")]


@models_app.callback()
def models(
    context: typer.Context, env: Env = None, home: Home = None, as_json: Json = False
) -> None:
    """List the models with champion, metric, baseline and the verdict on the newest version."""
    context.obj = (env, home)
    if context.invoked_subcommand is not None:
        return
    from ngm_assets.summary import model_rows

    rows = model_rows(trained_registry(home, env))
    if as_json:
        print_json(rows)
    else:
        console.show_models(rows)


@models_app.command()
def history(
    context: typer.Context,
    model: Model,
    env: Env = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show every version of a model: metric, baseline, gates, and what became of it and why."""
    from ngm_assets.models.registry import history as told

    registry = _registry_of(context, env, home, model)
    rows = told.history(registry, model)
    if as_json:
        print_json(rows)
    else:
        console_models.show_history(model, rows)


@models_app.command()
def compare(
    context: typer.Context,
    model: Model,
    versions: Annotated[
        tuple[int, int] | None,
        typer.Option(help="Two version numbers. Default: champion and challenger."),
    ] = None,
    env: Env = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Set two versions of a model side by side, and say what differs in what made them."""
    from ngm_assets.models.registry import history as told

    registry = _registry_of(context, env, home, model)
    found = told.compare(registry, model, versions)
    if as_json:
        print_json(found)
    else:
        console_models.show_comparison(found)


@models_app.command()
def rollback(
    context: typer.Context,
    model: Model,
    to_version: Annotated[int, typer.Option(help="Version that is to be champion again.")],
    reason: Annotated[str, typer.Option(help="Why; kept with every version concerned.")],
    env: Env = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make an earlier champion the champion again; newer ones are never in force from now on."""
    registry = _registry_of(context, env, home, model)
    done = registry.rollback(
        model, to_version, who=user(), when=datetime.now(UTC), reason=reason.strip()
    )
    rolled_back = [info.version for info in done.rolled_back]
    if as_json:
        print_json(
            {
                "model": model,
                "champion": done.champion.version,
                "score_again_from": done.champion.as_of,
                "rolled_back": rolled_back,
            }
        )
    else:
        console_models.show_rollback(model, done.champion, rolled_back)


def user() -> str:
    """Return who is at the keyboard: NGM_USER, else the name by which the system knows them."""
    import getpass

    named = os.environ.get("NGM_USER", "").strip()
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _registry_of(
    context: typer.Context, env: str | None, home: Path | None, model: str
) -> ModelRegistry:
    """Open the registry for one model; a name neither registered nor in the catalogue is refused.

    Raises:
        ConfigError: The name is unknown, or nothing was trained in the home.
    """
    from ngm_assets.models.data.dataset import catalog

    given_env, given_home = context.obj
    registry = trained_registry(home or given_home, env or given_env)
    known = [spec.name for spec in catalog()]
    if model not in known and not registry.versions(model):
        near = difflib.get_close_matches(model, known, 1)
        hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
        raise ConfigError(f"There is no model {model!r}.", where="MODEL", mend=hint)
    return registry
