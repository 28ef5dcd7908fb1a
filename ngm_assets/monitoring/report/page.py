"""Makes the page of a report: one HTML file, pictures within, no script and nothing to load."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ngm_assets.engine.base import Engine
from ngm_assets.monitoring.report.drawing import performance, shares
from ngm_assets.monitoring.report.reading import UNKNOWN, contents

LETTERS = {"none": "n", "moderate": "m", "severe": "s", "critical": "C", UNKNOWN: "?"}


def report_page(engine: Engine, env: str, start: date, end: date) -> str:
    """Return the page for the days `start..end`; the same rows give the same page.

    Args:
        engine: Reads the tables of monitoring.
        env: Name of the environment.
        start: First day.
        end: Last day.

    Raises:
        ConfigError: Nothing is stored for these days.
    """
    from jinja2 import Environment, StrictUndefined

    found = contents(engine, start, end)
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined).from_string(template)
    return page.render(
        env=env,
        found=found,
        open_alerts=sum(row["state"] == "open" for row in found.alerts),
        shares=[(one, shares(one)) for one in found.worst],
        curves=[(model, rows, performance(rows)) for model, rows in found.performance.items()],
        letters=LETTERS,
        unknown=UNKNOWN,
    )


def write_report(page: str, path: Path) -> None:
    """Write a page to a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(page, encoding="utf-8")
    draft.replace(path)
