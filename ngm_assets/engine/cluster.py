"""The step launcher for clusters: Dagster's own, made patient, and clear about remote failures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from dagster import DagsterEvent
from dagster._core.errors import DagsterExecutionInterruptedError, raise_execution_interrupts
from dagster._core.execution.context.system import StepExecutionContext
from dagster._core.execution.plan.external_step import step_context_to_step_run_ref
from dagster_databricks.databricks import (
    DatabricksClient,
    DatabricksError,
    DatabricksJobRunner,
)
from dagster_databricks.databricks_pyspark_step_launcher import DatabricksPySparkStepLauncher
from dagster_databricks.types import DatabricksRunState

from ngm_assets.databricks import Databricks
from ngm_assets.engine.remote import (
    cancel,
    patient,
    pinned_libraries,
    run_problem,
    step_secrets,
    step_variables,
)
from ngm_assets.errors import ComputeError
from ngm_assets.settings import Settings

SINGLE_NODE = {
    "spark_conf": {"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"},
    "custom_tags": [{"key": "ResourceClass", "value": "SingleNode"}],
}


def cluster_launcher(settings: Settings, code: Path) -> ClusterStepLauncher:
    """Return the launcher of an environment whose steps run on clusters.

    Args:
        settings: The environment.
        code: Folder that holds the package to ship.
    """
    return ClusterStepLauncher(**launcher_config(settings, code))


def launcher_config(settings: Settings, code: Path) -> dict[str, Any]:
    """Return the configuration of `databricks_pyspark_step_launcher`; it holds no secret.

    Credentials are found by the Databricks SDK in the environment of this process.
    """
    workspace = settings.workspace
    return {
        "run_config": {
            "run_name": f"ngm_assets {settings.env}",
            "timeout_seconds": workspace.timeout_minutes * 60,
            "cluster": _cluster(workspace),
            "libraries": [{"pypi": {"package": library}} for library in pinned_libraries()],
        },
        "permissions": {},
        "databricks_host": workspace.host,
        "env_variables": step_variables(settings),
        "secrets_to_env_variables": step_secrets(settings),
        "staging_prefix": f"{workspace.staging_prefix}/{settings.env}",
        "wait_for_logs": False,
        "max_completion_wait_time_seconds": workspace.timeout_minutes * 60,
        "poll_interval_sec": workspace.poll_seconds,
        "local_dagster_job_package_path": str(code),
        "verbose_logs": False,
        "add_dagster_env_variables": False,
    }


def _cluster(workspace: Databricks) -> dict[str, Any]:
    if workspace.compute == "existing_cluster":
        return {"existing": workspace.existing_cluster_id}
    made = workspace.cluster
    new: dict[str, Any] = {
        "spark_version": made.spark_version,
        "nodes": {
            "node_types": {
                "node_type_id": made.node_type,
                "driver_node_type_id": made.driver_node_type or made.node_type,
            }
        },
        "size": {"num_workers": made.workers},
        "data_security_mode": "SINGLE_USER",
    }
    if made.policy_id is not None:
        new["policy_id"] = made.policy_id
    return {"new": new | (SINGLE_NODE if made.workers == 0 else {})}


class PatientClient(DatabricksClient):
    """Dagster's client; a request that fails for a passing reason is made again."""

    def put_file(
        self, file_obj: IO[bytes], dbfs_path: str, overwrite: bool = False, block_size: int = 2**20
    ) -> None:
        """Upload a file, from its beginning at every attempt, and see that all of it arrived.

        Raises:
            ComputeError: The stored file has another size, three times over.
        """
        path = dbfs_path.removeprefix("dbfs://")
        for _ in range(3):
            size = patient(self._put)(file_obj, path, overwrite, block_size)
            stored = patient(self.workspace_client.dbfs.get_status)(path).file_size
            if stored == size:
                return
        raise ComputeError(
            f"An upload of {size} bytes was stored as {stored} bytes.",
            where=dbfs_path,
            mend="Run the partition again; if it recurs, look at the workspace's DBFS.",
        )

    def _put(self, content: IO[bytes], path: str, overwrite: bool, block_size: int) -> int:
        content.seek(0)
        super().put_file(content, path, overwrite, block_size)
        return content.tell()

    def read_file(self, dbfs_path: str, block_size: int = 2**20) -> bytes:
        """Read a file."""
        return patient(super().read_file)(dbfs_path, block_size)

    def get_run_state(self, databricks_run_id: int) -> DatabricksRunState:
        """Return the state of a run."""
        return patient(super().get_run_state)(databricks_run_id)


class PatientRunner(DatabricksJobRunner):
    """Dagster's runner over a patient client; a run is submitted once, however often asked."""

    def __init__(self, host: str, poll_interval_sec: float, max_wait_time_sec: float) -> None:
        super().__init__(
            host=host, poll_interval_sec=poll_interval_sec, max_wait_time_sec=max_wait_time_sec
        )
        self._client = PatientClient(host=host)

    def submit_run(self, run_config: Mapping[str, Any], task: Mapping[str, Any]) -> int:
        """Submit a run; the idempotency token makes a second request find the first run."""
        return patient(super().submit_run)(run_config, task)


class ClusterStepLauncher(DatabricksPySparkStepLauncher):
    """Runs a step as a one-time run on a cluster.

    A failed run fails the step with the remote error and the link to the run; an interrupt, or
    losing sight of the run, cancels it.
    """

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self.databricks_runner = PatientRunner(
            config["databricks_host"],
            config["poll_interval_sec"],
            config["max_completion_wait_time_seconds"],
        )

    def launch_step(self, step_context: StepExecutionContext) -> Iterator[DagsterEvent]:
        """Upload code and step, submit the run, and hand on its events."""
        ref = step_context_to_step_run_ref(step_context, self.local_dagster_job_package_path)
        run_id, step_key = step_context.run_id, ref.step_key
        self._upload_artifacts(step_context.log, ref, run_id, step_key)
        attempt = step_context.previous_attempt_count
        config = {
            **self.run_config,
            "run_name": f"{self.run_config['run_name']} {step_key.replace('__', '/')}",
            "idempotency_token": idempotency_token(run_id, step_key, attempt),
        }
        task = self._get_databricks_task(run_id, step_key)
        with raise_execution_interrupts():
            pass  # an interrupt that came during the upload: nothing needs to be submitted
        remote_id = self.databricks_runner.submit_run(config, task)
        client = self.databricks_runner.client.workspace_client
        try:
            with raise_execution_interrupts():
                yield from self.step_events_iterator(step_context, step_key, remote_id)
        except DatabricksError as error:
            cancel(client, remote_id)
            raise run_problem(client, remote_id, step_key.replace("__", "/")) from error
        except (Exception, DagsterExecutionInterruptedError, GeneratorExit):
            cancel(client, remote_id)
            raise
        finally:
            self.log_compute_logs(step_context.log, run_id, step_key)

    def get_databricks_run_dagster_event(
        self, context: StepExecutionContext, databricks_run_id: int
    ) -> DagsterEvent:
        """Return the event that carries the link to the run."""
        return patient(super().get_databricks_run_dagster_event)(context, databricks_run_id)


def idempotency_token(run_id: str, step_key: str, attempt: int) -> str:
    """Return at most 64 characters that name one attempt at a step."""
    import hashlib

    return hashlib.sha256(f"{run_id} {step_key} {attempt}".encode()).hexdigest()
