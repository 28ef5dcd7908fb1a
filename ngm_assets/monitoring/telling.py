"""Says in few numbers what a day's rows of a monitoring table mean: for plots, sensors, checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ngm_assets.monitoring.drift.metrics import ALL
from ngm_assets.monitoring.drift.severity import worst
from ngm_assets.monitoring.drift.statistics.base import DRIFT_SEVERITIES
from ngm_assets.monitoring.evidence import SEVERITY_BY_MODEL, WAITING

Rows = Sequence[Mapping[str, Any]]
ANY_VERSION = 0
"""Stands for whichever version was in force."""
NOT_EVALUATED = "could_not_evaluate"


@dataclass(frozen=True)
class Told:
    """What a day's rows mean.

    Attributes:
        numbers: By name; numbers are drawn over the days.
        left: What was left open and why, a text each.
    """

    numbers: Mapping[str, Any]
    left: tuple[str, ...] = field(default=())

    def with_more(self, more: Told) -> Told:
        """Return both together."""
        return Told({**self.numbers, **more.numbers}, self.left + more.left)


def nothing_told(_day: date, _rows: Rows) -> Told:
    """Return nothing."""
    return Told({})


def told_of_drift(_: date, rows: Rows) -> Told:
    """Return severity by model, and over all models the greatest PSI effect and drifted share.

    The drift of predictions follows from that of the features and asks for nothing by itself.
    """
    tables = [row for row in rows if row["column_name"] == ALL]
    inputs = [row for row in tables if not row["table_name"].startswith("predictions.")]
    models = sorted({row["model_name"] for row in inputs})
    by_model = {
        model: worst(row["severity"] for row in inputs if row["model_name"] == model)
        for model in models
    }
    return Told(
        {
            SEVERITY_BY_MODEL: by_model,
            "max_psi": max((row["effect"] or 0.0 for row in tables), default=0.0),
            "drifted_share": max((row["value"] or 0.0 for row in tables), default=0.0),
            "tables_judged": len(tables),
            **{
                f"tables_{word}": sum(row["severity"] == word for row in tables)
                for word in DRIFT_SEVERITIES[1:]
            },
        },
        tuple(
            f"{row['table_name']} for {row['model_name']}: {row['reason']}"
            for row in tables
            if row["status"] == NOT_EVALUATED
        ),
    )


def told_of_performance(_: date, rows: Rows) -> Told:
    """Return severity by model of what was in force, and how many models are judged and worse."""
    models = [row for row in rows if row["model_version"] == ANY_VERSION]
    judged = [row for row in models if row["status"] != NOT_EVALUATED]
    return Told(
        {
            SEVERITY_BY_MODEL: {row["model_name"]: row["severity"] for row in judged},
            "models_judged": len(judged),
            "models_degraded": sum(row["status"] == "degraded" for row in judged),
        },
        tuple(
            f"{row['model_name']}: {row['reason']}"
            for row in models
            if row["status"] == NOT_EVALUATED
        ),
    )


def told_of_quality(_: date, rows: Rows) -> Told:
    """Return how many checks passed, warned and failed."""
    counts = Counter(row["status"] for row in rows)
    return Told(
        {f"checks_{word}": counts[word] for word in ("passed", "warned", "failed", NOT_EVALUATED)},
        tuple(
            f"{row['table_name']} {row['check_name']}: {row['detail']}"
            for row in rows
            if row["status"] == NOT_EVALUATED
        ),
    )


def told_of_failures(_: date, rows: Rows) -> Told:
    """Return how many assets stand failed."""
    failed = [row["asset"] for row in rows if row["partitions"] > 0]
    return Told({"assets_failed": len(failed), "assets": failed})


def told_of_alerts(_: date, rows: Rows) -> Told:
    """Return how many alerts are open, by what happened to them and how bad they are."""
    still = [row for row in rows if row["state"] == "open"]
    events = Counter(row["event"] for row in rows)
    severities = Counter(row["severity"] for row in still)
    return Told(
        {
            "alerts_open": len(still),
            **{f"alerts_{word}": events[word] for word in ("opened", "escalated", "closed")},
            **{f"open_{word}": severities[word] for word in DRIFT_SEVERITIES[1:]},
        }
    )


def told_of_deliveries(_: date, rows: Rows) -> Told:
    """Return how many deliveries a run made, and what is still to be told to whom."""
    left = [row for row in rows if row["status"] != "delivered"]
    return Told(
        {"delivered": len(rows) - len(left), WAITING: len(left)},
        tuple(f"{row['sink']} {row['status']}: {row['reason']}" for row in left),
    )
