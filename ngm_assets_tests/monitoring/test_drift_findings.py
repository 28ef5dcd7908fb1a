"""What the check of a table says of its stored drift."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ngm_assets.monitoring.drift.findings import TableFinding, table_findings
from ngm_assets.monitoring.tables import monitoring_contracts
from ngm_assets.platform import Platform, open_platform
from ngm_assets.settings import load_settings

DAY = date(2026, 6, 28)
TABLE = "features.cost_features"
Row = dict[str, Any]


def row(column: str, statistic: str, **values: Any) -> Row:
    """Return a stored row of a stable column."""
    plain = {
        "monitor_date": DAY,
        "model_name": "budget_forecaster",
        "table_name": TABLE,
        "column_name": column,
        "statistic": statistic,
        "model_version": 3,
        "window_start": DAY - timedelta(days=6),
        "window_end": DAY,
        "reference_rows": 900,
        "current_rows": 200,
        "severity": "none",
        "status": "stable",
        "reason": "",
    }
    return plain | values


def column(name: str, psi: float | None, severity: str, status: str, **more: Any) -> list[Row]:
    """Return the rows of one column."""
    judged = {"severity": severity, "status": status} | more
    numbers = {"value": psi, "effect": psi, "adjusted_p_value": None if psi is None else 1e-6}
    return [
        row(name, "ks", value=0.9),
        row(name, "psi", **numbers, **judged),
        row(name, "*", **judged),
    ]


def table(severity: str = "none", status: str = "stable", **more: Any) -> Row:
    """Return the row of the table."""
    return row("*", "*", severity=severity, status=status, **({"value": 0.0} | more))


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """Return an empty home."""
    return open_platform(load_settings(env="local", home=tmp_path, landing=tmp_path, environ={}))


def found(platform: Platform, rows: list[Row]) -> TableFinding:
    """Store rows and return what is found of the day."""
    platform.engine.store(monitoring_contracts()["drift_metrics"], rows, DAY, DAY)
    return table_findings(platform.engine, TABLE, DAY)


def test_stable_columns_pass(platform: Platform) -> None:
    calm = [*column("a", 0.02, "none", "stable"), table()]
    told = found(platform, calm)
    assert (told.passed, told.warn, told.severity, told.worst) == (True, False, "none", ())
    assert (told.max_psi, told.drifted_share, told.models) == (0.02, 0.0, ("budget_forecaster",))


@pytest.mark.parametrize(
    ("severity", "warn"), [("moderate", True), ("severe", False), ("critical", False)]
)
def test_drift_does_not_pass_and_warns_only_while_moderate(
    platform: Platform, severity: str, warn: bool
) -> None:
    drifted = column("b", 0.4, severity, "drifted")
    rows = [*column("a", 0.02, "none", "stable"), *drifted, table(severity, "drifted", value=0.5)]
    told = found(platform, rows)
    assert (told.passed, told.warn, told.severity) == (False, warn, severity)
    assert (told.max_psi, told.drifted_share) == (0.4, 0.5)
    assert "b" in told.detail
    (worst,) = told.worst
    assert worst == {
        "model": "budget_forecaster",
        "column": "b",
        "severity": severity,
        "status": "drifted",
        "statistic": "psi",
        "value": 0.4,
        "psi": 0.4,
        "adjusted_p_value": 1e-6,
        "reason": "",
    }


def test_what_could_not_be_evaluated_warns_with_its_reasons(platform: Platform) -> None:
    blind = {"reason": "too_few_rows"}
    rows = [
        *column("a", 0.02, "none", "could_not_evaluate", **blind),
        table("none", "could_not_evaluate", reason="a: too_few_rows"),
    ]
    told = found(platform, rows)
    assert (told.passed, told.warn, told.severity) == (False, True, "none")
    assert "budget_forecaster: a: too_few_rows" in told.detail
    assert told.worst[0]["reason"] == "too_few_rows"


def test_reasons_do_not_soften_severe_drift(platform: Platform) -> None:
    rows = [
        *column("a", None, "none", "could_not_evaluate", reason="empty_current"),
        *column("b", 0.4, "severe", "drifted"),
        table("severe", "drifted", reason="a: empty_current", value=0.2),
    ]
    told = found(platform, rows)
    assert (told.passed, told.warn) == (False, False)
    assert [each["column"] for each in told.worst] == ["b", "a"]
    assert "empty_current" in told.detail


def test_the_worst_of_all_models_counts(platform: Platform) -> None:
    other = {"model_name": "cost_anomaly_detector"}
    rows = [
        *column("a", 0.02, "none", "stable"),
        table(),
        *({**each, **other} for each in column("a", 0.5, "critical", "drifted")),
        table("critical", "drifted", value=0.3) | other,
    ]
    told = found(platform, rows)
    assert told.severity == "critical"
    assert told.models == ("budget_forecaster", "cost_anomaly_detector")
    assert [each["model"] for each in told.worst] == ["cost_anomaly_detector"]


def test_a_column_that_drifted_by_its_missing_rate_says_so(platform: Platform) -> None:
    rows = [
        *column("a", 0.01, "none", "stable")[:2],
        row("a", "missing_rate", value=0.5, severity="critical", status="drifted"),
        row("a", "*", severity="critical", status="drifted"),
        table("critical", "drifted"),
    ]
    (worst,) = found(platform, rows).worst
    assert (worst["statistic"], worst["value"], worst["psi"]) == ("missing_rate", 0.5, 0.01)


def test_a_day_without_rows_was_not_evaluated(platform: Platform) -> None:
    elsewhere = [table() | {"table_name": "labels.cost_features"}]
    told = found(platform, elsewhere)
    assert (told.passed, told.warn, told.max_psi, told.models) == (False, True, None, ())
    assert "not evaluated" in told.detail
