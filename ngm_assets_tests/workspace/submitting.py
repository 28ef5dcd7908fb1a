"""Submits a program to the emulated workspace and waits for its run."""

from __future__ import annotations

import io
import subprocess
import textwrap
import time
from typing import TYPE_CHECKING, Any

from ngm_assets_tests.workspace.conftest import client_of
from ngm_assets_tests.workspace.server import EmulatedWorkspace

if TYPE_CHECKING:
    from databricks.sdk.service.jobs import Run, SubmitTask

PROGRAM = "dbfs:///programs/main.py"
LONGEST = 90


def python_task(*parameters: str, python_file: str = PROGRAM, **compute: Any) -> SubmitTask:
    """Return a task; by default on the cluster `dedicated`."""
    from databricks.sdk.service.jobs import SparkPythonTask, SubmitTask

    program = SparkPythonTask(python_file, list(parameters))
    compute = compute or {"existing_cluster_id": "dedicated"}
    return SubmitTask(task_key="task", spark_python_task=program, **compute)


def put_program(workspace: EmulatedWorkspace, text: str) -> None:
    """Write the program into DBFS."""
    from dagster_databricks.databricks import DatabricksClient

    client = DatabricksClient(host=workspace.host, token=workspace.token)
    source = io.BytesIO(textwrap.dedent(text).encode())
    client.put_file(source, PROGRAM, overwrite=True)


def submit(workspace: EmulatedWorkspace, text: str, *parameters: str, **compute: Any) -> int:
    """Submit a program; return the id of its run."""
    put_program(workspace, text)
    task = python_task(*parameters, **compute)
    return int(client_of(workspace).jobs.submit(tasks=[task]).bind()["run_id"])


def finished(workspace: EmulatedWorkspace, run_id: int) -> Run:
    """Wait for the end of a run; return what `runs/get` tells."""
    assert workspace.jobs.runs[run_id].done.wait(LONGEST)
    return client_of(workspace).jobs.get_run(run_id)


def output(workspace: EmulatedWorkspace, run: Run) -> Any:
    """Return what `runs/get-output` tells of a run's task."""
    assert run.tasks
    assert run.tasks[0].run_id
    return client_of(workspace).jobs.get_run_output(run.tasks[0].run_id)


def printed(workspace: EmulatedWorkspace, text: str, *parameters: str, **compute: Any) -> list[str]:
    """Run a program that must succeed; return the lines it printed."""
    run_id = submit(workspace, text, *parameters, **compute)
    run = finished(workspace, run_id)
    told = output(workspace, run)
    assert run.state
    assert run.state.result_state, told.logs
    assert run.state.result_state.value == "SUCCESS", told.logs
    lines: list[str] = workspace.jobs.runs[run_id].output()["stdout"].splitlines()
    return lines


def until_there(workspace: EmulatedWorkspace, path: str) -> None:
    """Wait until a program has written a file in DBFS."""
    deadline = time.monotonic() + LONGEST
    file = workspace.dbfs.file(path)
    while not (file.is_file() and file.stat().st_size):
        assert time.monotonic() < deadline
        workspace.closing.wait(0.02)


def is_alive(process: int) -> bool:
    """Tell whether a process runs; one that only waits to be buried does not."""
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True)
    return bool(told.stdout.strip()) and not told.stdout.strip().startswith("Z")
