"""The commands that tell: `ngm evaluate`, `ngm predictions`, `ngm explain`."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from ngm_assets.cli import console, console_reports
from ngm_assets.cli.shared import Home, Json, day_of, home_of, print_json, trained_registry
from ngm_assets.settings import load_settings

reports_app = typer.Typer()
Model = Annotated[str, typer.Argument(help="Name of the model.")]
Day = Annotated[str | None, typer.Option("--date", help="Feature date, YYYY-MM-DD.")]


@reports_app.command()
def evaluate(
    models: Annotated[str, typer.Option(help="all, or names separated by commas.")] = "all",
    origins: Annotated[int, typer.Option(min=3, help="Training days per model.")] = 4,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for evaluation.md and evaluation.json. Default: HOME/reports if all."
        ),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Train every model again at several past days, test it on what came after, print the table."""
    from ngm_assets.evaluate import evaluate as evaluated
    from ngm_assets.evaluate import markdown
    from ngm_assets.platform import open_platform

    names = [] if models == "all" else [name.strip() for name in models.split(",") if name.strip()]
    settings = load_settings(home=home_of(home))
    registry = trained_registry(home)
    with console.progress(as_json) as bars:
        told = bars.stage("evaluating")
        rows = evaluated(open_platform(settings), registry, names, origins=origins, told=told)
    text, content = markdown(rows), json.dumps(rows, indent=2, default=str) + "\n"
    folder = out or (None if names else settings.home / "reports")
    if folder is not None:
        folder = folder.expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "evaluation.md").write_text(text, encoding="utf-8")
        (folder / "evaluation.json").write_text(content, encoding="utf-8")
    typer.echo(content if as_json else text, nl=False)


@reports_app.command()
def predictions(
    model: Model,
    on: Day = None,
    top: Annotated[int, typer.Option(min=1, help="Rows to print.")] = 20,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show a model's newest prediction per key, or those of one day, the most severe first."""
    from ngm_assets.platform import open_platform
    from ngm_assets.predictions.reading import prediction_rows

    platform = open_platform(load_settings(home=home_of(home)))
    found = prediction_rows(platform, model, _day(on), top)
    if as_json:
        print_json(found.rows)
    else:
        console_reports.show_predictions(found.title, found.rows, found.keys)


@reports_app.command()
def explain(
    model: Model,
    keys: Annotated[list[str], typer.Argument(help="Key values in the order of the table.")],
    on: Annotated[str, typer.Option("--date", help="Feature date, YYYY-MM-DD.")],
    everything: Annotated[bool, typer.Option("--all", help="Show every input.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Explain one prediction: drivers, inputs, version, and the raw columns of each input."""
    from ngm_assets.explain import explain as explained
    from ngm_assets.platform import open_platform

    platform = open_platform(load_settings(home=home_of(home)))
    told = explained(platform, trained_registry(home), model, keys, day_of(on, "--date"))
    if as_json:
        print_json(told)
    else:
        console_reports.show_explanation(told, everything=everything)


def _day(text: str | None) -> date | None:
    return None if text is None else day_of(text, "--date")
