"""The command `ngm monitor report`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from ngm_assets.cli.shared import Env, Home, day_of, home_of
from ngm_assets.monitoring.report.page import SHOWN_DAYS, report_page, write_report
from ngm_assets.settings import load_settings

monitor_app = typer.Typer(help="What monitoring found.", no_args_is_help=True)


@monitor_app.callback()
def _group() -> None:
    """Keep it a group, also with one command."""


@monitor_app.command()
def report(
    start: Annotated[
        str | None, typer.Option("--from", help="First day; default: 28 days up to --to.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Last day; default: the newest that is stored.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File. Default: HOME/reports/monitoring.html")
    ] = None,
    env: Env = None,
    home: Home = None,
) -> None:
    """Write drift, performance, alerts and failed checks into one HTML page."""
    from ngm_assets.monitoring.report.reading import newest_day
    from ngm_assets.platform import open_platform

    settings = load_settings(env=env, home=home_of(home))
    engine = open_platform(settings).engine
    last = newest_day(engine) if end is None else day_of(end, "--to")
    first = last - timedelta(days=SHOWN_DAYS - 1) if start is None else day_of(start, "--from")
    path = (out or settings.home / "reports" / "monitoring.html").expanduser()
    write_report(report_page(engine, settings.env, first, last), path)
    typer.echo(str(path))
