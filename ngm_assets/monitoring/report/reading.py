"""Reads what a report shows out of the tables of monitoring."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ngm_assets.engine.base import Engine, Query, Window
from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.drift.statistics.base import DRIFT_SEVERITIES
from ngm_assets.monitoring.telling import ANY_VERSION, NOT_EVALUATED, WHOLE

UNKNOWN = "not evaluated"
WORST_COLUMNS = 8
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """A table on a day: the worst that any model's reference says.

    Attributes:
        severity: none to critical, or "not evaluated"; empty = nothing is stored.
        note: Models, reasons.
    """

    severity: str
    note: str


@dataclass(frozen=True)
class Histogram:
    """A column's shares per bin, in training and in the window.

    Attributes:
        title: Table and column.
        note: Model, severity, statistic.
        labels: A text per bin.
        reference: Shares, summing to 1 where there are rows.
        current: The same of the window.
    """

    title: str
    note: str
    labels: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


@dataclass(frozen=True)
class Contents:
    """Everything a report shows.

    Attributes:
        start: First day.
        end: Last day.
        heat: Cell by table and day.
        worst: Columns of the newest judged day that moved most.
        performance: Rows of `model_performance` by model, days in order.
        alerts: Alerts of the newest day, the most severe first.
        quality: Checks of the newest day that did not pass.
    """

    start: date
    end: date
    heat: Mapping[str, Mapping[date, Cell]]
    worst: Sequence[Histogram]
    performance: Mapping[str, Sequence[Row]]
    alerts: Sequence[Row]
    quality: Sequence[Row]

    @property
    def days(self) -> list[date]:
        """Every day of the report."""
        return [self.start + timedelta(days=n) for n in range((self.end - self.start).days + 1)]


def contents(engine: Engine, start: date, end: date) -> Contents:
    """Read what a report of the days `start..end` shows.

    Raises:
        ConfigError: Nothing is stored for these days.
    """
    judged = _rows(engine, "drift_metrics", start, end, f"column_name = '{WHOLE}'")
    live = _rows(engine, "model_performance", start, end, f"model_version = {ANY_VERSION}")
    quality = _rows(engine, "data_quality", start, end, "status <> 'passed'")
    alerts = _rows(engine, "alerts", start, end, "TRUE")
    newest = max((row["monitor_date"] for row in (*judged, *live, *alerts)), default=None)
    if newest is None:
        raise _nothing(f" from {start} to {end}")
    return Contents(
        start=start,
        end=end,
        heat=_heat(judged),
        worst=_worst(engine, newest),
        performance=_by_model(live),
        alerts=sorted(_on(newest, alerts), key=_badness),
        quality=_on(newest, quality),
    )


def newest_day(engine: Engine) -> date:
    """Return the newest day of which monitoring stored anything.

    Raises:
        ConfigError: There is none.
    """
    days = [
        engine.rows(Query(f"SELECT MAX(monitor_date) AS day FROM monitoring.{table}", {}))
        for table in ("drift_metrics", "model_performance", "alerts")
    ]
    found = [rows[0]["day"] for rows in days if rows[0]["day"] is not None]
    if not found:
        raise _nothing("")
    newest: date = max(found)
    return newest


def _nothing(when: str) -> ConfigError:
    return ConfigError(
        f"Nothing is stored of monitoring{when}.",
        where="monitoring.drift_metrics",
        mend="Materialise the monitoring assets of these days, or name others.",
    )


def _rows(engine: Engine, table: str, start: date, end: date, where: str) -> list[dict[str, Any]]:
    sql = f"SELECT * FROM monitoring.{table} WHERE {where}"
    return engine.rows(Query(sql, {}, Window(start, end)))


def _on(day: date, rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["monitor_date"] == day]


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
    drifted = [row["model_name"] for row in rows if row["severity"] == worst]
    unknown = [row for row in rows if row["status"] == NOT_EVALUATED]
    if worst != "none":
        return Cell(worst, ", ".join(drifted))
    if unknown:
        return Cell(UNKNOWN, "; ".join(f"{r['model_name']}: {r['reason']}" for r in unknown))
    return Cell("none", "")


def _worst(engine: Engine, day: date) -> list[Histogram]:
    columns = _rows(
        engine, "drift_metrics", day, day, f"column_name <> '{WHOLE}' AND statistic = '{WHOLE}'"
    )
    psi = {
        (row["model_name"], row["table_name"], row["column_name"]): row["effect"] or 0.0
        for row in _rows(engine, "drift_metrics", day, day, "statistic = 'psi'")
    }

    def rank(row: Row) -> tuple[int, float, str]:
        key = (row["model_name"], row["table_name"], row["column_name"])
        return -DRIFT_SEVERITIES.index(row["severity"]), -psi.get(key, 0.0), str(key)

    shown: dict[tuple[str, str], Histogram] = {}
    for row in sorted(columns, key=rank):
        key = (row["table_name"], row["column_name"])
        if key not in shown and row["bins"] and row["current_counts"]:
            effect = psi.get((row["model_name"], *key), 0.0)
            shown[key] = _histogram(row, effect)
        if len(shown) == WORST_COLUMNS:
            break
    return list(shown.values())


def _histogram(row: Row, effect: float) -> Histogram:
    bins = json.loads(row["bins"])
    before, now = json.loads(row["reference_counts"]), json.loads(row["current_counts"])
    texts = bool(bins) and isinstance(bins[0], str)
    labels = [*map(str, bins), "others"] if texts else [*(f"≤ {e:.4g}" for e in bins), "above"]
    return Histogram(
        title=f"{row['table_name']}.{row['column_name']}",
        note=f"{row['severity']} for {row['model_name']} v{row['model_version']}, PSI {effect:.3f}",
        labels=tuple(labels),
        reference=_shares(before),
        current=_shares(now),
    )


def _shares(counts: Sequence[int]) -> tuple[float, ...]:
    total = sum(counts)
    return tuple(count / total if total else 0.0 for count in counts)


def _by_model(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row["model_name"], row["monitor_date"])):
        if row["value"] is not None:
            found.setdefault(row["model_name"], []).append(row)
    return found
