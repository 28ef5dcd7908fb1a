"""Draws the pictures of a report as SVG, without any global plotting state."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ngm_assets.monitoring.report.reading import Histogram

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (4.4, 2.6)
LONGEST_LABEL = 18
BEFORE, NOW, HOLDOUT, BASELINE = "#9aa5b1", "#2f5fd0", "#1b7f4d", "#b3541e"


def shares(found: Histogram) -> str:
    """Draw a column's shares per bin, training beside the window."""
    figure, axes = _figure()
    places = range(len(found.labels))
    axes.bar([p - 0.2 for p in places], found.reference, 0.4, color=BEFORE, label="training")
    axes.bar([p + 0.2 for p in places], found.current, 0.4, color=NOW, label="window")
    axes.set_xticks(list(places))
    labels = [label[:LONGEST_LABEL] for label in found.labels]
    axes.set_xticklabels(labels, rotation=45, ha="right", fontsize=6)
    axes.set_ylabel("share", fontsize=7)
    axes.legend(fontsize=6, frameon=False)
    return _svg(figure)


def performance(rows: Sequence[Mapping[str, Any]]) -> str:
    """Draw a model's live metric with its interval, beside the holdout and the baseline."""
    figure, axes = _figure()
    days = [row["monitor_date"] for row in rows]
    axes.plot(days, [row["value"] for row in rows], color=NOW, marker="o", ms=2.5, label="live")
    banded = [row for row in rows if row["value_low"] is not None]
    axes.fill_between(
        [row["monitor_date"] for row in banded],
        [row["value_low"] for row in banded],
        [row["value_high"] for row in banded],
        color=NOW,
        alpha=0.15,
        linewidth=0,
    )
    for name, color, label in (
        ("holdout_value", HOLDOUT, "holdout"),
        ("baseline_value", BASELINE, "baseline"),
    ):
        known = [(row["monitor_date"], row[name]) for row in rows if row[name] is not None]
        if known:
            axes.plot(*zip(*known, strict=True), color=color, linestyle="--", lw=1, label=label)
    axes.tick_params(axis="x", labelrotation=45, labelsize=6)
    axes.set_ylabel(f"{rows[-1]['metric']} ({rows[-1]['direction']} is better)", fontsize=6)
    axes.legend(fontsize=6, frameon=False)
    return _svg(figure)


def _figure() -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", labelsize=6)
    return figure, axes


def _svg(figure: Figure) -> str:
    """Return the picture, the same for the same figure: without date and random ids."""
    import matplotlib as mpl

    held = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "ngm_assets", "svg.fonttype": "none"}):
        figure.savefig(held, format="svg", metadata={"Date": None})
    text = held.getvalue()
    return text[text.index("<svg") :]
