"""The command line as its users meet it: exit codes, JSON, and errors that say what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ngm_assets.cli.app import main
from ngm_assets.models.data.dataset import catalog
from ngm_assets.settings import load_settings
from ngm_assets_tests.landings import TABLES, awkward_landing
from ngm_assets_tests.whole import Whole

START = date(2023, 11, 20)
SPAN = ["--from", START.isoformat(), "--to", (START + timedelta(days=1)).isoformat()]
ONE = ["--score-days", "1", "--models", "cost_anomaly_detector"]


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Standard output, read as JSON."""
        return json.loads(self.out)


Ngm = Callable[..., Said]


@pytest.fixture
def ngm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Ngm:
    """Return a function that runs a command with a home of its own."""
    monkeypatch.setenv("NGM_DEBUG", "0")
    monkeypatch.setenv("NGM_HOME", str(tmp_path / "home"))

    def run(*words: str) -> Said:
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return run


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """Return a landing of two tables, quick to run over."""
    folder = tmp_path / "landing"
    keep = {"access/audit", "compute/clusters"}
    awkward_landing(folder, seed=5, days=3, start=START, without=set(TABLES) - keep)
    return folder


def refused(said: Said, kind: str, *texts: str) -> None:
    """Assert that a command failed with a named error, its remedy and no traceback."""
    assert said.code == 1
    assert any(line.startswith(f"{kind}: ") for line in said.err.splitlines())
    for text in (*texts, "mend:"):
        assert text in said.err
    assert "Traceback" not in said.out + said.err


def test_a_landing_that_does_not_exist(ngm: Ngm, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    refused(ngm("run", "--landing", str(gone), *SPAN), "DataError", str(gone), "--landing")
    assert not (tmp_path / "home").exists()


def test_a_landing_without_any_table(ngm: Ngm, tmp_path: Path) -> None:
    refused(ngm("run", "--landing", str(tmp_path), *SPAN), "DataError", "billing/usage")


def test_an_unknown_model_is_answered_with_the_nearest(ngm: Ngm, landing: Path) -> None:
    said = ngm("run", "--landing", str(landing), *SPAN, "--models", "job_failure_predicter")
    refused(said, "ConfigError", "job_failure_predicter", "Did you mean job_failure_predictor?")


def test_days_in_the_wrong_order(ngm: Ngm, landing: Path) -> None:
    said = ngm("run", "--landing", str(landing), "--from", "2023-12-02", "--to", "2023-12-01")
    refused(said, "ConfigError", "--from 2023-12-02 lies after --to 2023-12-01")


@pytest.mark.parametrize("day", ["2026-13-01", "yesterday", "01.02.2026"])
def test_a_day_that_is_none(ngm: Ngm, landing: Path, day: str) -> None:
    said = ngm("run", "--landing", str(landing), "--from", day, "--to", "2026-01-02")
    refused(said, "ConfigError", day, "--from", "YYYY-MM-DD")


def test_a_day_that_is_not_over(ngm: Ngm, landing: Path) -> None:
    today = datetime.now(UTC).date().isoformat()
    said = ngm("run", "--landing", str(landing), "--from", "2023-12-01", "--to", today)
    refused(said, "ConfigError", f"--to {today} is not over yet")


def test_no_day_to_score(ngm: Ngm, landing: Path) -> None:
    said = ngm("run", "--landing", str(landing), *SPAN, "--score-days", "0")
    assert said.code == 1
    assert "--score-days must be at least 1" in said.err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["run", "--landing", "."], "--from"),
        (["run", "--nonsense"], "--nonsense"),
        (["run", *SPAN, "--landing", ".", "--score-days", "many"], "--score-days"),
        (["fly"], "fly"),
        (["lineage"], "NAME"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_names_the_word(
    ngm: Ngm, words: list[str], text: str
) -> None:
    said = ngm(*words)
    assert said.code == 2
    assert text.lower() in said.err.lower()
    assert "Traceback" not in said.err


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["models", "--help"]])
def test_help_is_exit_code_0(ngm: Ngm, words: list[str]) -> None:
    said = ngm(*words)
    assert said.code == 0
    assert "Usage" in said.out


def test_debug_shows_the_traceback_wherever_it_stands(ngm: Ngm, tmp_path: Path) -> None:
    run = ["run", "--landing", str(tmp_path / "gone"), *SPAN]
    for words in (["--debug", *run], [*run, "--debug"]):
        said = ngm(*words)
        assert said.code == 1
        assert "Traceback (most recent call last)" in said.err
        assert "DataError: There is no landing folder" in said.err


def test_models_before_any_training(ngm: Ngm) -> None:
    refused(ngm("models"), "ConfigError", "ngm run")


def test_a_run_writes_json_and_nothing_else(ngm: Ngm, landing: Path, tmp_path: Path) -> None:
    said = ngm("run", "--landing", str(landing), *SPAN, *ONE, "--json")
    assert said.code == 0
    result = said.data
    assert result["success"] is True
    assert result["home"] == str(tmp_path / "home")
    assert result["tables"]["gold.fact_audit_logs"] > 0
    assert result["tables"]["features.security_features"] > 0
    assert {row["model"] for row in result["models"]} == {spec.name for spec in catalog()}
    assert {row["champion"] for row in result["models"]} == {None}
    assert all(run["problems"] == [] for run in result["runs"])
    assert (tmp_path / "home" / "home.yaml").is_file()


def test_a_corrupt_file_fails_the_run_and_is_named(ngm: Ngm, landing: Path) -> None:
    damaged = sorted((landing / "access" / "audit").rglob("*.parquet"))[0]
    damaged.write_bytes(b"PAR1 this is no parquet file")
    said = ngm("run", "--landing", str(landing), *SPAN, *ONE)
    assert said.code == 1
    flat = "".join(said.out.split())
    assert "gold/fact_audit_logsDataError:" in flat
    assert "".join(str(damaged).split()) in flat
    assert "Traceback" not in said.out + said.err


def test_debug_shows_the_traceback_of_a_failed_step_beside_the_json(
    ngm: Ngm, landing: Path
) -> None:
    damaged = sorted((landing / "access" / "audit").rglob("*.parquet"))[0]
    damaged.write_bytes(b"PAR1 this is no parquet file")
    said = ngm("--debug", "run", "--landing", str(landing), *SPAN, *ONE, "--json")
    assert said.code == 1
    failed = [problem for run in said.data["runs"] for problem in run["problems"]]
    assert [(p["step"], p["kind"]) for p in failed] == [("gold/fact_audit_logs", "DataError")]
    assert str(damaged) in failed[0]["message"]
    assert "Traceback" not in failed[0]["message"]
    assert "in _read_schema" in said.err


def test_the_lineage_of_a_prediction_goes_back_to_the_system_tables(ngm: Ngm) -> None:
    said = ngm("lineage", "predictions.job_failure_predictor_predictions.probability", "--json")
    assert said.code == 0
    edges = {tuple(edge) for edge in said.data["upstream"]}
    names = {name for edge in edges for name in edge}
    assert "features.reliability_features.failure_rate" in names
    assert "gold.fact_job_run_timeline.result_state" in names
    assert any(name.startswith("system.lakeflow.job_run_timeline.") for name in names)
    assert said.data["downstream"] == []


def test_the_lineage_of_a_raw_table_goes_forth_to_the_predictions(ngm: Ngm) -> None:
    said = ngm("lineage", "system.access.audit", "--json")
    ends = {edge[1] for edge in said.data["downstream"]}
    assert {"gold.fact_audit_logs", "predictions.security_threat_detector_predictions"} <= ends
    assert said.data["upstream"] == []


def test_lineage_is_drawn_for_people_and_as_mermaid(ngm: Ngm) -> None:
    column = "features.cost_features.daily_cost"
    drawn, chart = ngm("lineage", column), ngm("lineage", column, "--mermaid")
    assert drawn.code == chart.code == 0
    assert "gold.fact_usage.list_cost" in drawn.out
    assert chart.out.startswith("flowchart LR\n")
    assert chart.out.strip() in drawn.out


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("features.cost_feature", "features.cost_features"),
        ("features.cost_features.daily_cots", "daily_cost"),
    ],
)
def test_lineage_of_an_unknown_name_names_the_nearest(ngm: Ngm, name: str, nearest: str) -> None:
    refused(ngm("lineage", name), "ConfigError", f"Did you mean {nearest}?")


def test_the_settings_in_force_are_shown(ngm: Ngm, tmp_path: Path) -> None:
    said = ngm("config", "show", "--env", "local", "--json")
    assert said.code == 0
    wanted = load_settings(env="local", home=tmp_path / "home", environ={})
    assert said.data == wanted.model_dump(mode="json")
    people = ngm("config", "show", "--env", "local")
    assert people.code == 0
    assert "refresh_days: 3" in people.out


def test_an_unknown_environment(ngm: Ngm, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(ngm("config", "show", "--env", "moon"), "ConfigError", "'moon'", "local")
    monkeypatch.setenv("NGM_ENV", "moon")
    refused(ngm("models"), "ConfigError", "'moon'", "local")


def test_the_doctor_finds_nothing_wrong_with_a_fresh_home(ngm: Ngm) -> None:
    said = ngm("doctor", "--json")
    seen = {item["subject"]: item for item in said.data}
    assert {"python", "dagster", "mlflow", "home", "landing"} <= set(seen)
    assert said.code == (1 if any(item["ok"] is False for item in said.data) else 0)
    assert "does not exist yet" in seen["landing"]["found"]


def test_the_doctor_names_a_corrupt_file(ngm: Ngm, landing: Path) -> None:
    damaged = sorted((landing / "access" / "audit").rglob("*.parquet"))[0]
    damaged.write_bytes(b"PAR1 this is no parquet file")
    said = ngm("doctor", "--landing", str(landing), "--json")
    seen = {item["subject"]: item for item in said.data}
    assert said.code == 1
    assert seen["system.access.audit"]["ok"] is False
    assert str(damaged) in seen["system.access.audit"]["found"]
    assert seen["system.compute.clusters"]["ok"] is True
    assert seen["system.billing.usage"]["ok"] is None


def test_the_models_with_champion_metric_and_verdict(ngm: Ngm, whole: Whole) -> None:
    home = str(whole.settings.home)
    rows = {row["model"]: row for row in ngm("models", "--home", home, "--json").data}
    assert set(rows) == {spec.name for spec in catalog()}
    for name, row in rows.items():
        crowned = [v["version"] for v in whole.versions[name] if "champion" in v["aliases"]]
        assert [row["champion"]] == (crowned or [None])
        assert row["verdict"]
        assert row["newest"] == max((v["version"] for v in whole.versions[name]), default=None)
    people = ngm("models", "--home", home)
    assert people.code == 0
    assert all(name in people.out for name in rows)


def test_the_doctor_knows_the_landing_of_a_home(ngm: Ngm, whole: Whole) -> None:
    said = ngm("doctor", "--home", str(whole.settings.home), "--json")
    seen = {item["subject"]: item for item in said.data}
    assert "rows" in seen["system.access.audit"]["found"]
    registered = sum(bool(found) for found in whole.versions.values())
    assert f"{registered} registered models" in seen["mlflow"]["found"]
