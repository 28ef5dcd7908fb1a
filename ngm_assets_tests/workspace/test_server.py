"""The emulated workspace lets only well-formed requests through, and fails when it is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InternalError, PermissionDenied

from ngm_assets_tests.workspace.faults import Fault
from ngm_assets_tests.workspace.server import EmulatedWorkspace

if TYPE_CHECKING:
    from ngm_assets_tests.workspace.faults import Kind

STATUS = "/api/2.0/dbfs/get-status"
MKDIRS = "/api/2.0/dbfs/mkdirs"


def post(workspace: EmulatedWorkspace, path: str, body: Any) -> requests.Response:
    """Send a request as a client that knows no better."""
    headers = {"Authorization": f"Bearer {workspace.token}"}
    return requests.post(workspace.host + path, json=body, headers=headers, timeout=10)


def test_a_request_without_the_token_is_refused(workspace: EmulatedWorkspace) -> None:
    assert requests.get(workspace.host + STATUS, timeout=10).status_code == 401
    other = WorkspaceClient(host=workspace.host, token="another")  # noqa: S106
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        other.dbfs.get_status("/")
    assert [one.status for one in workspace.requests] == [401, 403]


def test_a_path_that_is_not_emulated_is_remembered(workspace: EmulatedWorkspace) -> None:
    answer = post(workspace, "/api/2.0/nothing", {})
    assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    assert workspace.protocol_errors.pop() == "No API found for 'POST /api/2.0/nothing'"


SUBMIT = "/api/2.2/jobs/runs/submit"
TASK = {"task_key": "t", "existing_cluster_id": "c"}


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        (MKDIRS, {"path": "/x", "mode": 1}, "mode: unknown"),
        (MKDIRS, {}, "path: missing"),
        (MKDIRS, {"path": 7}, "path: 7 is no str"),
        (MKDIRS, [1], "not a JSON object"),
        (
            SUBMIT,
            {"tasks": [{**TASK, "spark_pyhton_task": {"x": 1}}]},
            r"spark_pyhton_task: unknown",
        ),
        (SUBMIT, {"tasks": {}}, "tasks: {} is no list"),
        (SUBMIT, {"timeout_seconds": "60"}, "timeout_seconds: '60' is no int"),
        (SUBMIT, {"tasks": [{**TASK, "timeout_seconds": True}]}, "timeout_seconds: True is no int"),
        (
            SUBMIT,
            {"tasks": [{**TASK, "new_cluster": {"data_security_mode": "SINGLE"}}]},
            "'SINGLE' is none of",
        ),
    ],
)
def test_a_request_the_sdk_cannot_send_is_refused_and_remembered(
    workspace: EmulatedWorkspace, path: str, body: Any, told: str
) -> None:
    answer = post(workspace, path, body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "MALFORMED_REQUEST")
    assert told in answer.json()["message"]
    assert [told in one for one in workspace.protocol_errors] == [True]
    workspace.protocol_errors.clear()


def test_unknown_query_parameters_are_refused(workspace: EmulatedWorkspace) -> None:
    headers = {"Authorization": f"Bearer {workspace.token}"}
    answer = requests.get(f"{workspace.host}{STATUS}?path=/&depth=1", headers=headers, timeout=10)
    assert answer.status_code == 400
    assert "depth: unknown" in workspace.protocol_errors.pop()


@pytest.mark.parametrize("status", [429, 503])
def test_the_sdk_tries_again_when_it_is_told_to_wait(
    workspace: EmulatedWorkspace, client: WorkspaceClient, status: int
) -> None:
    workspace.faults.add(Fault("POST", MKDIRS, "status", times=2, status=status, seconds=0))
    client.dbfs.mkdirs("/x")
    assert [one.status for one in workspace.requests] == [status, status, 200]
    assert workspace.faults.pending == []


def test_a_fault_lets_requests_pass_first(
    workspace: EmulatedWorkspace, client: WorkspaceClient
) -> None:
    workspace.faults.add(Fault("*", "/api/2.0/dbfs/.*", "status", after=1))
    client.dbfs.mkdirs("/x")
    with pytest.raises(InternalError, match="planted"):
        client.dbfs.mkdirs("/x")
    client.dbfs.mkdirs("/x")


@pytest.mark.parametrize(("kind", "done"), [("drop", False), ("drop_after", True)])
def test_a_connection_is_dropped_before_or_after_the_work(
    workspace: EmulatedWorkspace, kind: Kind, done: bool
) -> None:
    workspace.faults.add(Fault("POST", MKDIRS, kind))
    with pytest.raises(requests.ConnectionError):
        post(workspace, MKDIRS, {"path": "/x"})
    assert workspace.dbfs.file("/x").is_dir() is done
    assert workspace.requests[0].status == 0


def test_a_slow_answer_comes_in_the_end(
    workspace: EmulatedWorkspace, client: WorkspaceClient
) -> None:
    workspace.faults.add(Fault("POST", MKDIRS, "slow", seconds=0.1))
    client.dbfs.mkdirs("/x")
    assert workspace.sent("POST", MKDIRS) == [{"path": "/x"}]


def test_a_workspace_that_closes_does_not_wait_for_slow_answers(
    workspace: EmulatedWorkspace,
) -> None:
    workspace.faults.add(Fault("POST", MKDIRS, "slow", seconds=600))
    with pytest.raises(requests.ReadTimeout):
        headers = {"Authorization": f"Bearer {workspace.token}"}
        requests.post(workspace.host + MKDIRS, json={"path": "/x"}, headers=headers, timeout=0.1)


def test_a_service_principal_gets_a_token(workspace: EmulatedWorkspace) -> None:
    workspace.oauth.clients["principal"] = "secret"
    client = WorkspaceClient(host=workspace.host, client_id="principal", client_secret="secret")  # noqa: S106
    client.dbfs.mkdirs("/x")
    other = WorkspaceClient(host=workspace.host, client_id="principal", client_secret="wrong")  # noqa: S106
    with pytest.raises(ValueError, match="invalid_client"):
        other.dbfs.mkdirs("/y")
    assert not workspace.dbfs.file("/y").exists()
