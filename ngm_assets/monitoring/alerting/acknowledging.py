"""Shows the alerts that stand, and notes who took note of one."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Query, Window
from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.alerting.alerts import newest_rows
from ngm_assets.monitoring.alerting.keeping import keep
from ngm_assets.monitoring.drift.statistics.base import DRIFT_SEVERITIES

if TYPE_CHECKING:
    from ngm_assets.engine.base import Engine

LATELY = 7
"""Days for which a closed alert is still shown."""
NOTED = ("acknowledged_by", "acknowledged_at", "note")
NEAR = 3


def open_alerts(engine: Engine) -> list[dict[str, Any]]:
    """Return the alerts that are open on the newest day there is, the worst first.

    Each has the columns of `monitoring.alerts`, and `acknowledged_by`, `acknowledged_at` and
    `note`, which are null where nobody took note of it.

    Raises:
        ComputeError: A table cannot be read.
    """
    return _with_notes(engine, [row for row in newest_rows(engine) if row["state"] == "open"])


def recent_alerts(engine: Engine) -> list[dict[str, Any]]:
    """Return the open alerts, and after them those that closed within a week of the newest day.

    Raises:
        ComputeError: A table cannot be read.
    """
    newest = newest_rows(engine)
    if not newest:
        return []
    last: date = newest[0]["monitor_date"]
    sql = "SELECT * FROM monitoring.alerts WHERE state = 'closed'"
    closed = engine.rows(Query(sql, {}, Window(last - timedelta(days=LATELY - 1), last)))
    return _with_notes(engine, [*(row for row in newest if row["state"] == "open"), *closed])


def acknowledge(
    engine: Engine, alert_id: str, who: str, when: datetime, note: str = ""
) -> dict[str, Any]:
    """Note that somebody took note of an alert; who did so first stays.

    Args:
        engine: Reads and writes the tables.
        alert_id: Id of the alert.
        who: Who took note.
        when: With a zone.
        note: Their words.

    Returns:
        The row of `monitoring.acknowledgements` that is stored now.

    Raises:
        ConfigError: There is no such alert, `who` is nobody, or `when` has no zone.
        ComputeError: A table cannot be read or written.
    """
    if not who.strip() or when.tzinfo is None:
        raise ConfigError("Who takes note, or when, is not said.", where="who, when")
    opened_on = _opened_on(engine, alert_id)
    kept = "SELECT * FROM monitoring.acknowledgements WHERE alert_id = :alert_id"
    window = Window(opened_on, opened_on)
    earlier = engine.rows(Query(kept, {"alert_id": alert_id}, window))
    if earlier:
        return earlier[0]
    row = {
        "monitor_date": opened_on,
        "alert_id": alert_id,
        "acknowledged_by": who.strip(),
        "acknowledged_at": when.astimezone(UTC),
        "note": note.strip(),
    }
    keep(engine, "acknowledgements", row)
    return row


def _opened_on(engine: Engine, alert_id: str) -> date:
    sql = (
        "SELECT alert_id, opened_on, MAX(monitor_date) AS seen FROM monitoring.alerts "
        "GROUP BY alert_id, opened_on ORDER BY seen DESC, alert_id"
    )
    known: dict[str, date] = {}
    for row in engine.rows(Query(sql, {})):
        known.setdefault(row["alert_id"], row["opened_on"])
    if alert_id not in known:
        raise ConfigError(
            f"There is no alert {alert_id!r}.", where="alert", mend=_near(alert_id, list(known))
        )
    return known[alert_id]


def _near(alert_id: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(alert_id, known, NEAR)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"The newest are {', '.join(known[:NEAR])}." if known else "There has been no alert yet."


def _with_notes(engine: Engine, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    if not rows:
        return []
    window = Window(start=min(row["opened_on"] for row in rows))
    stored = engine.rows(Query("SELECT * FROM monitoring.acknowledgements", {}, window))
    notes = {row["alert_id"]: {name: row[name] for name in NOTED} for row in stored}
    nobody = dict.fromkeys(NOTED)
    ordered = sorted(rows, key=_order)
    return [row | notes.get(row["alert_id"], nobody) for row in ordered]


def _order(row: dict[str, Any]) -> tuple[bool, int, str, str, date]:
    severity = DRIFT_SEVERITIES.index(row["severity"])
    return row["state"] == "closed", -severity, row["kind"], row["subject"], row["opened_on"]
