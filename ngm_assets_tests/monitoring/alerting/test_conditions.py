"""What counts as found, read from the tables monitoring writes; on both engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ngm_assets.engine.base import Engine
from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.monitoring.alerting.alerts import alert_rows
from ngm_assets.monitoring.alerting.conditions import Condition, conditions
from ngm_assets.monitoring.tables import monitoring_contracts
from ngm_assets_tests.monitoring.alerting.tables import (
    MODEL,
    OTHER,
    TABLE,
    day,
    drift,
    failure,
    performance,
    quality,
    run_alerts,
    settings_of,
    store,
    stored,
)

UNKNOWN = {"status": "could_not_evaluate", "reason": "empty_current"}


def column(number: int, name: str, severity: str, psi: float | None, **changes: Any) -> list[Any]:
    """Return the rows of a column: its PSI, and its judgement."""
    common = {"column_name": name, **changes}
    return [
        drift(number, severity, **common, statistic="psi", value=psi),
        drift(number, severity, **common),
    ]


def of_day(engine: Engine, number: int) -> list[Condition]:
    """Return what was found on one day."""
    return conditions(engine, day(number), day(number))[day(number)]


def test_every_kind_is_read_on_both_engines_and_makes_alerts(
    either: Engine, tmp_path: Path
) -> None:
    store(either, "drift_metrics", [drift(0, "severe"), *column(0, "cost", "severe", 0.3)])
    store(either, "model_performance", [performance(0, "moderate")])
    store(either, "data_quality", [quality(0, "schema", "failed"), quality(0, "nulls", "passed")])
    store(either, "pipeline_failures", [failure(0, "models.budget_forecaster")])
    drifted, performed, checked, failed = sorted(
        of_day(either, 0),
        key=lambda c: ("drift", "performance", "data_quality", "pipeline_failure").index(c.kind),
    )
    assert drifted == Condition(
        "drift",
        TABLE,
        "severe",
        (MODEL,),
        f"{TABLE} drifted",
        "cost severe (PSI 0.30)",
        (f"{MODEL}/cost/*", f"{MODEL}/cost/psi"),
    )
    assert (performed.subject, performed.severity, performed.parts) == (MODEL, "moderate", ("mae",))
    assert performed.detail == "mae 3, on the holdout 2, 50% worse, over 80 labels"
    assert (checked.severity, checked.parts) == ("severe", ("schema",))
    assert checked.detail == "schema: schema says so."
    assert {MODEL, OTHER} <= set(checked.models)
    assert (failed.subject, failed.models) == ("models.budget_forecaster", (MODEL,))
    assert failed.detail == f"{day(0)}: It broke. (run r1)"
    settings = settings_of(tmp_path)
    rows = run_alerts(either, settings, 0, 1)
    assert [row["kind"] for row in rows[:4]] == [
        "data_quality",
        "drift",
        "performance",
        "pipeline_failure",
    ]
    assert [row["event"] for row in rows] == ["opened"] * 4 + ["continued"] * 4
    assert stored(either, "alerts") == sorted(
        rows, key=lambda row: (row["monitor_date"], row["alert_id"])
    )
    assert alert_rows(either, settings, day(1), day(1)) == rows[4:]


def test_a_table_is_as_bad_as_for_the_model_for_which_it_is_worst(engine: DuckDBEngine) -> None:
    rows = [
        drift(0, "moderate"),
        drift(0, "critical", model_name=OTHER),
        drift(0, model_name="job_cost_optimizer"),
        *column(0, "cost", "moderate", 0.15),
        *column(0, "cost", "critical", 0.9, model_name=OTHER),
        *column(0, "gone", "critical", None, model_name=OTHER, reason="missing_column"),
        *(row for n in range(5) for row in column(0, f"c{n}", "moderate", 0.1 + n / 100)),
    ]
    store(engine, "drift_metrics", rows)
    (condition,) = of_day(engine, 0)
    assert (condition.severity, condition.models) == ("critical", (MODEL, OTHER))
    assert condition.detail == (
        "cost critical (PSI 0.90); gone critical (missing column); c4 moderate (PSI 0.14); "
        "c3 moderate (PSI 0.13); c2 moderate (PSI 0.12); and 2 more columns"
    )


def test_what_could_not_be_evaluated_is_told_apart_from_what_is_stable(
    engine: DuckDBEngine,
) -> None:
    rows = [
        drift(0),
        drift(0, **UNKNOWN, model_name=OTHER),
        drift(0, **UNKNOWN, table_name="labels.cost_features"),
        drift(0, **UNKNOWN, table_name="labels.cost_features", column_name="x", statistic="psi"),
        drift(0, **UNKNOWN, table_name="labels.cost_features", column_name="x"),
    ]
    store(engine, "drift_metrics", rows)
    store(engine, "model_performance", [performance(0, **UNKNOWN)])
    store(
        engine,
        "data_quality",
        [quality(0, "volume", "could_not_evaluate"), quality(0, "range", "warned")],
    )
    found = {(c.kind, c.subject): c for c in of_day(engine, 0)}
    assert {c.severity for c in found.values()} == {"none"}
    assert found["drift", TABLE].unknown == (f"{OTHER}/*",)
    assert found["drift", "labels.cost_features"].unknown == (f"{MODEL}/x/psi",)
    assert found["performance", MODEL].unknown == ("mae",)
    assert found["data_quality", TABLE].unknown == ("volume",)
    assert not any(c.models or c.parts or c.detail for c in found.values())


def test_a_failure_of_which_little_is_known(engine: DuckDBEngine) -> None:
    row = failure(0, "predictions.budget_forecaster_predictions", 2)
    store(engine, "pipeline_failures", [row | {"run_id": "", "last_partition": str(day(1))}])
    (condition,) = of_day(engine, 0)
    assert condition.detail == f"{day(0)} to {day(1)}: It broke."
    assert condition.models == (MODEL,)


def test_only_the_version_in_force_counts_for_performance(engine: DuckDBEngine) -> None:
    store(engine, "model_performance", [performance(0), performance(0, "severe", model_version=3)])
    assert [c.severity for c in of_day(engine, 0)] == ["none"]


def test_the_newest_report_of_failures_stands_until_the_next(engine: DuckDBEngine) -> None:
    assert of_day(engine, 0) == []
    store(engine, "pipeline_failures", [failure(1, "gold.fact_usage", 3)])
    store(engine, "pipeline_failures", [failure(4, "*", 0)])
    seen = conditions(engine, day(0), day(5))
    assert [[(c.subject, c.severity) for c in each] for each in seen.values()] == [
        [],
        *[[("gold.fact_usage", "severe")]] * 3,
        *[[("*", "none")]] * 2,
    ]
    assert of_day(engine, 3)[0].title == "gold.fact_usage failed on 3 partitions"
    assert of_day(engine, 3) == seen[day(3)]


def test_alerts_know_nothing_of_later_days(engine: DuckDBEngine, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    levels = ["severe", "none", "critical", "none", "none", "none", "moderate"]
    store(engine, "drift_metrics", [drift(n, level) for n, level in enumerate(levels)])
    whole = alert_rows(engine, settings, day(0), day(6))
    assert stored(engine, "alerts") == []
    for number in range(7):
        rows = run_alerts(engine, settings, number, number)
        assert rows == [row for row in whole if row["monitor_date"] == day(number)]
        assert alert_rows(engine, settings, day(number), day(number)) == rows
    assert alert_rows(engine, settings, day(2), day(6)) == [
        row for row in whole if row["monitor_date"] >= day(2)
    ]
    assert [row["event"] for row in whole] == [
        "opened",
        "continued",
        "escalated",
        "continued",
        "continued",
        "closed",
        "opened",
    ]


def test_days_that_never_ran_leave_an_open_alert_as_it_was(
    engine: DuckDBEngine, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, close_after_days=2)
    store(engine, "drift_metrics", [drift(0, "severe"), drift(1), drift(30), drift(31)])
    run_alerts(engine, settings, 0, 1)
    (row,) = run_alerts(engine, settings, 30, 30)
    assert (row["event"], row["quiet_days"], row["opened_on"]) == ("closed", 2, day(0))
    assert run_alerts(engine, settings, 31, 31) == []


def test_the_tables_of_alerts_take_what_is_made(engine: DuckDBEngine, tmp_path: Path) -> None:
    contract: TableContract = monitoring_contracts()["alerts"]
    store(engine, "drift_metrics", [drift(0, "severe")])
    (row,) = run_alerts(engine, settings_of(tmp_path), 0, 0)
    assert tuple(row) == contract.column_names
