"""The step launcher for serverless compute: code through a volume, events through Dagster Pipes."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dagster import AssetExecutionContext, DagsterEvent, EventLogEntry, OpExecutionContext
from dagster._core.definitions.step_launcher import StepLauncher
from dagster._core.errors import (
    DagsterExecutionInterruptedError,
    DagsterPipesExecutionError,
    raise_execution_interrupts,
)
from dagster._core.execution.context.system import StepExecutionContext
from dagster._core.execution.plan.external_step import step_context_to_step_run_ref
from dagster._serdes import deserialize_value, serialize_value
from dagster_databricks.pipes import PipesDatabricksServerlessClient
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import compute, jobs

from ngm_assets.engine import serverless_main
from ngm_assets.engine.cluster import idempotency_token
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

ENVIRONMENT_VERSION = "4"
"""Version of the serverless environment: the client is that of runtime 17, Python is 3.12."""
ENVIRONMENT = "ngm_assets"


class PatientPipes(PipesDatabricksServerlessClient):
    """Dagster's Pipes client; it looks again after passing failures and tells why a run failed."""

    def __init__(self, client: WorkspaceClient, volume: str, poll_seconds: float) -> None:
        super().__init__(client=client, volume_path=volume, poll_interval_seconds=poll_seconds)
        self.interrupted = False

    def _get_run_state(self, run_id: int) -> jobs.RunState:
        return patient(super()._get_run_state)(run_id)

    def _poll_til_success(
        self, context: OpExecutionContext | AssetExecutionContext, run_id: int
    ) -> None:
        page = patient(self.client.jobs.get_run)(run_id).run_page_url
        context.log.info(f"Waiting for Databricks run {run_id}: {page}")
        try:
            with raise_execution_interrupts():
                super()._poll_til_success(context, run_id)
        except DagsterExecutionInterruptedError:
            self.interrupted = True
            cancel(self.client, run_id)
            raise
        except DagsterPipesExecutionError as error:
            raise run_problem(self.client, run_id, "The step failed") from error
        except Exception:
            cancel(self.client, run_id)
            raise


class ServerlessStepLauncher(StepLauncher):
    """Runs a step on serverless compute, with the same body, checks and events as elsewhere.

    Args:
        settings: The environment.
        code: Folder that holds the package to ship.
    """

    def __init__(self, settings: Settings, code: Path) -> None:
        workspace = settings.workspace
        self._settings = settings
        self._code = code
        self._client = WorkspaceClient(host=workspace.host)
        self._volume = settings.staging_folder
        self._poll_seconds = workspace.poll_seconds
        self._timeout_seconds = workspace.timeout_minutes * 60

    def launch_step(self, step_context: StepExecutionContext) -> Iterator[DagsterEvent]:
        """Upload the code, run the step, and hand on its events when it has ended."""
        client = self._client
        context = AssetExecutionContext(OpExecutionContext(step_context))
        pipes = PatientPipes(client, self._volume, self._poll_seconds)
        main, code = self._uploaded(client, step_context)
        with raise_execution_interrupts():
            pass  # an interrupt that came during the upload: nothing needs to be submitted
        done = pipes.run(
            context=context,
            task=jobs.SubmitTask(
                task_key="dagster-task",
                environment_key=ENVIRONMENT,
                spark_python_task=jobs.SparkPythonTask(python_file=main, parameters=[code]),
            ),
            extras=self._extras(step_context),
            submit_args=self._submission(step_context),
        )
        if pipes.interrupted:
            raise DagsterExecutionInterruptedError
        ended = False
        for message in done.get_custom_messages():
            event = deserialize_value(str(message), EventLogEntry)
            step_context.instance.handle_new_event(event)
            if event.is_dagster_event:
                dagster_event = event.get_dagster_event()
                ended |= dagster_event.is_step_success or dagster_event.is_step_failure
                yield dagster_event
        if not ended:
            raise ComputeError(
                "The Databricks run succeeded, but the step's end was never reported.",
                where=step_context.step.key,
                mend="Open the run for its log, and run the partition again.",
            )

    def _extras(self, step_context: StepExecutionContext) -> dict[str, Any]:
        ref = step_context_to_step_run_ref(step_context)
        return {
            "variables": step_variables(self._settings),
            "secrets": step_secrets(self._settings),
            "step_key": ref.step_key,
            "run_config": dict(ref.run_config),
            "retry_mode": ref.retry_mode.value,
            "dagster_run": serialize_value(ref.dagster_run),
            "job": serialize_value(ref.recon_job),
            "known_state": serialize_value(ref.known_state) if ref.known_state else None,
        }

    def _submission(self, step_context: StepExecutionContext) -> dict[str, Any]:
        name = step_context.step.key.replace("__", "/")
        libraries = compute.Environment(client=ENVIRONMENT_VERSION, dependencies=pinned_libraries())
        return {
            "run_name": f"ngm_assets {self._settings.env} {name}",
            "timeout_seconds": self._timeout_seconds,
            "idempotency_token": idempotency_token(
                step_context.run_id, step_context.step.key, step_context.previous_attempt_count
            ),
            "environments": [jobs.JobEnvironment(environment_key=ENVIRONMENT, spec=libraries)],
        }

    def _uploaded(
        self, client: WorkspaceClient, step_context: StepExecutionContext
    ) -> tuple[str, str]:
        """Upload the main script and the zipped code; return where they are."""
        folder = f"{self._volume}/{step_context.run_id}/{step_context.step.key}"
        archive = Path(
            shutil.make_archive(str(self._code / "code"), "zip", self._code, "ngm_assets")
        )
        main = Path(serverless_main.__file__)
        patient(client.files.create_directory)(folder)
        places = []
        for file, name in ((main, main.name), (archive, "code.zip")):
            place = f"{folder}/{name}"
            content = file.read_bytes()
            patient(
                lambda p=place, c=content: client.files.upload(p, io.BytesIO(c), overwrite=True)
            )()
            places.append(place)
        return places[0], places[1]
