"""Environments: one switch for engine, lakehouse and MLflow; nothing mixed, nothing unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from ngm_assets import settings as module
from ngm_assets.errors import ConfigError
from ngm_assets.settings import (
    ENVIRONMENTS,
    Settings,
    environment_names,
    environment_variables,
    load_settings,
)

HOST = "https://workspace.example.com"
REMOTE = ("rnd", "dev", "uat", "preprod", "prod")


def load(env: str, **variables: str) -> Settings:
    """Return settings of an environment with these variables, a host among them."""
    return load_settings(env=env, environ={"DATABRICKS_HOST": HOST, **variables})


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the folder of environments, which is the one that is read."""
    for path in ENVIRONMENTS.glob("*.yaml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(module, "ENVIRONMENTS", tmp_path)
    return tmp_path


def changed(files: Path, env: str, text: str) -> None:
    """Add lines to an environment's file."""
    file = files / f"{env}.yaml"
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_the_environments() -> None:
    assert set(environment_names()) == {"local", *REMOTE}


@pytest.mark.parametrize("env", REMOTE)
def test_an_environment_on_databricks_has_everything_there(env: str) -> None:
    found = load(env)
    assert found.catalog == {"rnd": "ngm_ml_rnd"}.get(env, env)
    assert (found.engine, found.lakehouse, found.mlflow) == ("spark", "unity", "databricks")
    assert (found.mlflow_uri, found.mlflow_registry_uri) == ("databricks", "databricks-uc")
    assert found.mlflow_experiment == f"/Shared/ngm_assets/{env}"
    assert found.model_prefix == f"{found.catalog}.models."
    assert found.landing is None
    assert found.workspace.host == HOST
    assert found.schedules == (env in ("uat", "preprod", "prod"))


def test_local_has_everything_here(tmp_path: Path) -> None:
    found = load_settings(env="local", home=tmp_path, environ={})
    assert (found.engine, found.lakehouse, found.mlflow) == ("duckdb", "delta", "sqlite")
    assert found.mlflow_uri == found.mlflow_registry_uri == f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert found.local_landing == tmp_path / "landing"
    assert found.databricks is None
    with pytest.raises(ConfigError, match="no Databricks workspace"):
        _ = found.workspace


def test_ngm_env_chooses_and_an_argument_beats_it() -> None:
    variables = {"NGM_ENV": "uat", "DATABRICKS_HOST": HOST}
    assert load_settings(environ=variables).env == "uat"
    assert load_settings(env="dev", environ=variables).env == "dev"
    assert load_settings(environ={}).env == "local"
    with pytest.raises(ConfigError, match="There is no environment 'qa'") as caught:
        load_settings(env="qa", environ={})
    assert "preprod" in caught.value.mend


def test_the_shared_base_is_no_environment() -> None:
    with pytest.raises(ConfigError, match="no environment 'base'"):
        load("base")


def test_without_a_host_the_error_names_file_line_and_variable() -> None:
    with pytest.raises(ConfigError, match="The variable DATABRICKS_HOST is not set") as caught:
        load_settings(env="dev", environ={})
    lines = (ENVIRONMENTS / "base.yaml").read_text(encoding="utf-8").splitlines()
    line = next(n for n, text in enumerate(lines, 1) if "${DATABRICKS_HOST}" in text)
    assert f"base.yaml, line {line} (DATABRICKS_HOST)" in caught.value.where


MIXED = {
    "another engine": ("dev", "engine: duckdb\n", "a mixed configuration: engine duckdb"),
    "another lakehouse": ("prod", "lakehouse: delta\n", "lakehouse delta"),
    "another MLflow": ("uat", "mlflow: sqlite\n", "mlflow sqlite"),
    "no workspace": ("dev", "databricks:\n", "databricks not set"),
    "a landing folder": ("dev", "landing: /data\n", "a mixed configuration: the landing folder"),
    "all of local": (
        "dev",
        "engine: duckdb\nlakehouse: delta\nmlflow: sqlite\n",
        "a mixed configuration",
    ),
}


@pytest.mark.parametrize("name", MIXED)
def test_a_mixed_configuration_is_refused(files: Path, name: str) -> None:
    env, lines, told = MIXED[name]
    changed(files, env, lines)
    with pytest.raises(ConfigError, match=told):
        load(env)


def test_local_with_another_engine_is_refused(files: Path) -> None:
    file = files / "local.yaml"
    text = file.read_text(encoding="utf-8").replace("engine: duckdb", "engine: spark")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="a mixed configuration: engine spark"):
        load_settings(env="local", environ={})


def test_a_landing_folder_given_for_databricks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mixed configuration: the landing folder"):
        load("dev", NGM_LANDING=str(tmp_path))


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("colour: red\n", "colour: Extra inputs"),
        ("databricks:\n  hsot: x\n", "databricks.hsot: Extra inputs"),
        ("databricks:\n  timeout_minutes: 0\n", "databricks.timeout_minutes"),
        ("databricks:\n  compute: fast\n", "databricks.compute"),
        ("words:\n  off_hours_from: 30\n", "words.off_hours_from"),
        ("start_date: soon\n", "start_date"),
    ],
)
def test_a_wrong_field_is_named_with_its_file_and_line(files: Path, lines: str, told: str) -> None:
    before = len((files / "dev.yaml").read_text(encoding="utf-8").splitlines())
    changed(files, "dev", lines)
    with pytest.raises(ConfigError, match=told) as caught:
        load("dev")
    line = before + lines.count("\n")
    assert f"dev.yaml, line {line}" in caught.value.where


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"DATABRICKS_HOST": "http://workspace.example.com"}, "https address"),
        ({"DATABRICKS_HOST": "https://me:secretword@workspace.example.com"}, "without credentials"),
        ({"NGM_COMPUTE": "existing_cluster"}, "NGM_CLUSTER_ID"),
        ({"NGM_SPARK_VERSION": "latest"}, "spark_version"),
        ({"NGM_WORKERS": "-1"}, "workers"),
        ({"NGM_PARALLEL_STEPS": "many"}, "parallel_steps"),
    ],
)
def test_a_wrong_variable_is_refused(variables: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        load("dev", **variables)
    assert "secretword" not in str(caught.value)


def test_variables_reach_the_settings() -> None:
    found = load(
        "dev",
        NGM_COMPUTE="existing_cluster",
        NGM_CLUSTER_ID="c-1",
        NGM_WAREHOUSE_ID="w-1",
        NGM_START_DATE="2025-06-01",
        NGM_ENGINEERS="ml",
    )
    workspace = found.workspace
    assert (workspace.compute, workspace.existing_cluster_id) == ("existing_cluster", "c-1")
    assert (workspace.warehouse_id, workspace.engineers) == ("w-1", "ml")
    assert found.start_date.isoformat() == "2025-06-01"


def test_a_host_may_come_without_a_scheme() -> None:
    assert load("dev", DATABRICKS_HOST="workspace.example.com/").workspace.host == HOST


def test_no_secret_is_among_the_variables_an_environment_names() -> None:
    given = {"DATABRICKS_HOST": HOST, "DATABRICKS_TOKEN": "t", "NGM_WAREHOUSE_ID": "w"}
    for env in REMOTE:
        found = environment_variables(env, given)
        assert found == {"DATABRICKS_HOST": HOST, "NGM_WAREHOUSE_ID": "w"}
        assert "dapi" not in repr(load(env, **{"DATABRICKS_TOKEN": "dapi-secret"}))
