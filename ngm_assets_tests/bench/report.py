"""Shows the outcomes of a benchmark as a table, and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ngm_assets_tests.bench.facts import facts_text
from ngm_assets_tests.bench.harness import Outcome, Row, Samples

COLOURS = {"met": "green", "not met": "red", "failed": "bold red", "not measured": "yellow"}


def as_values(row: Row, outcome: Outcome, samples: Samples) -> dict[str, Any]:
    """Return a row with its outcome and all that was measured."""
    return {
        "name": row.name,
        "what": row.what,
        "against": row.against,
        "goal": row.goal,
        "ours": outcome.ours,
        "peer": outcome.peer,
        "ratio": outcome.ratio,
        "verdict": outcome.verdict,
        "cause": row.cause if outcome.verdict == "not met" else "",
        "notes": list(outcome.notes),
        "detail": dict(outcome.detail),
        "samples": {label: [asdict(s) for s in some] for label, some in samples.items()},
    }


def show_benchmark(report: Mapping[str, Any]) -> None:
    """Print the machine, the table and the notes."""
    from rich.markup import escape

    from ngm_assets.cli.console import new_table, number, show

    columns = ("row", "against", "goal", "ours", "peer", "ratio", "verdict")
    table = new_table(f"Benchmark, scale {report['scale']}", *columns)
    for row in report["rows"]:
        colour = COLOURS[row["verdict"]]
        table.add_row(
            row["name"],
            row["against"],
            row["goal"],
            _seconds(row["ours"]),
            _seconds(row["peer"]),
            number(row["ratio"]),
            f"[{colour}]{row['verdict']}",
        )
    show(escape(facts_text(report["machine"])), table)
    for row in report["rows"]:
        for line in _lines(row):
            show(f"[bold]{row['name']}[/]: {escape(line)}")


def _lines(row: Mapping[str, Any]) -> Sequence[str]:
    runs = [
        f"{label}: "
        + ", ".join(f"{s['seconds']:.2f} s ({s['processor']:.2f} s of processors)" for s in some)
        + f", peak {max(s['peak_mib'] for s in some):.0f} MiB"
        for label, some in row["samples"].items()
        if some
    ]
    return [*runs, *row["notes"], *([f"cause: {row['cause']}"] if row["cause"] else [])]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"
