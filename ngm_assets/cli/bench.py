"""The command `ngm bench`: how fast this project is beside what people would use instead."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from ngm_assets.cli import console
from ngm_assets.errors import ConfigError

bench_app = typer.Typer()


@bench_app.command()
def bench(
    scale: Annotated[str, typer.Option(help="ref or small.")] = "small",
    only: Annotated[list[str] | None, typer.Option(help="A row; may be repeated.")] = None,
    file: Annotated[
        Path | None, typer.Option("--json", help="File to write everything measured into.")
    ] = None,
    repeat: Annotated[int, typer.Option(help="Runs per side; the median counts.")] = 3,
    work: Annotated[
        Path | None, typer.Option(help="Folder of prepared data, reused if it holds some.")
    ] = None,
) -> None:
    """Measure this project beside its peers, in one run on one machine."""

    def keep(report: Any) -> None:
        if file is not None:
            file.write_text(json.dumps(report, indent=2, default=str) + "\n", encoding="utf-8")

    run, show = _source("running").run_benchmark, _source("report").show_benchmark
    with console.progress(machine=False) as bars:
        report = run(scale, only or (), repeat, work, bars.stage, keep)
    show(report)
    if any(row["verdict"] == "failed" for row in report["rows"]):
        raise typer.Exit(1)


def _source(name: str) -> Any:
    """Import a module of the benchmark, which is part of the source tree alone.

    Raises:
        ConfigError: It is not there.
    """
    try:
        return import_module(f"ngm_assets_tests.bench.{name}")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("ngm_assets_tests"):
            raise
        raise ConfigError(
            "The benchmark is not installed with the package.",
            where="ngm_assets_tests.bench",
            mend="Run `ngm bench` in a checkout of the source, installed with `pip install -e .`.",
        ) from None
