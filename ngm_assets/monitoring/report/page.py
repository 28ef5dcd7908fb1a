"""Makes the page of a report: one HTML file, pictures within, no script and nothing to load."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Engine
from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.alerting.sinks.base import one_line
from ngm_assets.monitoring.report.columns import UNKNOWN, Row
from ngm_assets.monitoring.report.drawing import performance
from ngm_assets.monitoring.report.reading import contents

if TYPE_CHECKING:
    from markupsafe import Markup

SHOWN_DAYS = 28
"""Days of a report, unless others are asked for."""

LETTERS = {"none": "n", "moderate": "m", "severe": "s", "critical": "C", UNKNOWN: "?"}


def report_page(engine: Engine, env: str, start: date, end: date) -> str:
    """Return the page for the days `start..end`; the same rows give the same page.

    Args:
        engine: Reads the tables of monitoring.
        env: Name of the environment.
        start: First day.
        end: Last day.

    Raises:
        ConfigError: `start` lies after `end`, or nothing is stored for these days.
    """
    from jinja2 import Environment, StrictUndefined

    found = contents(engine, start, end)
    valued = {
        model: rows
        for model, rows in found.performance.items()
        if any(row["value"] is not None for row in rows)
    }
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, finalize=_printable)
    page.filters["broken"] = _broken
    return page.from_string(template).render(
        env=env,
        found=found,
        open_alerts=sum(row["state"] == "open" for row in found.alerts),
        curves=[
            (model, rows[-1], performance(_from_first_value(rows), f"p{place}"))
            for place, (model, rows) in enumerate(valued.items())
        ],
        valueless=[rows[-1] for model, rows in found.performance.items() if model not in valued],
        letters=LETTERS,
        unknown=UNKNOWN,
    )


def write_report(page: str, path: Path) -> None:
    """Write a page to a file, whole or not at all.

    Raises:
        ConfigError: The file cannot be written.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(page, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}.",
            where=str(path),
            mend="Name a file in a folder that you may write to.",
        ) from error


def _from_first_value(rows: Sequence[Row]) -> Sequence[Row]:
    first = next(place for place, row in enumerate(rows) if row["value"] is not None)
    return rows[first:]


def _broken(text: str) -> Markup:
    """Return a name, escaped, that may be broken after a dot and an underscore."""
    from markupsafe import Markup

    return Markup("<wbr>").join(re.split(r"(?<=[._])", one_line(text)))


def _printable(value: Any) -> Any:
    """Return a text without control characters, which have no place in HTML."""
    from markupsafe import Markup

    return one_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value
