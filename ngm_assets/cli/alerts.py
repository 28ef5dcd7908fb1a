"""The commands `ngm alerts ...`: list, acknowledge."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ngm_assets.cli import console_alerts
from ngm_assets.cli.models import user
from ngm_assets.cli.shared import Env, Home, Json, home_of, print_json
from ngm_assets.settings import load_settings

if TYPE_CHECKING:
    from ngm_assets.engine.base import Engine

Open = Annotated[bool, typer.Option("--open", help="Only open ones.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the alert.")]
Note = Annotated[str, typer.Option(help="Your words; kept with the alert.")]
By = Annotated[str | None, typer.Option(help="Who took note. Default: you.")]


def alerts_app(now: Callable[[], datetime]) -> typer.Typer:
    """Return the commands.

    Args:
        now: Tells the time, with a zone.
    """
    app = typer.Typer(
        help="Alerts of monitoring. Alone, it lists them.", invoke_without_command=True
    )

    @app.callback()
    def alerts(
        context: typer.Context,
        only_open: Open = False,
        env: Env = None,
        home: Home = None,
        as_json: Json = False,
    ) -> None:
        """List the open alerts, and those that closed in the last week."""
        context.obj = (env, home)
        if context.invoked_subcommand is not None:
            return
        from ngm_assets.monitoring.alerting.acknowledging import open_alerts, recent_alerts

        engine = _engine(env, home)
        rows = open_alerts(engine) if only_open else recent_alerts(engine)
        if as_json:
            print_json([_unpacked(row) for row in rows])
        else:
            console_alerts.show_alerts(rows)

    @app.command()
    def ack(
        context: typer.Context,
        alert: Id,
        note: Note = "",
        by: By = None,
        env: Env = None,
        home: Home = None,
        as_json: Json = False,
    ) -> None:
        """Note that somebody takes care of an alert: its sinks are told only if it gets worse."""
        from ngm_assets.monitoring.alerting.acknowledging import acknowledge

        given_env, given_home = context.obj
        engine = _engine(env or given_env, home or given_home)
        row = acknowledge(engine, alert, by or user(), now(), note)
        if as_json:
            print_json(row)
        else:
            console_alerts.show_acknowledgement(row)

    return app


def _engine(env: str | None, home: Path | None) -> Engine:
    """Open the tables of an environment.

    Raises:
        ConfigError: They are reached from its clusters only.
    """
    from ngm_assets.platform import open_platform

    return open_platform(load_settings(env=env, home=home_of(home))).engine


def _unpacked(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: json.loads(row[name]) for name in ("models", "parts")}
