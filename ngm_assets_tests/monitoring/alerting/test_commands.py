"""`ngm alerts` and `ngm alerts ack` as their users meet them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ngm_assets.cli.app import main
from ngm_assets.platform import open_platform
from ngm_assets_tests.monitoring.alerting.tables import (
    MODEL,
    TABLE,
    day,
    drift,
    run_alerts,
    settings_of,
    store,
)

Ngm = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ngm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Ngm:
    """Return a function that runs a command on a home in which one alert is open and one closed."""
    monkeypatch.setenv("NGM_DEBUG", "0")
    monkeypatch.setenv("NGM_HOME", str(tmp_path))
    monkeypatch.setenv("NGM_USER", "ann")
    monkeypatch.setenv("COLUMNS", "400")
    settings = settings_of(tmp_path, close_after_days=1)
    engine = open_platform(settings).engine
    rows = [drift(0, "severe"), drift(1), *(drift(n, "critical", table_name="t.a") for n in (0, 1))]
    store(engine, "drift_metrics", rows)
    run_alerts(engine, settings, 0, 1)

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(list(words))
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, said.out, said.err

    return run


def test_alerts_are_listed_for_people_and_machines(ngm: Ngm) -> None:
    code, out, _ = ngm("alerts")
    assert code == 0
    assert out.index("t.a drifted") < out.index(f"{TABLE} drifted")
    assert f"closed {day(1)}" in out
    rows = json.loads(ngm("alerts", "--json")[1])
    assert [(row["subject"], row["state"]) for row in rows] == [("t.a", "open"), (TABLE, "closed")]
    assert rows[0]["models"] == [MODEL]
    (row,) = json.loads(ngm("alerts", "--open", "--json")[1])
    assert row["subject"] == "t.a"
    assert TABLE not in ngm("alerts", "--open")[1]


def test_an_alert_is_acknowledged(ngm: Ngm) -> None:
    alert = json.loads(ngm("alerts", "--open", "--json")[1])[0]["alert_id"]
    code, out, _ = ngm("alerts", "ack", alert, "--note", "Mine [sic].")
    assert (code, f"{alert}: acknowledged by ann at " in out) == (0, True)
    assert "Mine [sic]." in ngm("alerts")[1]
    code, out, _ = ngm("alerts", "ack", alert, "--by", "bob", "--json")
    assert json.loads(out)["acknowledged_by"] == "ann"


def test_an_unknown_alert_is_refused(ngm: Ngm) -> None:
    code, _, err = ngm("alerts", "ack", "nothing")
    assert code == 1
    assert "ConfigError: There is no alert 'nothing'" in err
    assert "mend:" in err
    assert ngm("alerts", "ack")[0] == 2


def test_a_home_without_alerts_says_so(ngm: Ngm, tmp_path: Path) -> None:
    other = ["--home", str(tmp_path / "other")]
    assert ngm("alerts", *other)[1] == "No alerts.\n"
    assert json.loads(ngm("alerts", *other, "--json")[1]) == []


def test_on_databricks_the_tables_are_reached_from_clusters_only(
    ngm: Ngm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "https://workspace.example")
    code, _, err = ngm("alerts", "--env", "dev")
    assert code == 1
    assert "on its clusters only" in err
