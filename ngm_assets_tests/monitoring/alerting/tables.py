"""Rows of the monitoring tables as tests write them, and settings that say who is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from ngm_assets.engine.base import Engine, Query, Window
from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.monitoring.alerting.alerts import alert_rows
from ngm_assets.monitoring.alerting.conditions import Condition
from ngm_assets.monitoring.alerting.sinks.base import Message
from ngm_assets.monitoring.tables import monitoring_contracts
from ngm_assets.platform import all_contracts
from ngm_assets.raw.landing import Landing
from ngm_assets.settings import Settings, load_settings
from ngm_assets.watching import AlertSettings, Watching

START = date(2026, 6, 15)
NOON = datetime(2026, 6, 20, 12, 0, tzinfo=UTC)
MODEL, OTHER = "budget_forecaster", "cost_anomaly_detector"
TABLE = "features.cost_features"


def day(number: int) -> date:
    """Return the day that many days after the first."""
    return START + timedelta(days=number)


def duckdb_engine(root: Path) -> DuckDBEngine:
    """Return an engine over an empty lakehouse."""
    lake, landing = DeltaLakehouse(root / "lake"), Landing(root / "landing")
    return DuckDBEngine(lake, landing, all_contracts(), root / "scratch")


def settings_of(root: Path, *sinks: Mapping[str, Any], **alerts: Any) -> Settings:
    """Return local settings that tell the given sinks."""
    told = AlertSettings.model_validate({"sinks": sinks, "retry_seconds": 2.0, **alerts})
    settings = load_settings(env="local", home=root, environ={})
    return settings.model_copy(update={"monitoring": Watching(alerts=told)})


def store(engine: Engine, table: str, rows: Sequence[Mapping[str, Any]], *days: date) -> None:
    """Write all rows of the days a table's rows are of, or of the given days."""
    dates = [*days, *(row["monitor_date"] for row in rows)]
    engine.store(monitoring_contracts()[table], rows, min(dates), max(dates))


def stored(engine: Engine, table: str) -> list[dict[str, Any]]:
    """Return all rows of a table by key."""
    key = ", ".join(monitoring_contracts()[table].key)
    return engine.rows(Query(f"SELECT * FROM monitoring.{table} ORDER BY {key}", {}, Window()))


def drift(number: int, severity: str = "none", **changes: Any) -> dict[str, Any]:
    """Return a row of `drift_metrics`: by default the judgement of a table."""
    return {
        "monitor_date": day(number),
        "model_name": MODEL,
        "table_name": TABLE,
        "column_name": "*",
        "statistic": "*",
        "model_version": 1,
        "window_start": day(number - 6),
        "window_end": day(number),
        "reference_rows": 100,
        "current_rows": 70,
        "severity": severity,
        "status": "stable" if severity == "none" else "drifted",
        "reason": "",
    } | changes


def performance(number: int, severity: str = "none", **changes: Any) -> dict[str, Any]:
    """Return a row of `model_performance`, of whichever version was in force."""
    return {
        "monitor_date": day(number),
        "model_name": MODEL,
        "model_version": 0,
        "metric": "mae",
        "direction": "lower",
        "window_start": day(number - 27),
        "window_end": day(number),
        "predictions": 90,
        "labels": 80,
        "value": 3.0,
        "holdout_value": 2.0,
        "relative_loss": 0.5,
        "severity": severity,
        "status": "stable" if severity == "none" else "degraded",
        "reason": "",
    } | changes


def quality(number: int, check: str, status: str, table: str = TABLE) -> dict[str, Any]:
    """Return a row of `data_quality`."""
    return {
        "monitor_date": day(number),
        "table_name": table,
        "check_name": check,
        "status": status,
        "rows": 10,
        "offending": None,
        "detail": f"{check} says so." if status != "passed" else "",
        "numbers": "{}",
    }


def failure(number: int, asset: str, partitions: int = 1) -> dict[str, Any]:
    """Return a row of `pipeline_failures`."""
    return {
        "monitor_date": day(number),
        "asset": asset,
        "partitions": partitions,
        "first_partition": "" if asset == "*" else str(day(number)),
        "last_partition": "" if asset == "*" else str(day(number)),
        "run_id": "r1",
        "detail": "It broke.",
    }


def found(severity: Any = "severe", subject: str = TABLE, **changes: Any) -> Condition:
    """Return what was found of a table's drift."""
    changes = {"parts": () if severity == "none" else (f"{MODEL}/cost/psi",), **changes}
    return Condition("drift", subject, severity, title=f"{subject} drifted", **changes)


def run_alerts(engine: Engine, settings: Settings, first: int, last: int) -> list[dict[str, Any]]:
    """Make and store the alerts of some days, as a step does."""
    rows = alert_rows(engine, settings, day(first), day(last))
    store(engine, "alerts", rows, day(first), day(last))
    return rows


def message(**changes: Any) -> Message:
    """Return a message."""
    fields: dict[str, Any] = {
        "alert_id": "0123456789ab",
        "event": "opened",
        "kind": "drift",
        "subject": TABLE,
        "severity": "severe",
        "opened_on": day(0),
        "changed_on": day(0),
        "models": (MODEL,),
        "title": f"{TABLE} drifted",
        "detail": "cost severe (PSI 0.31)",
        "environment": "local",
        "at": NOON,
    }
    return Message(**fields | changes)
