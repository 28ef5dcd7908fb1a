"""The command `ngm maintain`: small files put together, what nobody reads any more deleted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ngm_assets.cli import console, console_maintenance
from ngm_assets.cli.shared import Env, Home, Json, home_of, print_json, run_statements
from ngm_assets.settings import Settings, load_settings

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")]

maintenance_app = typer.Typer()


@maintenance_app.command()
def maintain(
    env: Env = None, home: Home = None, dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Put small files of the tables together, and delete what no reader needs any more."""
    settings = load_settings(env=env, home=home_of(home))
    if settings.local:
        _here(settings, dry_run, as_json)
    else:
        from ngm_assets.maintenance.tables import maintenance_statements

        statements = maintenance_statements(settings)
        run_statements(settings, statements, dry_run=dry_run, as_json=as_json)


def _here(settings: Settings, dry_run: bool, as_json: bool) -> None:
    from ngm_assets.maintenance.tables import maintain_tables, raise_failures
    from ngm_assets.platform import open_platform

    with console.progress(as_json) as bars:
        told = bars.stage("maintenance")
        done = maintain_tables(open_platform(settings), dry_run=dry_run, progress=told)
    if as_json:
        print_json([asdict(each) | {"freed": each.freed} for each in done])
    else:
        console_maintenance.show_upkeep(done, dry_run=dry_run)
    raise_failures(done)
