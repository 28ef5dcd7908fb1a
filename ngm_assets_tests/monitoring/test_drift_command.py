"""`ngm drift` as its users meet it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ngm_assets.cli.app import main
from ngm_assets.monitoring.tables import monitoring_contracts
from ngm_assets.platform import open_platform
from ngm_assets.settings import load_settings
from ngm_assets_tests.monitoring.test_drift_findings import DAY, column, table

Answer = tuple[int, str, str]
Ngm = Callable[..., Answer]
OTHER = {"model_name": "cost_anomaly_detector"}


@pytest.fixture
def ngm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ngm:
    """Return a function that runs a command on a home with two stored days."""
    before = DAY - timedelta(days=1)
    calm = [*column("storage_cost", 0.02, "none", "stable"), table()]
    seen = [*column("storage_cost", 0.4, "critical", "drifted"), table("critical", "drifted")]
    blind = table("none", "could_not_evaluate", reason="sql_cost: too_few_rows")
    rows = [each | {"monitor_date": before} for each in calm]
    rows += [*seen, *(each | OTHER for each in seen[:-1]), blind | OTHER]
    store = open_platform(load_settings(env="local", home=tmp_path, environ={})).engine.store
    store(monitoring_contracts()["drift_metrics"], rows, before, DAY)
    monkeypatch.setenv("NGM_DEBUG", "0")
    monkeypatch.setenv("NGM_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "300")

    def run(*words: str) -> Answer:
        capsys.readouterr()
        code = main(["drift", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.mark.parametrize("name", ["cost_features", "features.cost_features"])
def test_a_table_is_told_day_by_day(ngm: Ngm, name: str) -> None:
    code, out, _ = ngm(name, "--json")
    assert code == 0
    before, after = json.loads(out)
    assert (before["day"], before["severity"], before["status"]) == ("2026-06-27", "none", "stable")
    assert (before["max_psi"], before["worst_columns"]) == (0.02, [])
    assert (after["severity"], after["status"], after["max_psi"]) == ("critical", "drifted", 0.4)
    assert after["could_not_evaluate"] == ["cost_anomaly_detector: sql_cost: too_few_rows"]
    (worst,) = after["worst_columns"]
    assert (worst["column"], worst["statistic"], worst["value"]) == ("storage_cost", "psi", 0.4)
    assert worst["models"] == ["budget_forecaster", "cost_anomaly_detector"]


def test_people_read_severities_columns_and_reasons(ngm: Ngm) -> None:
    code, out, _ = ngm("cost_features")
    assert code == 0
    for text in ("2026-06-27", "critical", "storage_cost", "psi", "0.4", "1e-06"):
        assert text in out
    assert "on 1 of 2 days: cost_anomaly_detector: sql_cost: too_few_rows" in out


def test_days_and_models_can_be_chosen(ngm: Ngm) -> None:
    _, out, _ = ngm("cost_features", "--to", "2026-06-27", "--json")
    assert [day["day"] for day in json.loads(out)] == ["2026-06-27"]
    _, out, _ = ngm(
        "cost_features", "--from", "2026-06-28", "--model", OTHER["model_name"], "--json"
    )
    (day,) = json.loads(out)
    assert day["models"] == [OTHER["model_name"]]


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        (["cost_feature"], ["'cost_feature'", "Did you mean cost_features?"]),
        (["cost_features", "--model", "budget_forecastr"], ["Did you mean budget_forecaster?"]),
        (["cost_features", "--from", "June"], ["--from", "YYYY-MM-DD"]),
        (["budget_forecaster_predictions"], ["No drift of predictions.budget", "drift_metrics"]),
        (["labels.cost_features"], ["No drift of labels.cost_features is stored", "Materialise"]),
        (["cost_features", "--to", "2026-01-01"], ["from ... to 2026-01-01"]),
    ],
)
def test_what_cannot_be_told_is_refused_with_a_remedy(
    ngm: Ngm, words: list[str], texts: list[str]
) -> None:
    code, out, err = ngm(*words)
    assert (code, out) == (1, "")
    for text in ("ConfigError: ", *texts, "mend:"):
        assert text in err
