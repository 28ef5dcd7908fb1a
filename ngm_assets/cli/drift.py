"""The command `ngm drift`: what monitoring found of a table."""

from __future__ import annotations

from typing import Annotated

import typer

from ngm_assets.cli.shared import Home, Json, day_of, home_of, print_json
from ngm_assets.settings import load_settings

drift_app = typer.Typer()


@drift_app.command()
def drift(
    table: Annotated[
        str,
        typer.Argument(
            help="Feature or prediction table, with or without its schema, or labels.<features>."
        ),
    ],
    model: Annotated[str | None, typer.Option(help="Only as this model sees it.")] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="First day, YYYY-MM-DD. Default: the last week.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Last day, YYYY-MM-DD. Default: the newest.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show how far a table has moved from what its models were trained on, day by day."""
    from ngm_assets.cli.console_drift import show_drift
    from ngm_assets.monitoring.drift.report import drift_report
    from ngm_assets.platform import open_platform

    days = drift_report(
        open_platform(load_settings(home=home_of(home))),
        table,
        model=model,
        start=None if start is None else day_of(start, "--from"),
        end=None if end is None else day_of(end, "--to"),
    )
    if as_json:
        print_json(days)
    else:
        show_drift(table, days)
