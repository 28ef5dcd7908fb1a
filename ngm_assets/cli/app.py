"""The command line `ngm`: thin commands over the same jobs, tables and registry the UI shows."""

from __future__ import annotations

import logging
import os
import sys
import traceback
import warnings
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ngm_assets.cli import console
from ngm_assets.cli.alerts import alerts_app
from ngm_assets.cli.bench import bench_app
from ngm_assets.cli.drift import drift_app
from ngm_assets.cli.environment import config_app, environment_app
from ngm_assets.cli.maintenance import maintenance_app
from ngm_assets.cli.models import models_app
from ngm_assets.cli.monitoring import monitor_app
from ngm_assets.cli.reports import reports_app
from ngm_assets.cli.shared import Env, Home, Json, day_of, home_of, local_only, print_json
from ngm_assets.connection import connect
from ngm_assets.days import BATCH_DAYS
from ngm_assets.errors import DISK_FULL, ComputeError, ConfigError, NgmError
from ngm_assets.platform import open_registry
from ngm_assets.redaction import redacted
from ngm_assets.settings import LOCAL, Settings, load_settings, make_home

if TYPE_CHECKING:
    from ngm_assets.planning import RunPlan

app = typer.Typer(
    help="Health of a Databricks estate: gold, features, models, predictions.",
    epilog="Add --debug to any command for tracebacks and logs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(models_app, name="models")
app.add_typer(alerts_app(lambda: datetime.now(UTC)), name="alerts")
app.add_typer(reports_app)
app.add_typer(drift_app)
app.add_typer(bench_app)
app.add_typer(environment_app)
app.add_typer(maintenance_app)
app.add_typer(config_app, name="config")
app.add_typer(monitor_app, name="monitor")

USAGE_ERROR: Any = typer.BadParameter.__mro__[2]
"""ClickException: click's own or typer's copy of it, whichever this typer raises."""


@app.callback()
def _version() -> None:
    """Keep the app a group, also with one command."""


@app.command()
def demo(
    home: Home = None,
    days: Annotated[int, typer.Option(help="Days of history.")] = 150,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 7,
    scale: Annotated[float, typer.Option(help="Multiplies users, jobs, warehouses, ...")] = 1.0,
    as_json: Json = False,
) -> None:
    """Generate the demo estate under the home and run everything on it."""
    from ngm_assets.demo.generate import generate

    local_only("demo")
    root = home_of(home)
    make_home(root)
    landing = root / "landing"
    with console.progress(as_json) as bars:
        made = generate(
            landing, days=days, seed=seed, scale=scale, progress=bars.stage("demo estate")
        )
    current = load_settings(env=LOCAL, home=root, landing=landing)
    _run(_planned(current, made.start, made.end, 14, "all", as_json), current, as_json, ends=True)
    if not as_json:
        incidents(home)


@app.command()
def run(
    start: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD.")],
    end: Annotated[str, typer.Option("--to", help="Last day, YYYY-MM-DD.")],
    landing: Annotated[
        Path | None, typer.Option(help="Folder of raw Parquet files; on `local` only.")
    ] = None,
    env: Env = None,
    home: Home = None,
    score_days: Annotated[int, typer.Option(help="Days to score, counted back from --to.")] = 14,
    models: Annotated[str, typer.Option(help="all, or names separated by commas.")] = "all",
    every_week: Annotated[
        bool, typer.Option("--every-week", help="Train as of every Monday of the scored days.")
    ] = False,
    batch_days: Annotated[
        int, typer.Option(min=1, help="Most days of one Dagster run.")
    ] = BATCH_DAYS,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where this same command stopped or failed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Materialise gold and features, train the newest due week, score the last days."""
    first, last = day_of(start, "--from"), day_of(end, "--to")
    current = load_settings(env=env, home=home_of(home), landing=landing)
    if not current.local:
        connect(current.workspace)
    elif landing is None:
        raise ConfigError(
            "The landing folder is not named.",
            where="--landing",
            mend="Name the folder that holds billing/usage, access/audit, ...",
        )
    plan = _planned(current, first, last, score_days, models, as_json, every_week=every_week)
    _run(plan, current, as_json, batch_days=batch_days, resume=resume)


@app.command()
def incidents(home: Home = None, as_json: Json = False) -> None:
    """Rank the demo estate's planted incidents among all anomaly scores."""
    from ngm_assets.demo.ranking import rank_incidents
    from ngm_assets.platform import open_platform

    rows = rank_incidents(open_platform(load_settings(home=home_of(home))))
    if as_json:
        print_json(rows)
    else:
        console.show_incidents(rows)


@app.command()
def dictionary() -> None:
    """Print the column dictionary of all tables as Markdown."""
    from ngm_assets.dictionary import dictionary as written

    typer.echo(written(), nl=False)


@app.command()
def lineage(
    name: Annotated[str, typer.Argument(help="schema.table or schema.table.column")],
    as_mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print only the Mermaid chart.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what a table or column is made of, and what is made of it."""
    from ngm_assets.lineage import downstream, edges_of, find, mermaid, upstream

    source = find(name)
    up, down = upstream(source), downstream(source)
    if as_json:
        print_json(
            {"name": name, "upstream": list(edges_of(up)), "downstream": list(edges_of(down))}
        )
    elif as_mermaid:
        typer.echo(mermaid(up, down))
    else:
        console.show_lineage(up, down)
        typer.echo(f"\n```mermaid\n{mermaid(up, down)}\n```")


def _planned(
    current: Settings,
    start: date,
    end: date,
    score_days: int,
    models: str,
    as_json: bool,
    *,
    every_week: bool = False,
) -> RunPlan:
    from ngm_assets.pipeline import raw_spans
    from ngm_assets.planning import plan_run

    with console.progress(as_json) as bars:
        bars.stage("reading what there is")
        spans = raw_spans(current, end)
    return plan_run(
        spans,
        start,
        end,
        score_days=score_days,
        models=[name.strip() for name in models.split(",") if name.strip()],
        today=datetime.now(UTC).date(),
        every_week=every_week,
        since=None if current.local else current.start_date,
    )


def _run(
    plan: RunPlan,
    current: Settings,
    as_json: bool,
    *,
    ends: bool = False,
    batch_days: int = BATCH_DAYS,
    resume: bool = False,
) -> None:
    from ngm_assets.pipeline import run_pipeline, settings_for
    from ngm_assets.summary import run_result

    with console.progress(as_json) as bars:
        settings = settings_for(plan, current, ends=ends)
        runs = run_pipeline(
            plan,
            settings,
            stage=bars.stage,
            log_level=_log_level(),
            batch_days=batch_days,
            resume=resume,
        )
    result = run_result(settings, open_registry(settings), runs, plan.score_from, plan.end)
    if as_json:
        print_json(result)
    else:
        console.show_run(result)
    if _debugging():
        for run in runs:
            for problem in run.problems:
                typer.echo(redacted(problem.trace), err=True)
    if not result["success"]:
        raise typer.Exit(1)


def _debugging() -> bool:
    return os.environ.get("NGM_DEBUG") == "1"


def _log_level() -> str:
    return "INFO" if _debugging() else "CRITICAL"


def _quiet() -> None:
    """Silence libraries and keep what happens here on this machine."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    if not _debugging():
        warnings.simplefilter("ignore")
        for name in ("mlflow", "alembic", "dagster"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 = done, 1 = something failed, 2 = wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if "--debug" in words:
        words.remove("--debug")
        os.environ["NGM_DEBUG"] = "1"
    _quiet()
    try:
        code = app(args=words, prog_name="ngm", standalone_mode=False)
    except NgmError as error:
        if _debugging():
            typer.echo(redacted(traceback.format_exc()), err=True)
        console.show_error(error)
        return 1
    except USAGE_ERROR as error:
        error.show()
        return int(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        console.show_error(NgmError("Interrupted.", mend="Run the same command again to go on."))
        return INTERRUPTED
    except Exception as error:
        if _debugging():
            typer.echo(redacted(traceback.format_exc()), err=True)
            return 1
        if any(sign in str(error) for sign in DISK_FULL):
            full = ComputeError(
                "The disk of the home folder is full.",
                where="--home",
                mend="Free some space and run the same command again to go on.",
            )
            console.show_error(full)
            return 1
        console.show_error(
            NgmError(
                f"Unexpected {type(error).__name__}: {error}",
                mend="This is a fault of ngm: run again with --debug and report the traceback.",
            )
        )
        return 1
    if code == INTERRUPTED:  # Typer has caught the signal itself
        console.show_error(NgmError("Interrupted.", mend="Run the same command again to go on."))
    return int(code or 0)


def entry() -> None:
    """Entry point of the console script."""
    sys.exit(main())


if __name__ == "__main__":
    entry()
