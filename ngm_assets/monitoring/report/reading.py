"""Reads what a report shows out of the tables of monitoring."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ngm_assets.engine.base import Engine, Query, Window
from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.drift.metrics import ALL
from ngm_assets.monitoring.drift.statistics.base import DRIFT_SEVERITIES
from ngm_assets.monitoring.report.columns import UNKNOWN, Column, Row, said_of, worst_columns
from ngm_assets.monitoring.telling import ANY_VERSION, NOT_EVALUATED

TABLES = ("drift_metrics", "model_performance", "data_quality", "alerts")


@dataclass(frozen=True)
class Cell:
    """A table on a day: the worst that any model's reference says.

    Attributes:
        severity: none to critical, or "not evaluated".
        note: Models, reasons.
    """

    severity: str
    note: str


@dataclass(frozen=True)
class Contents:
    """Everything a report shows. A day is None where a table has no rows in the report's days.

    Attributes:
        start: First day.
        end: Last day.
        heat: Cell by table and day.
        judged_on: Newest day of which drift is stored.
        worst: Columns that moved most on that day.
        performance: Rows of `model_performance` by model, days in order.
        alerts: Alerts as they stand after the newest day of alerts, the most severe first.
        alerts_on: That day.
        quality: Checks of the newest day of checks that did not pass.
        checks: How many there were.
        checked_on: That day.
    """

    start: date
    end: date
    heat: Mapping[str, Mapping[date, Cell]]
    judged_on: date | None
    worst: Sequence[Column]
    performance: Mapping[str, Sequence[Row]]
    alerts: Sequence[Row]
    alerts_on: date | None
    quality: Sequence[Row]
    checks: int
    checked_on: date | None

    @property
    def days(self) -> list[date]:
        """Days of the heat map, the newest first, back to the first that is judged."""
        first = min((day for cells in self.heat.values() for day in cells), default=self.end)
        return [self.end - timedelta(days=n) for n in range((self.end - first).days + 1)]


def contents(engine: Engine, start: date, end: date) -> Contents:
    """Read what a report of the days `start..end` shows.

    Raises:
        ConfigError: `start` lies after `end`, or nothing is stored for these days.
    """
    if start > end:
        raise ConfigError(
            f"The report's first day {start} lies after its last day {end}.",
            where="--from, --to",
            mend="Swap the two days.",
        )
    judged = _rows(engine, "drift_metrics", start, end, f"column_name = '{ALL}'")
    live = _rows(engine, "model_performance", start, end, f"model_version = {ANY_VERSION}")
    checks = _rows(engine, "data_quality", start, end, "TRUE")
    alerts = _rows(engine, "alerts", start, end, "TRUE")
    if not (judged or live or checks or alerts):
        raise _nothing(f" from {start} to {end}")
    newest = max(row["monitor_date"] for row in (*judged, *live, *checks, *alerts))
    judged_on, alerts_on, checked_on = (_newest(rows) for rows in (judged, alerts, checks))
    checked = _on(checked_on, checks)
    return Contents(
        start=start,
        end=end,
        heat=_heat(judged),
        judged_on=judged_on,
        worst=_worst(engine, judged_on),
        performance=_by_model(live),
        alerts=_standing(_on(alerts_on, alerts), newest),
        alerts_on=alerts_on,
        quality=[row for row in checked if row["status"] != "passed"],
        checks=len(checked),
        checked_on=checked_on,
    )


def newest_day(engine: Engine) -> date:
    """Return the newest day of which monitoring stored anything.

    Raises:
        ConfigError: There is none.
    """
    days = [
        engine.rows(Query(f"SELECT MAX(monitor_date) AS day FROM monitoring.{table}", {}))
        for table in TABLES
    ]
    found = [rows[0]["day"] for rows in days if rows[0]["day"] is not None]
    if not found:
        raise _nothing("")
    newest: date = max(found)
    return newest


def _nothing(when: str) -> ConfigError:
    return ConfigError(
        f"Nothing is stored of monitoring{when}.",
        where=f"monitoring.{TABLES[0]}",
        mend="Materialise the monitoring assets of these days, or name others.",
    )


def _rows(engine: Engine, table: str, start: date, end: date, where: str) -> list[dict[str, Any]]:
    sql = f"SELECT * FROM monitoring.{table} WHERE {where}"
    return engine.rows(Query(sql, {}, Window(start, end)))


def _newest(rows: Sequence[Row]) -> date | None:
    return max((row["monitor_date"] for row in rows), default=None)


def _on(day: date | None, rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["monitor_date"] == day]


def _standing(rows: Sequence[Row], newest: date) -> list[Row]:
    """Return the newest alerts as they stand; what closed on an earlier day is left out.

    What was open on an earlier day is open still: alerts are not made for the days since.
    """
    kept = [row for row in rows if row["state"] == "open" or row["monitor_date"] == newest]
    named = [{**row, "models": ", ".join(json.loads(row["models"]))} for row in kept]
    return sorted(named, key=_badness)


def _badness(row: Row) -> tuple[bool, int, str]:
    return row["state"] != "open", -DRIFT_SEVERITIES.index(row["severity"]), row["subject"]


def _heat(judged: Sequence[Row]) -> dict[str, dict[date, Cell]]:
    found: dict[str, dict[date, list[Row]]] = {}
    for row in judged:
        found.setdefault(row["table_name"], {}).setdefault(row["monitor_date"], []).append(row)
    return {
        table: {day: _cell(rows) for day, rows in days.items()}
        for table, days in sorted(found.items())
    }


def _cell(rows: Sequence[Row]) -> Cell:
    """Return the worst severity; what could not be evaluated is no good news."""
    worst = max((row["severity"] for row in rows), key=DRIFT_SEVERITIES.index)
    if worst != "none":
        drifted = sorted({row["model_name"] for row in rows if row["severity"] == worst})
        return Cell(worst, ", ".join(drifted))
    unknown = [row for row in rows if row["status"] == NOT_EVALUATED]
    notes = sorted({f"{row['model_name']}: {row['reason']}" for row in unknown})
    return Cell(UNKNOWN if unknown else "none", "; ".join(notes))


def _worst(engine: Engine, day: date | None) -> list[Column]:
    if day is None:
        return []
    asked = f"column_name <> '{ALL}' AND statistic IN ('{ALL}', 'psi')"
    return worst_columns(_rows(engine, "drift_metrics", day, day, asked))


def _by_model(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row["model_name"], row["monitor_date"])):
        found.setdefault(row["model_name"], []).append({**row, "said": said_of(row)})
    return found
