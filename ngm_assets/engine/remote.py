"""What steps on Databricks need whatever compute they run on: variables, libraries, patience."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib.metadata import requires, version
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ngm_assets.code_version import VARIABLE as GIT_SHA
from ngm_assets.code_version import git_sha
from ngm_assets.errors import ComputeError
from ngm_assets.settings import Settings, environment_variables

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

PATIENCE = timedelta(minutes=5)
"""How long a request that fails for a passing reason is tried again."""
LEFT_OUT = {"pyspark", "duckdb", "dagster-webserver", "typer", "rich"}
"""What the cluster has already, or a step never uses."""
TRACE_LINES = 30


def step_variables(settings: Settings, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment variables a step needs to load the same definitions; no secrets."""
    given = os.environ if environ is None else environ
    return {
        **environment_variables(settings.env, given),
        "NGM_ENV": settings.env,
        "NGM_START_DATE": settings.start_date.isoformat(),
        "DATABRICKS_HOST": settings.workspace.host,
        GIT_SHA: given.get(GIT_SHA) or git_sha(),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_USE_DATABRICKS_SDK_MODEL_ARTIFACTS_REPO_FOR_UC": "true",
    }


def step_secrets(settings: Settings) -> list[dict[str, str]]:
    """Return which secrets become environment variables on the cluster: name, key and scope."""
    workspace = settings.workspace
    return [
        {"name": name, "key": key, "scope": workspace.secret_scope}
        for name, key in workspace.secrets.items()
    ]


def pinned_libraries() -> list[str]:
    """Return this project's libraries as `name==version`, at the versions installed here."""
    names = [
        re.split(r"[\s<>=!~;\[(]", text, maxsplit=1)[0]
        for text in requires("ngm_assets") or []
        if "extra ==" not in text
    ]
    return [f"{name}=={version(name)}" for name in sorted(names) if name not in LEFT_OUT]


def patient(call: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """Return the call, tried again with backoff while it fails for a passing reason.

    Passing are dropped connections and the answers 429, 500, 503 and 504. After five minutes a
    TimeoutError is raised from the last reason.
    """
    from databricks.sdk.retries import retried

    tried: Any = retried(is_retryable=_passing, timeout=PATIENCE)
    again: Callable[Arguments, Answer] = tried(call)
    return again


def _passing(error: BaseException) -> str | None:
    import requests
    from databricks.sdk import errors

    reasons = (
        requests.exceptions.ConnectionError,
        requests.exceptions.Timeout,
        errors.TooManyRequests,
        errors.InternalError,
        errors.TemporarilyUnavailable,
        errors.DeadlineExceeded,
    )
    return type(error).__name__ if isinstance(error, reasons) else None


def cancel(client: WorkspaceClient, run_id: int) -> None:
    """Cancel a run; one that ended already stays as it is."""
    patient(client.jobs.cancel_run)(run_id)


def run_problem(client: WorkspaceClient, run_id: int, what: str) -> ComputeError:
    """Return why a run failed: its message, the end of its traceback, and the link to it.

    Args:
        client: Of the workspace.
        run_id: The run.
        what: What was being done.
    """
    run = patient(client.jobs.get_run)(run_id)
    message = (run.state.state_message if run.state else None) or "no message"
    result = run.state.result_state.value if run.state and run.state.result_state else "unknown"
    lines = [f"{what}: the Databricks run {run_id} ended as {result}: {message}"]
    task = run.tasks[0].run_id if run.tasks else None
    if task is not None:
        output = patient(client.jobs.get_run_output)(task)
        trace = (output.error_trace or "").strip().splitlines()
        lines += [output.error or "", *trace[-TRACE_LINES:]]
    return ComputeError(
        "\n".join(line for line in lines if line),
        where=run.run_page_url or f"run {run_id}",
        mend="Open the run for its whole log, mend the cause, and run the partition again.",
    )
