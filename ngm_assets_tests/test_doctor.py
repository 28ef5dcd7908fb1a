"""`ngm doctor --env dev` names what a workspace lacks, says how to mend it, and changes nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ngm_assets import connection
from ngm_assets.doctor.compute import refusal
from ngm_assets.doctor.examination import examine
from ngm_assets.doctor.observation import Observation
from ngm_assets.lakehouse.statements import SCHEMAS
from ngm_assets.settings import load_settings
from ngm_assets_tests.ready_workspace import TOKEN, USER, Ready, ready_workspace
from ngm_assets_tests.workspace.faults import Fault

Spoil = Callable[[Ready], object]
PRINCIPAL = "secret-of-a-principal"
PYTHON = "3.12.3"
"""Of the Dagster process that fits the workspace; that of the tests may be another."""


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Ready]:
    """Return a workspace in which nothing is missing."""
    with ready_workspace(tmp_path) as made:
        yield made
        assert made.workspace.protocol_errors == []


def seen(env: str = "dev", python: str = PYTHON) -> list[Observation]:
    """Return what the doctor sees in an environment."""
    return examine(load_settings(env=env), python)


def bad(env: str = "dev", python: str = PYTHON) -> dict[str, Observation]:
    """Return what the doctor finds bad in an environment, by subject."""
    return {item.subject: item for item in seen(env, python) if item.ok is False}


def test_a_ready_workspace_has_nothing_bad_and_stays_as_it_is(ready: Ready) -> None:
    found = {item.subject: item for item in seen()}
    assert [item for item in found.values() if item.ok is False] == []
    assert USER in found["workspace"].found
    assert {"catalog dev", *(f"schema dev.{name}" for name in SCHEMAS)} <= set(found)
    assert {"system.billing.usage", "DBFS", "cluster policy", "node type", "runtime"} <= set(found)
    assert {"secret scope", "warehouse", "MLflow", "credentials", "libraries"} <= set(found)
    assert ready.requests() == []


SPOILED: dict[str, tuple[Spoil, str, str]] = {
    "a right on the catalog": (
        lambda w: w.revoke("catalog", "dev", "USE_CATALOG"),
        "catalog dev",
        f"{USER} lacks USE CATALOG",
    ),
    "a right on a schema": (
        lambda w: w.revoke("schema", "dev.features", "MODIFY", "CREATE_TABLE"),
        "schema dev.features",
        f"{USER} lacks MODIFY, CREATE TABLE",
    ),
    "the right to make models": (
        lambda w: w.revoke("schema", "dev.models", "CREATE_MODEL"),
        "schema dev.models",
        "lacks CREATE MODEL",
    ),
    "SELECT on a system table": (
        lambda w: w.revoke("schema", "system.access", "SELECT"),
        "system.access.audit",
        "lacks SELECT",
    ),
    "USE SCHEMA of a system table": (
        lambda w: w.revoke("schema", "system.query", "USE_SCHEMA"),
        "system.query.history",
        "lacks USE SCHEMA",
    ),
    "a system table": (
        lambda w: w.extras.hidden.add("system.billing.usage"),
        "system.billing.usage",
        "is not there, or may not be seen",
    ),
    "a column of a system table": (
        lambda w: w.extras.columns.update({"system.access.audit": ["event_id", "event_time"]}),
        "system.access.audit",
        "has no column action_name, user_identity",
    ),
    "the group": (
        lambda w: w.workspace.directory.groups.remove("data-engineers"),
        "schema dev.gold",
        "lacks USE SCHEMA, SELECT, MODIFY, CREATE TABLE",
    ),
    "models of one's own": (
        lambda w: w.extras.models.update(budget_forecaster="ann@example.com"),
        "models",
        "owned by others: budget_forecaster (ann@example.com)",
    ),
    "a policy that allows the access mode": (
        lambda w: w.workspace.directory.policies.update(
            {
                "policy-1": {
                    "name": "Shared",
                    "definition": json.dumps(
                        {"data_security_mode": {"type": "fixed", "value": "USER_ISOLATION"}}
                    ),
                }
            }
        ),
        "cluster policy",
        "Shared refuses data_security_mode SINGLE_USER: only USER_ISOLATION",
    ),
    "the policy": (lambda w: w.set(NGM_CLUSTER_POLICY_ID="gone"), "cluster policy", "no gone"),
    "the node type": (lambda w: w.set(NGM_NODE_TYPE="z9"), "node type", "z9 is not offered"),
    "the runtime": (
        lambda w: w.set(NGM_SPARK_VERSION="15.3.x-scala2.12"),
        "runtime",
        "15.3.x-scala2.12 is not offered",
    ),
    "a runtime with Spark 4": (
        lambda w: w.set(NGM_SPARK_VERSION="16.4.x-scala2.12"),
        "spark of the runtime",
        "16.4.x-scala2.12 is older than 17, the first with Spark 4",
    ),
    "the scope": (lambda w: w.workspace.secrets.clear(), "secret scope", "no scope ngm_assets"),
    "the key": (
        lambda w: w.workspace.secrets["ngm_assets"].clear(),
        "secret scope",
        "ngm_assets lacks databricks_token",
    ),
    "the warehouse": (lambda w: w.set(NGM_WAREHOUSE_ID="gone"), "warehouse", "there is no gone"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_what_is_missing_is_named_with_its_remedy(ready: Ready, name: str) -> None:
    spoil, subject, text = SPOILED[name]
    spoil(ready)
    found = bad()
    assert text in found[subject].found
    assert found[subject].mend


def test_an_empty_catalog_lacks_every_schema(ready: Ready) -> None:
    ready.workspace.catalog.make("catalog", "uat")
    found = bad("uat")
    assert {f"schema uat.{name}" for name in SCHEMAS} <= set(found)
    assert "ngm setup --env uat" in found["schema uat.gold"].mend


def test_a_catalog_that_is_not_there(ready: Ready) -> None:
    found = bad("prod")
    assert "is not there" in found["catalog prod"].found
    assert "schema prod.gold" in found


def test_tables_that_are_not_written_yet_stop_nothing(ready: Ready) -> None:
    ready.extras.missing_tables.add("gold.fact_usage")
    (tables,) = [item for item in seen() if item.subject == "tables of dev.gold"]
    assert tables.ok is None
    assert tables.found.endswith("missing: fact_usage")


def test_rights_that_come_from_far_above_count(ready: Ready) -> None:
    ready.workspace.catalog.grants.clear()
    for catalog in ("dev", "system"):
        ready.workspace.catalog.grant("catalog", catalog, "account users", "ALL_PRIVILEGES")
    assert bad() == {}


def test_an_existing_cluster_is_looked_at_in_the_place_of_a_policy(ready: Ready) -> None:
    ready.set(NGM_COMPUTE="existing_cluster", NGM_CLUSTER_ID="c-1")
    assert "there is no c-1" in bad()["cluster"].found
    ready.workspace.jobs.add_cluster("c-1", spark_version="17.3.x-scala2.13", state="TERMINATED")
    found = {item.subject: item for item in seen()}
    assert (found["cluster"].ok, found["cluster"].found) == (True, "c-1: TERMINATED")
    assert found["access mode"].ok
    assert "cluster policy" not in found


@pytest.mark.parametrize(
    ("told", "subject", "text"),
    [
        ({"data_security_mode": "USER_ISOLATION"}, "access mode", "USER_ISOLATION"),
        ({"spark_version": "16.4.x-scala2.12"}, "spark of the runtime", "older than 17"),
        ({"single_user_name": "ann@example.com"}, "dedicated to", "ann@example.com"),
        ({"state": "ERROR"}, "cluster", "ERROR"),
    ],
)
def test_an_existing_cluster_that_does_not_fit(
    ready: Ready, told: dict[str, Any], subject: str, text: str
) -> None:
    ready.set(NGM_COMPUTE="existing_cluster", NGM_CLUSTER_ID="c-1")
    ready.workspace.jobs.add_cluster("c-1", **{"spark_version": "17.3.x-scala2.13", **told})
    found = bad()
    assert text in found[subject].found
    assert found[subject].mend


def test_serverless_needs_a_volume_and_no_dbfs(ready: Ready) -> None:
    ready.set(NGM_COMPUTE="serverless")
    found = {item.subject: item for item in seen()}
    assert found["volume dev.models.staging"].ok
    assert not {"DBFS", "cluster policy", "node type"} & set(found)
    ready.revoke("volume", "dev.models.staging", "WRITE_VOLUME")
    assert "lacks WRITE VOLUME" in bad()["volume dev.models.staging"].found
    ready.set(NGM_VOLUME="/Volumes/dev/models/gone")
    assert "is not there" in bad()["volume dev.models.gone"].found


def test_clusters_need_dbfs(ready: Ready) -> None:
    ready.workspace.faults.add(Fault("GET", "/api/2.0/dbfs/get-status", "status", 99, status=500))
    found = bad()
    assert "INTERNAL_ERROR" in found["DBFS"].found
    assert "NGM_COMPUTE=serverless" in found["DBFS"].mend


def test_wrong_and_missing_credentials(ready: Ready) -> None:
    ready.set(**{"DATABRICKS_TOKEN": "dapi-wrong-wrong-wrong"})
    assert "Invalid access token" in bad()["workspace"].found
    ready.patch.delenv("DATABRICKS_TOKEN")
    found = {item.subject: item for item in seen()}
    assert found["workspace"].found.startswith("No usable credentials")
    assert found["workspace"].mend
    assert found["credentials"].ok is None


def test_a_workspace_that_nobody_answers_for_is_one_line(ready: Ready) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        ready.set(DATABRICKS_HOST=f"http://127.0.0.1:{closed.getsockname()[1]}")
    found = bad()
    assert list(found) == ["workspace"]
    assert "cannot be reached" in found["workspace"].found


def test_a_workspace_that_takes_too_long_is_one_line(ready: Ready) -> None:
    ready.patch.setattr(connection, "FIRST_ANSWER_SECONDS", 0.1)
    ready.workspace.faults.add(Fault("HEAD", "/", "slow", seconds=60))
    found = bad()
    assert list(found) == ["workspace"]
    assert "did not answer in time" in found["workspace"].found


def test_a_workspace_that_stops_answering_ends_the_examination(ready: Ready) -> None:
    ready.patch.setattr(connection, "PATIENCE_SECONDS", 1)
    ready.workspace.faults.add(Fault("GET", "/api/2.1/unity-catalog/schemas", "drop", 99))
    found = bad()
    assert list(found) == ["workspace"]
    assert "cannot be reached" in found["workspace"].found


def test_the_wait_for_a_dead_workspace_is_bounded() -> None:
    """One attempt may begin just before patience ends, and lasts as long again."""
    longest = connection.FIRST_ANSWER_SECONDS + 2 * connection.PATIENCE_SECONDS
    assert longest <= 30


def test_no_secret_is_told(ready: Ready) -> None:
    def text() -> str:
        return json.dumps([vars(item) for item in seen()])

    texts = [text()]
    ready.set(NGM_WAREHOUSE_ID=TOKEN)
    texts.append(text())
    ready.workspace.secrets.clear()
    ready.set(**{"DATABRICKS_CLIENT_ID": "id", "DATABRICKS_CLIENT_SECRET": PRINCIPAL})
    texts.append(text())
    assert "more than one authorization method" in texts[-1]
    for told in texts:
        assert TOKEN not in told
        assert PRINCIPAL not in told
        assert "another-secret-of-the-scope" not in told


@pytest.mark.parametrize(
    ("rule", "value", "reason"),
    [
        ({}, "SINGLE_USER", ""),
        ({"type": "unlimited", "defaultValue": "x"}, "SINGLE_USER", ""),
        ({"type": "fixed", "value": "DATA_SECURITY_MODE_DEDICATED"}, "SINGLE_USER", ""),
        ({"type": "fixed", "value": "NONE"}, "SINGLE_USER", "only NONE"),
        ({"type": "fixed", "value": "auto:latest-lts"}, "17.3.x-scala2.13", ""),
        ({"type": "fixed", "value": 2}, 2, ""),
        ({"type": "allowlist", "values": ["a", "b"]}, "c", "only a, b"),
        ({"type": "allowlist", "values": ["a", "c"]}, "c", ""),
        ({"type": "blocklist", "values": ["c"]}, "c", "blocked"),
        ({"type": "blocklist", "values": ["a"]}, "c", ""),
        ({"type": "regex", "pattern": "15\\..*"}, "15.4.x", ""),
        ({"type": "regex", "pattern": "15\\..*"}, "17.3.x", "only 15\\..*"),
        ({"type": "range", "minValue": 1}, 0, "at least 1"),
        ({"type": "range", "maxValue": 4}, 5, "at most 4"),
        ({"type": "range", "minValue": 1, "maxValue": 4}, 4, ""),
        ({"type": "forbidden"}, "c", "forbidden"),
    ],
)
def test_the_rules_of_a_policy(rule: dict[str, Any], value: str | int, reason: str) -> None:
    assert refusal(rule, value) == reason
