"""The commands about an environment itself: `ngm config`, `ngm doctor`, `ngm setup`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ngm_assets.cli import console
from ngm_assets.cli.shared import Env, Home, Json, home_of, print_json, run_statements
from ngm_assets.errors import ConfigError
from ngm_assets.settings import LOCAL, environment_names, load_settings, make_home

ALL = "all"

config_app = typer.Typer(help="Settings of an environment.", no_args_is_help=True)
environment_app = typer.Typer()


@config_app.command("show")
def config_show(env: Env = None, home: Home = None, as_json: Json = False) -> None:
    """Print the settings of an environment as they are in force."""
    values = load_settings(env=env, home=home_of(home)).model_dump(mode="json")
    if as_json:
        print_json(values)
    else:
        console.show_settings(values)


@config_app.command("validate")
def config_validate(
    env: Annotated[
        str | None, typer.Option(help="Environment, or all. Default: NGM_ENV, else local.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Load environments with the variables that are set here, and say what is wrong."""
    names = environment_names() if env == ALL else [env or os.environ.get("NGM_ENV") or LOCAL]
    rows = [_validity(name, home_of(home)) for name in names]
    if as_json:
        print_json(rows)
    else:
        console.show_validity(rows)
    if not all(row["ok"] for row in rows):
        raise typer.Exit(1)


@config_app.command("dagster")
def config_dagster(env: Env = None, home: Home = None) -> None:
    """Write the dagster.yaml of the home if there is none, and print its folder: DAGSTER_HOME."""
    from ngm_assets.dagster_home import prepare_instance

    settings = load_settings(env=env, home=home_of(home))
    make_home(settings.home)
    prepare_instance(settings.dagster_home, settings.dagster_storage)
    typer.echo(str(settings.dagster_home))


def _validity(name: str, home: Path) -> Mapping[str, Any]:
    try:
        settings = load_settings(env=name, home=home)
    except ConfigError as error:
        return {"environment": name, "ok": False, "found": str(error)}
    parts = [f"catalog {settings.catalog}", settings.engine, settings.lakehouse, settings.mlflow]
    if settings.databricks is not None:
        parts += [settings.databricks.host, settings.databricks.compute]
    return {"environment": settings.env, "ok": True, "found": ", ".join(parts)}


@environment_app.command()
def doctor(
    env: Env = None,
    home: Home = None,
    landing: Annotated[Path | None, typer.Option(help="Folder of raw Parquet files.")] = None,
    as_json: Json = False,
) -> None:
    """Check versions, and the home with its landing tables or the Databricks workspace."""
    from ngm_assets.doctor.examination import examine

    seen = examine(load_settings(env=env, home=home_of(home), landing=landing))
    if as_json:
        print_json([vars(item) for item in seen])
    else:
        console.show_observations(seen)
    if any(item.ok is False for item in seen):
        raise typer.Exit(1)


@environment_app.command()
def setup(
    env: Env = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the SQL; contact nothing.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Create schemas, tables, views and grants in Unity Catalog, and print the SQL."""
    from ngm_assets.setup.statements import setup_statements

    settings = load_settings(env=env, home=home_of(home))
    statements = setup_statements(settings)
    run_statements(settings, statements, dry_run=dry_run, as_json=as_json, ending=";\n")
