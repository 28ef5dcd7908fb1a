"""What the step launcher is configured with, and that it exists where steps are to be launched."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._config import process_config

from ngm_assets.engine.cluster import idempotency_token, launcher_config
from ngm_assets.engine.launcher import launcher_resource
from ngm_assets.engine.remote import pinned_libraries, step_secrets, step_variables
from ngm_assets.errors import ConfigError
from ngm_assets.settings import Settings, load_settings

HOST = "https://example.cloud.databricks.com"
TOKEN = "dapi-never-to-be-seen"  # noqa: S105 (made up)


def settings_of(**variables: str) -> Settings:
    """Return the settings of dev under some variables."""
    return load_settings(env="dev", environ={"DATABRICKS_HOST": HOST, **variables})


def config_of(**variables: str) -> dict[str, Any]:
    """Return the launcher's configuration under some variables, checked by its own schema."""
    from dagster_databricks import databricks_pyspark_step_launcher

    config = launcher_config(settings_of(**variables), Path("/code"))
    schema = databricks_pyspark_step_launcher.config_schema.config_type
    assert schema is not None
    checked = process_config(schema, config)
    assert checked.success, checked.errors
    return config


def test_steps_run_in_this_process_on_local_and_on_the_cluster_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    local = load_settings(env="local", environ={})
    assert dg.build_resources({"x": launcher_resource(local)}).__enter__().x is None
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
    assert dg.build_resources({"x": launcher_resource(settings_of())}).__enter__().x is None


def test_a_process_without_credentials_is_told_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    resources = dg.build_resources({"x": launcher_resource(settings_of())})
    with pytest.raises(Exception, match="Error executing resource_fn") as caught, resources:
        pass
    cause = caught.value.__cause__
    assert isinstance(cause, ConfigError)
    assert "DATABRICKS_TOKEN" in str(cause)


def test_a_job_cluster_is_dedicated_and_has_this_machines_libraries() -> None:
    run = config_of(NGM_WORKERS="3", NGM_CLUSTER_POLICY_ID="p-1")["run_config"]
    new = run["cluster"]["new"]
    assert new["data_security_mode"] == "SINGLE_USER"
    assert new["size"] == {"num_workers": 3}
    assert new["policy_id"] == "p-1"
    packages = [library["pypi"]["package"] for library in run["libraries"]]
    assert packages == pinned_libraries()
    assert f"mlflow=={version('mlflow')}" in packages
    assert not any(package.startswith(("pyspark", "duckdb")) for package in packages)
    assert run["timeout_seconds"] == 240 * 60


def test_no_workers_make_a_single_node() -> None:
    new = config_of(NGM_WORKERS="0")["run_config"]["cluster"]["new"]
    assert new["spark_conf"]["spark.databricks.cluster.profile"] == "singleNode"
    assert {"key": "ResourceClass", "value": "SingleNode"} in new["custom_tags"]


def test_an_existing_cluster_is_named() -> None:
    config = config_of(NGM_COMPUTE="existing_cluster", NGM_CLUSTER_ID="1121-abc")
    assert config["run_config"]["cluster"] == {"existing": "1121-abc"}
    assert config["verbose_logs"] is False


def test_the_configuration_names_secrets_and_holds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    assert TOKEN not in str(config_of(DATABRICKS_TOKEN=TOKEN))
    assert step_secrets(settings_of()) == [
        {"name": "DATABRICKS_TOKEN", "key": "databricks_token", "scope": "ngm_assets"}
    ]


def test_a_step_gets_the_variables_its_settings_refer_to_and_no_others() -> None:
    given = {"NGM_ENGINEERS": "people", "NGM_HOME": "/here", "SECRET": "x", "NGM_GIT_SHA": "abc"}
    found = step_variables(settings_of(**given), {"DATABRICKS_HOST": HOST, **given})
    assert found["NGM_ENV"] == "dev"
    assert found["NGM_ENGINEERS"] == "people"
    assert found["NGM_GIT_SHA"] == "abc"
    assert not {"NGM_HOME", "SECRET", "DATABRICKS_TOKEN"} & set(found)
    again = load_settings(env=found["NGM_ENV"], environ=found)
    assert again.model_dump(exclude={"home"}) == settings_of(**given).model_dump(exclude={"home"})


def test_every_attempt_at_a_step_has_a_token_of_its_own() -> None:
    tokens = {
        idempotency_token(run, step, attempt)
        for run in ("r1", "r2")
        for step in ("a", "b")
        for attempt in (0, 1)
    }
    assert len(tokens) == 8
    assert all(len(token) <= 64 for token in tokens)
    assert idempotency_token("r1", "a", 0) in tokens
