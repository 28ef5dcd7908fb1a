"""Unity Catalog, warehouses and the directory over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from databricks.sdk.core import DatabricksError
from databricks.sdk.errors import NotFound
from databricks.sdk.service.sql import ExecuteStatementRequestOnWaitTimeout, StatementState

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from ngm_assets_tests.workspace.server import EmulatedWorkspace

WAREHOUSE = "warehouse-1"
CREATE = (
    "CREATE TABLE IF NOT EXISTS `dev`.`gold`.`thing` (`day` DATE NOT NULL COMMENT 'It\\'s.', "
    "`parts` ARRAY<STRUCT<n: INT>>, `at` TIMESTAMP) "
    "USING DELTA PARTITIONED BY (`day`) COMMENT 'A thing.'"
)


def run(client: WorkspaceClient, statement: str) -> tuple[StatementState | None, str]:
    """Run a statement; return its state and what went wrong."""
    answer = client.statement_execution.execute_statement(statement, WAREHOUSE)
    assert answer.status
    error = answer.status.error
    return answer.status.state, "" if error is None else error.message or ""


@pytest.fixture
def dev(workspace: EmulatedWorkspace, client: WorkspaceClient) -> WorkspaceClient:
    """Return a client of a workspace with the schema `dev.gold`."""
    workspace.catalog.make("catalog", "dev")
    assert run(client, "CREATE SCHEMA IF NOT EXISTS `dev`.`gold`")[0] == StatementState.SUCCEEDED
    return client


def test_statements_create_what_rest_shows(dev: WorkspaceClient) -> None:
    for statement in (CREATE, CREATE, "CREATE VOLUME IF NOT EXISTS dev.gold.files"):
        assert run(dev, statement) == (StatementState.SUCCEEDED, "")
    assert [one.name for one in dev.catalogs.list()] == ["dev"]
    assert dev.catalogs.get("dev").name == "dev"
    assert [one.full_name for one in dev.schemas.list("dev")] == ["dev.gold"]
    assert dev.schemas.get("dev.gold").catalog_name == "dev"
    assert [one.full_name for one in dev.volumes.list("dev", "gold")] == ["dev.gold.files"]
    assert dev.volumes.read("dev.gold.files").name == "files"
    assert [one.full_name for one in dev.tables.list("dev", "gold")] == ["dev.gold.thing"]
    assert dev.tables.exists("dev.gold.thing").table_exists
    told = dev.tables.get("dev.gold.thing")
    assert told.comment == "A thing."
    assert [(one.name, one.type_text, one.nullable, one.comment) for one in told.columns or []] == [
        ("day", "date", False, "It's."),
        ("parts", "array", True, ""),
        ("at", "timestamp", True, ""),
    ]


def test_what_is_missing_is_not_found(dev: WorkspaceClient) -> None:
    for look in (
        lambda: dev.catalogs.get("none"),
        lambda: dev.schemas.get("dev.none"),
        lambda: dev.tables.get("dev.gold.none"),
        lambda: dev.volumes.read("dev.gold.none"),
        lambda: list(dev.tables.list("dev", "none")),
    ):
        with pytest.raises(NotFound, match="does not exist"):
            look()
    assert not dev.tables.exists("dev.gold.none").table_exists


def test_grants_are_shown_where_given_and_below(dev: WorkspaceClient) -> None:
    run(dev, CREATE)
    run(dev, "GRANT USE CATALOG ON CATALOG dev TO `data-analysts`")
    run(dev, "GRANT USE SCHEMA, SELECT ON SCHEMA `dev`.`gold` TO `data-analysts`")
    run(dev, "GRANT MODIFY ON dev.gold.thing TO `data-engineers`")
    given = dev.grants.get("SCHEMA", "dev.gold").privilege_assignments
    assert [one.as_dict() for one in given or []] == [
        {"principal": "data-analysts", "privileges": ["SELECT", "USE_SCHEMA"]}
    ]
    found = dev.grants.get_effective("table", "dev.gold.thing", principal="data-analysts")
    (effective,) = found.privilege_assignments or []
    told = [
        (one.privilege and one.privilege.value, one.inherited_from_name)
        for one in effective.privileges or []
    ]
    assert told == [("USE_CATALOG", "dev"), ("SELECT", "dev.gold"), ("USE_SCHEMA", "dev.gold")]
    with pytest.raises(NotFound):
        dev.grants.get("schema", "dev.none")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("SELEC 1 FROMM x", "PARSE_SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("GRANT FLY ON SCHEMA dev.gold TO `x`", "FLY is no privilege"),
        ("GRANT SELECT ON SCHEMA dev.none TO `x`", "Schema 'dev.none' does not exist"),
        ("CREATE SCHEMA none.gold", "Catalog 'none' does not exist"),
        ("CREATE TABLE dev.none.t (a INT)", "Schema 'dev.none' does not exist"),
        ("CREATE SCHEMA dev.gold", "exists"),
    ],
)
def test_a_statement_that_cannot_be_run_fails(
    dev: WorkspaceClient, workspace: EmulatedWorkspace, statement: str, told: str
) -> None:
    state, error = run(dev, statement)
    assert state == StatementState.FAILED
    assert told in error
    assert workspace.sql.statements[-1] == statement


def test_a_statement_may_be_waited_for(dev: WorkspaceClient) -> None:
    answer = dev.statement_execution.execute_statement(
        "SELECT 1",
        WAREHOUSE,
        wait_timeout="0s",
        on_wait_timeout=ExecuteStatementRequestOnWaitTimeout.CONTINUE,
    )
    assert answer.statement_id
    assert answer.status
    assert answer.status.state == StatementState.PENDING
    later = dev.statement_execution.get_statement(answer.statement_id)
    assert later.status
    assert later.status.state == StatementState.SUCCEEDED
    with pytest.raises(DatabricksError, match="not a valid endpoint"):
        dev.statement_execution.execute_statement("SELECT 1", "none")


def test_the_directory_knows_its_user_policies_and_secrets(
    workspace: EmulatedWorkspace, client: WorkspaceClient
) -> None:
    workspace.secrets["scope"] = {"key": "hidden"}
    workspace.directory.policies["p-1"] = {"name": "small", "definition": "{}"}
    assert client.current_user.me().user_name == workspace.directory.user
    assert client.cluster_policies.get("p-1").name == "small"
    assert [one.policy_id for one in client.cluster_policies.list()] == ["p-1"]
    assert [one.name for one in client.secrets.list_scopes()] == ["scope"]
    assert [one.key for one in client.secrets.list_secrets("scope")] == ["key"]
    assert client.warehouses.get(WAREHOUSE).name == "Warehouse"
    assert [one.id for one in client.warehouses.list()] == [WAREHOUSE]
    for look in (
        lambda: client.cluster_policies.get("none"),
        lambda: list(client.secrets.list_secrets("none")),
        lambda: client.warehouses.get("none"),
        lambda: client.workspace.get_status("/Shared/ngm_assets/dev"),
    ):
        with pytest.raises(NotFound):
            look()
    client.workspace.mkdirs("/Shared/ngm_assets/dev")
    assert client.workspace.get_status("/Shared/ngm_assets").path == "/Shared/ngm_assets"
