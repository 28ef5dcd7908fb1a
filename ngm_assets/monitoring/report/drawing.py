"""Draws the curves of a report as SVG, without any global plotting state."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (4.4, 2.4)
MOST_TICKS = 7
NOW, HOLDOUT, BASELINE = "#2f5fd0", "#1b7f4d", "#b3541e"


def performance(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    """Draw a model's live metric with its interval, beside the holdout and the baseline.

    A day without a value is a gap.

    Args:
        rows: Rows of `model_performance` of one model, days in order.
        name: Told apart from other pictures of the page by it; letters and digits.
    """
    figure, axes = _figure()
    places = [row["monitor_date"].toordinal() for row in rows]
    axes.plot(places, _numbers(rows, "value"), color=NOW, marker="o", ms=2.5, label="live")
    low, high = _numbers(rows, "value_low"), _numbers(rows, "value_high")
    axes.fill_between(places, low, high, color=NOW, alpha=0.15, linewidth=0)
    for column, color, style in (
        ("holdout_value", HOLDOUT, "--"),
        ("baseline_value", BASELINE, ":"),
    ):
        numbers = _numbers(rows, column)
        if not all(map(math.isnan, numbers)):
            label = column.removesuffix("_value")
            marker = "_" if len(rows) == 1 else ""
            axes.plot(
                places, numbers, color=color, ls=style, lw=1.2, marker=marker, ms=14, label=label
            )
    axes.set_xlim(places[0] - 0.5, places[-1] + 0.5)
    shown = rows[:: -math.ceil(len(rows) / MOST_TICKS)]
    axes.set_xticks([row["monitor_date"].toordinal() for row in shown])
    axes.set_xticklabels([f"{row['monitor_date']:%m-%d}" for row in shown], fontsize=7)
    figure.legend(loc="outside upper left", ncols=3, fontsize=7, frameon=False)
    return _svg(figure, name)


def _numbers(rows: Sequence[Mapping[str, Any]], column: str) -> list[float]:
    return [math.nan if row[column] is None else float(row[column]) for row in rows]


def _figure() -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", labelsize=7)
    return figure, axes


def _svg(figure: Figure, name: str) -> str:
    """Return the picture, the same for the same figure: without date and random ids.

    Ids begin with the name, for they must be unique on a page.
    """
    import matplotlib as mpl

    held = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with mpl.rc_context({"svg.hashsalt": "ngm_assets", "svg.fonttype": "none"}):
        figure.savefig(held, format="svg", metadata=nothing)
    text = held.getvalue()
    picture = text[text.index("<svg") :]
    return re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{name}-", picture)
