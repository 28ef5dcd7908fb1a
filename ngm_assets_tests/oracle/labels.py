"""Works out what came true after a day: the labels and proxies models are judged by."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from ngm_assets_tests.oracle.frames import Row, as_date, frame_of, rows_of
from ngm_assets_tests.oracle.labels_cost import cost_labels
from ngm_assets_tests.oracle.labels_performance import performance_labels
from ngm_assets_tests.oracle.labels_quality import quality_labels
from ngm_assets_tests.oracle.labels_reliability import reliability_labels
from ngm_assets_tests.oracle.labels_security import security_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEYS = {
    "cost": (("workspace_id",), "usage_date"),
    "security": (("user_id",), "event_date"),
    "performance": (("workspace_id", "warehouse_id"), "query_date"),
    "reliability": (("workspace_id", "job_id"), "run_date"),
    "quality": (("catalog_name",), "snapshot_date"),
}
HORIZON = 7
THREAT_DENIALS = 5
JUMP, STILL_HIGH = 1.5, 1.2

Days = dict[date, Row]


def labels(
    features: Mapping[str, pd.DataFrame], gold: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Return the label of every feature row, from days after it only.

    Args:
        features: The five feature tables by name.
        gold: The gold tables by name; denials are counted there.

    Returns:
        Label name to a frame of the feature table's key columns and a float64 column of that
        name: 0 or 1 for events, milliseconds for `p95_next_active_day`, a count for
        `denied_next_7d`; NaN where nothing is known.
    """
    denials = denials_per_day(gold["fact_audit_logs"])

    def denied(days: Days, day: date) -> float:
        user = days[day]["user_id"]
        return float(sum(denials.get((user, d), 0) for d in days_after(day)))

    wanted: dict[str, tuple[str, Callable[[Days, date], float | None]]] = {
        "cost_anomaly_proxy": ("cost", stays_high),
        "denied_next_7d": ("security", denied),
        "security_threat_proxy": (
            "security",
            lambda days, day: float(denied(days, day) >= THREAT_DENIALS),
        ),
        "p95_next_active_day": ("performance", next_p95),
        "failed_next_active_day": ("reliability", next_failed),
        "schema_changed_next_7d": ("quality", schema_changed),
    }
    frames = {
        name: label_frame(features[f"{domain}_features"], domain, name, rule)
        for name, (domain, rule) in wanted.items()
    }
    frames |= cost_labels(features, gold) | performance_labels(features)
    frames |= quality_labels(features) | security_labels(features)
    return frames | reliability_labels(features, gold)


def label_frame(
    features: pd.DataFrame, domain: str, name: str, rule: Callable[[Days, date], float | None]
) -> pd.DataFrame:
    """Return one label for every row of a feature table."""
    entity, date_column = KEYS[domain]
    by_entity: dict[tuple[Any, ...], Days] = {}
    for row in rows_of(features):
        row[date_column] = as_date(row[date_column])
        by_entity.setdefault(tuple(row[c] for c in entity), {})[row[date_column]] = row
    columns = dict.fromkeys(entity, "string") | {date_column: "date", name: "double"}
    rows = [
        {c: row[c] for c in (*entity, date_column)} | {name: rule(days, day)}
        for days in by_entity.values()
        for day, row in days.items()
    ]
    return frame_of(rows, columns)


def days_after(day: date) -> list[date]:
    """Return t+1 .. t+7."""
    return [day + timedelta(days=n) for n in range(1, HORIZON + 1)]


def next_row(days: Days, day: date) -> Row | None:
    """Return the next row of the same key within the horizon."""
    return next((days[d] for d in days_after(day) if d in days), None)


def stays_high(days: Days, day: date) -> float | None:
    """Return whether cost is far above its weekday norm and still high the day after."""
    today, tomorrow = days[day], days.get(day + timedelta(days=1))
    if tomorrow is None:
        return None
    norms = (today["cost_weekday_median_28d"], tomorrow["cost_weekday_median_28d"])
    if norms[0] is None or norms[1] is None:
        return None
    jumped = today["daily_cost"] > JUMP * norms[0]
    return float(jumped and tomorrow["daily_cost"] > STILL_HIGH * norms[1])


def next_p95(days: Days, day: date) -> float | None:
    """Return the P95 duration of the warehouse's next active day."""
    row = next_row(days, day)
    return None if row is None else row["p95_duration_ms"]


def next_failed(days: Days, day: date) -> float | None:
    """Return whether the job's next active day had a failure."""
    row = next_row(days, day)
    return None if row is None else float(row["failed_runs"] > 0)


def schema_changed(days: Days, day: date) -> float | None:
    """Return whether a snapshot of the next 7 days changed a column."""
    names = ("columns_added_1d", "columns_dropped_1d", "columns_retyped_1d")
    counts = [days[d][name] for d in days_after(day) if d in days for name in names]
    known = [count for count in counts if count is not None]
    return float(any(known)) if known else None


def denials_per_day(audit: pd.DataFrame) -> dict[tuple[str, date], int]:
    """Return the denied events of every identity and day."""
    found: dict[tuple[str, date], int] = {}
    for event in rows_of(audit[["user_id", "event_date", "is_denied"]]):
        key = (event["user_id"], as_date(event["event_date"]))
        found[key] = found.get(key, 0) + int(event["is_denied"])
    return found
