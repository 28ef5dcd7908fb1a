"""What is said of each model's predictions on a day: as good as promised, worse, or not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ngm_assets.engine.base import Engine, Query, Window
from ngm_assets.models.data.dataset import catalog
from ngm_assets.monitoring.telling import ANY_VERSION, NOT_EVALUATED
from ngm_assets.predictions.tables import prediction_contract

SHOWN = (
    "metric",
    "direction",
    "window_start",
    "window_end",
    "labels",
    "positives",
    "value",
    "value_low",
    "value_high",
    "holdout_value",
    "baseline_value",
    "relative_loss",
)


@dataclass(frozen=True)
class PerformanceFinding:
    """What is said of one prediction table.

    Attributes:
        passed: It was evaluated, and is as good as promised.
        warn: A failure is a warning: moderate, or not evaluated.
        severity: none, moderate, severe or critical.
        detail: One sentence.
        numbers: What was measured.
    """

    passed: bool
    warn: bool
    severity: str
    detail: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


def performance_findings(engine: Engine, day: date) -> dict[str, PerformanceFinding]:
    """Return what is said of every prediction table on a day, by `schema.table`."""
    sql = f"SELECT * FROM monitoring.model_performance WHERE model_version = {ANY_VERSION}"
    rows = {row["model_name"]: row for row in engine.rows(Query(sql, {}, Window(day, day)))}
    return {
        prediction_contract(spec).full_name: _finding(rows.get(spec.name), day)
        for spec in catalog()
    }


def _finding(row: Mapping[str, Any] | None, day: date) -> PerformanceFinding:
    if row is None:
        return PerformanceFinding(False, True, "none", f"Nothing was measured for {day}.")
    numbers = {
        name: row[name].isoformat() if isinstance(row[name], date) else row[name] for name in SHOWN
    }
    if row["status"] == NOT_EVALUATED:
        detail = f"Could not be evaluated: {row['reason']}"
        return PerformanceFinding(False, True, "none", detail, numbers)
    value, holdout = row["value"], row["holdout_value"]
    detail = (
        f"{row['metric']} ({row['direction']} is better) {value:.4g} on {row['labels']} labels, "
        f"{holdout:.4g} on the holdout. {row['reason']}"
    ).strip()
    severity = row["severity"]
    return PerformanceFinding(severity == "none", severity == "moderate", severity, detail, numbers)
