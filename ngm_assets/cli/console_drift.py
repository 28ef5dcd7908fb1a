"""How drift looks on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ngm_assets.cli.console import new_table, number, show

SHOWN_COLUMNS = 5
LARGE_PSI = 0.1
"""PSI that people take for drift."""
_COLOURS = {"none": "green", "moderate": "yellow", "severe": "red", "critical": "bold red"}


def show_drift(table: str, days: Sequence[Mapping[str, Any]]) -> None:
    """Print a line per day, then the worst columns, then what could not be evaluated."""
    from rich.markup import escape

    head = new_table(
        f"Drift of {escape(table)}", "day", "severity", "share", "max PSI", "columns", "models"
    )
    for day in days:
        head.add_row(
            day["day"],
            _coloured(day["severity"], day["status"]),
            number(day["drifted_share"]),
            number(day["max_psi"]),
            str(len(day["worst_columns"])),
            str(len(day["models"])),
        )
    show(head)
    if any(day["severity"] == "none" and (day["max_psi"] or 0.0) >= LARGE_PSI for day in days):
        show("A large PSI without drift is what chance makes of so few entities.")
    if any(day["worst_columns"] for day in days):
        show(_columns(days))
    for reason, count in _reasons(days).items():
        show(f"[yellow]not evaluated[/] on {count} of {len(days)} days: {escape(reason)}")


def _columns(days: Sequence[Mapping[str, Any]]) -> Any:
    from rich.markup import escape

    table = new_table(
        "Worst columns", "day", "column", "statistic", "value", "adjusted p", "severity", "models"
    )
    for day in days:
        columns = day["worst_columns"]
        for column in columns[:SHOWN_COLUMNS]:
            table.add_row(
                day["day"],
                escape(column["column"]),
                column["reason"] if column["value"] is None else column["statistic"],
                number(column["value"]),
                number(column["adjusted_p_value"]),
                _coloured(column["severity"], "drifted"),
                ", ".join(column["models"]),
            )
        if len(columns) > SHOWN_COLUMNS:
            table.add_row(day["day"], f"and {len(columns) - SHOWN_COLUMNS} more: --json has them")
    return table


def _coloured(severity: str, status: str) -> str:
    if status == "could_not_evaluate":
        return "[yellow]could not evaluate[/]"
    return f"[{_COLOURS[severity]}]{severity}[/]"


def _reasons(days: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return on how many days each reason was given."""
    found: dict[str, int] = {}
    for day in days:
        for reason in day["could_not_evaluate"]:
            found[reason] = found.get(reason, 0) + 1
    return found
