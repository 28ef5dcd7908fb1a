"""How alerts look on the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ngm_assets.cli.console import new_table, show

_COLOUR = {"moderate": "yellow", "severe": "red", "critical": "bold red", "none": "green"}


def show_alerts(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print alerts."""
    from rich.markup import escape

    if not rows:
        show("No alerts.")
        return
    table = new_table(
        f"Alerts, newest day {max(row['monitor_date'] for row in rows)}",
        "alert",
        "severity",
        "now",
        "state",
        "what was found",
        "models",
        "acknowledged",
    )
    for row in rows:
        found = "\n".join(text for text in (row["title"], row["detail"]) if text)
        table.add_row(
            row["alert_id"],
            _coloured(row["severity"]),
            _coloured(row["current_severity"]),
            _state(row),
            escape(found),
            escape(", ".join(json.loads(row["models"]))),
            escape(_noted(row)),
        )
    show(table)


def show_acknowledgement(row: Mapping[str, Any]) -> None:
    """Print who took note of an alert."""
    from rich.markup import escape

    show(escape(f"{row['alert_id']}: acknowledged {_noted(row)}"))


def _coloured(severity: str) -> str:
    return f"[{_COLOUR[severity]}]{severity}[/]"


def _state(row: Mapping[str, Any]) -> str:
    if row["state"] == "closed":
        return f"opened {row['opened_on']}\n[green]closed {row['changed_on']}[/]"
    changed = "" if row["changed_on"] == row["opened_on"] else f"\nescalated {row['changed_on']}"
    quiet = f"\nquiet for {row['quiet_days']} days" if row["quiet_days"] else ""
    return f"opened {row['opened_on']}{changed}{quiet}"


def _noted(row: Mapping[str, Any]) -> str:
    if row["acknowledged_by"] is None:
        return ""
    words = f": {row['note']}" if row["note"] else ""
    return f"by {row['acknowledged_by']} at {row['acknowledged_at']:%Y-%m-%d %H:%M} UTC{words}"
