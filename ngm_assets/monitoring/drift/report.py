"""The stored drift of a table over some days, as people read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Query
from ngm_assets.errors import ConfigError
from ngm_assets.features.tables import feature_contracts
from ngm_assets.models.catalog.rules import nearest
from ngm_assets.models.data.dataset import named
from ngm_assets.monitoring.drift.findings import (
    greatest_psi,
    stored_drift,
    unevaluated,
    worst_columns,
)
from ngm_assets.monitoring.drift.metrics import ALL
from ngm_assets.monitoring.drift.severity import worst
from ngm_assets.monitoring.drift.subjects import LABELS
from ngm_assets.predictions.tables import prediction_contracts

if TYPE_CHECKING:
    from ngm_assets.platform import Platform

METRICS = "monitoring.drift_metrics"
DAYS = 7
"""Days that are told where no first day is named."""


def watched_table(name: str) -> str:
    """Return the full name of a table whose drift is measured.

    Args:
        name: `schema.table`, or the name alone of a feature or prediction table.

    Raises:
        ConfigError: There is no such table; the message gives the nearest name.
    """
    tables = [*feature_contracts().values(), *prediction_contracts().values()]
    known = {contract.full_name: contract.full_name for contract in tables}
    known |= {contract.name: contract.full_name for contract in tables}
    known |= {f"{LABELS}{each}": f"{LABELS}{each}" for each in feature_contracts()}
    if name not in known:
        raise ConfigError(
            f"No drift is measured of a table {name!r}.", where=name, mend=nearest(name, known)
        )
    return known[name]


def drift_report(
    platform: Platform,
    name: str,
    *,
    model: str | None = None,
    start: date | None = None,
    end: date | None = None,
) -> list[dict[str, Any]]:
    """Return what was found of a table, one entry per day, the newest last.

    Args:
        platform: Where drift is stored.
        name: Table, as for `watched_table`.
        model: Only as this model sees it; None = all.
        start: First day; None = a week up to the last.
        end: Last day; None = the newest there is.

    Raises:
        ConfigError: There is no such table or model, or nothing is stored.
    """
    table = watched_table(name)
    who = None if model is None else named(model).name
    newest = _newest(platform, table, who, end)
    first = newest - timedelta(days=DAYS - 1) if start is None and newest is not None else start
    rows = [] if newest is None else stored_drift(platform.engine, table, first, newest, who)
    if not rows:
        raise _nothing(table, who, start, end)
    days: dict[date, list[dict[str, Any]]] = {}
    for row in rows:
        days.setdefault(row["monitor_date"], []).append(row)
    return [_day(day, found) for day, found in sorted(days.items())]


def _newest(platform: Platform, table: str, model: str | None, end: date | None) -> date | None:
    """Return the newest day with rows that is not after `end`."""
    only = "" if model is None else " AND model_name = :model"
    before = "" if end is None else " AND monitor_date <= :last"
    sql = (
        f"SELECT MAX(monitor_date) AS newest FROM {METRICS} WHERE table_name = :table{only}{before}"
    )
    parameters: dict[str, Any] = {"table": table, "model": model, "last": end}
    found: date | None = platform.engine.rows(Query(sql, parameters))[0]["newest"]
    return found


def _nothing(table: str, model: str | None, start: date | None, end: date | None) -> ConfigError:
    whose = "" if model is None else f" as {model} sees it"
    span = "" if start is None and end is None else f" from {start or '...'} to {end or '...'}"
    return ConfigError(
        f"No drift of {table}{whose} is stored{span}.",
        where=METRICS,
        mend="Materialise monitoring/drift_metrics of these days, after scoring them: a champion "
        "must be in force, see `ngm models`.",
    )


def _day(day: date, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    tables = [row for row in rows if row["column_name"] == ALL]
    shares = [row["value"] for row in tables if row["value"] is not None]
    reasons = unevaluated(rows)
    severity = worst(row["severity"] for row in tables)
    status = "could_not_evaluate" if reasons else "stable"
    return {
        "day": day.isoformat(),
        "severity": severity,
        "status": status if severity == "none" else "drifted",
        "drifted_share": max(shares, default=None),
        "max_psi": greatest_psi(rows),
        "models": sorted({row["model_name"] for row in tables}),
        "worst_columns": _by_column(rows),
        "could_not_evaluate": list(reasons),
    }


def _by_column(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each column that drifted once, as its worst model sees it, with all that see drift."""
    found: dict[str, dict[str, Any]] = {}
    for each in worst_columns(rows):
        if each["status"] == "drifted":
            kept = {key: value for key, value in each.items() if key not in ("model", "status")}
            found.setdefault(each["column"], kept | {"models": []})["models"].append(each["model"])
    return list(found.values())
