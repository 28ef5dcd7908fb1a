"""`ngm config`, `ngm doctor`, `ngm setup` and `--env` on the command line; secrets stay unsaid."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ngm_assets.cli.app import main
from ngm_assets.models.data.dataset import catalog
from ngm_assets.settings import environment_names, load_settings
from ngm_assets.setup.statements import setup_statements
from ngm_assets_tests.ready_workspace import TOKEN, Ready, ready_workspace
from ngm_assets_tests.test_cli import Said, refused
from ngm_assets_tests.workspace.http import ApiError, Request
from ngm_assets_tests.workspace.mlflow_api import MlflowApi
from ngm_assets_tests.workspace.server import Statics

Ngm = Callable[..., Said]


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Ready]:
    """Return a workspace in which nothing is missing, and its user's variables."""
    with ready_workspace(tmp_path) as made:
        made.set(NGM_DEBUG="0")
        yield made


@pytest.fixture
def ngm(ready: Ready, capsys: pytest.CaptureFixture[str]) -> Ngm:
    """Return a function that runs a command in the environment of that user."""

    def run(*words: str) -> Said:
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return run


def test_all_environments_are_valid_with_a_host(ngm: Ngm) -> None:
    said = ngm("config", "validate", "--env", "all", "--json")
    assert said.code == 0
    assert [row["environment"] for row in said.data] == environment_names()
    assert all(row["ok"] for row in said.data)


def test_validation_tells_what_each_environment_lacks(ready: Ready, ngm: Ngm) -> None:
    ready.patch.delenv("DATABRICKS_HOST")
    said = ngm("config", "validate", "--env", "all", "--json")
    assert said.code == 1
    rows = {row["environment"]: row for row in said.data}
    assert [name for name, row in rows.items() if row["ok"]] == ["local"]
    assert "DATABRICKS_HOST" in rows["prod"]["found"]
    assert "line" in rows["prod"]["found"]
    people = ngm("config", "validate", "--env", "all")
    assert people.code == 1
    assert "DATABRICKS_HOST" in people.out


def test_validation_looks_at_ngm_env_by_default(ready: Ready, ngm: Ngm) -> None:
    assert ngm("config", "validate", "--json").data[0]["environment"] == "local"
    ready.set(NGM_ENV="uat")
    (row,) = ngm("config", "validate", "--json").data
    assert (row["environment"], row["ok"]) == ("uat", True)
    ready.set(NGM_ENV="qa")
    said = ngm("config", "validate")
    assert said.code == 1
    assert "There is no environment 'qa'" in said.out


def test_the_settings_of_an_environment_are_shown(ngm: Ngm) -> None:
    shown = ngm("config", "show", "--env", "rnd", "--json").data
    assert shown["catalog"] == "ngm_ml_rnd"
    assert shown["databricks"]["compute"] == "job_cluster"
    assert "catalog: ngm_ml_rnd" in ngm("config", "show", "--env", "rnd").out


def test_the_doctor_finds_nothing_bad_in_a_ready_workspace_but_another_python(ngm: Ngm) -> None:
    """The tests may run on the Python of the laptop, which is not that of the runtime."""
    said = ngm("doctor", "--env", "dev", "--json")
    wrong = [] if sys.version_info[:2] == (3, 12) else ["python of the runtime"]
    assert [item["subject"] for item in said.data if item["ok"] is False] == wrong
    assert said.code == len(wrong)
    assert {"system.access.audit", "schema dev.gold"} <= {item["subject"] for item in said.data}


def test_the_doctor_ends_with_1_and_says_how_to_mend(ready: Ready, ngm: Ngm) -> None:
    ready.workspace.secrets.clear()
    said = ngm("doctor", "--env", "dev")
    assert said.code == 1
    assert "create-scope" in said.out


def test_a_dry_run_prints_the_sql_and_contacts_nothing(ready: Ready, ngm: Ngm) -> None:
    said = ngm("setup", "--env", "dev", "--dry-run")
    assert said.code == 0
    wanted = setup_statements(load_settings(env="dev"))
    assert [one.strip() for one in said.out.split(";\n") if one.strip()] == wanted
    assert ngm("setup", "--env", "dev", "--dry-run", "--json").data["statements"] == wanted
    assert ready.workspace.requests == []


def test_a_setup_that_fails_says_where(ready: Ready, ngm: Ngm) -> None:
    ready.set(NGM_WAREHOUSE_ID="gone")
    said = ngm("setup", "--env", "dev")
    refused(said, "ComputeError", "statement 1 of", "gone")
    assert said.out.count("CREATE SCHEMA") == 1


def test_setup_and_run_refuse_the_wrong_environment(ngm: Ngm, tmp_path: Path) -> None:
    refused(ngm("setup"), "ConfigError", "local has no Databricks workspace")
    days = ["--from", "2024-01-01", "--to", "2024-01-02", "--landing", str(tmp_path)]
    refused(ngm("run", "--env", "dev", *days), "ConfigError", "landing folder", "on dev")
    refused(ngm("run", "--env", "qa", *days), "ConfigError", "no environment 'qa'")


def test_the_demo_stays_local(ready: Ready, ngm: Ngm) -> None:
    ready.set(NGM_ENV="prod")
    refused(ngm("demo"), "ConfigError", "prod on Databricks")


def test_models_of_a_workspace_that_cannot_be_reached(ready: Ready, ngm: Ngm) -> None:
    ready.set(DATABRICKS_HOST="http://127.0.0.1:9")
    for words in (["models"], ["models", "history", "budget_forecaster"]):
        refused(ngm(*words, "--env", "dev"), "ComputeError", "cannot be reached")


def test_models_of_a_workspace_are_listed(ready: Ready, ngm: Ngm) -> None:
    MlflowApi.added_to(ready.workspace)
    ready.patch.delenv("NGM_HOME")
    for words in (["models", "--env", "dev"], ["models"]):
        said = ngm(*words, "--json")
        assert {row["model"] for row in said.data} == {spec.name for spec in catalog()}
        ready.set(NGM_ENV="dev")
    said = ngm("models", "history", "budget_forecaster", "--env", "dev")
    refused(said, "RegistryError", "dev.models.budget_forecaster")
    asked = [one.request.path for one in ready.workspace.requests]
    assert any("/unity-catalog/" in path for path in asked)


def spiteful(request: Request) -> None:
    """Answer with an error that repeats the credentials."""
    raise ApiError(400, "BAD_REQUEST", f"You sent {request.headers['authorization']}")


@pytest.mark.parametrize("debug", [[], ["--debug"]])
@pytest.mark.parametrize(
    "words",
    [
        ["config", "show"],
        ["config", "show", "--json"],
        ["config", "validate"],
        ["doctor"],
        ["doctor", "--json"],
        ["setup"],
        ["setup", "--dry-run"],
        ["models"],
    ],
    ids=" ".join,
)
def test_no_output_holds_the_token(
    ready: Ready, ngm: Ngm, words: list[str], debug: list[str]
) -> None:
    """Not in health, not when the workspace repeats it, not where it was put by mistake."""
    said = [ngm(*words, "--env", "dev", *debug)]
    ready.workspace.add(
        Statics(
            ("POST", "/api/2.0/sql/statements/", spiteful),  # type: ignore[arg-type]
            ("GET", "/api/2.0/secrets/list", spiteful),  # type: ignore[arg-type]
        )
    )
    said.append(
        ngm("setup" if words == ["models"] else words[0], *words[1:], "--env", "dev", *debug)
    )
    ready.set(NGM_WAREHOUSE_ID=TOKEN, NGM_SPARK_VERSION=TOKEN)
    said.append(ngm(*words, "--env", "dev", *debug))
    ready.set(DATABRICKS_HOST=f"http://user:{TOKEN}@127.0.0.1:9")
    said.append(ngm(*words, "--env", "dev", *debug))
    for one in said:
        assert TOKEN not in one.out + one.err
        assert TOKEN not in json.dumps([one.out, one.err])
