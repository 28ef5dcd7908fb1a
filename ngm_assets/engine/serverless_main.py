"""What a step on serverless compute runs first: unpacks the code, then runs the step from Pipes.

Started as a file of its own, before anything of this package can be imported.
"""

from __future__ import annotations

import os
import site
import sys
import tempfile
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    dbutils: Any
    """A global that Databricks gives to the programs it runs."""


def main() -> None:
    """Run the step that the Pipes context describes, and report its events."""
    from dagster_pipes import (
        PipesCliArgsParamsLoader,
        PipesUnityCatalogVolumesContextLoader,
        PipesUnityCatalogVolumesMessageWriter,
        open_dagster_pipes,
    )

    parameters: Any = PipesCliArgsParamsLoader
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(sys.argv[1]) as code:
            code.extractall(folder)
        site.addsitedir(folder)  # at the end: Dagster takes the first place of the path away
        with open_dagster_pipes(
            context_loader=PipesUnityCatalogVolumesContextLoader(),
            message_writer=PipesUnityCatalogVolumesMessageWriter(),
            params_loader=parameters(),
        ) as pipes:
            _set_variables(pipes.extras)
            _run(pipes)


def _set_variables(extras: Any) -> None:
    os.environ.update(extras["variables"])
    given: Any = dbutils  # noqa: F821 (a global that Databricks gives to the programs it runs)
    for secret in extras["secrets"]:
        os.environ[secret["name"]] = given.secrets.get(scope=secret["scope"], key=secret["key"])


def _run(pipes: Any) -> None:
    from dagster import DagsterInstance, DagsterRun
    from dagster._core.definitions.step_launcher import StepRunRef
    from dagster._core.execution.plan.external_step import run_step_from_ref
    from dagster._core.execution.retries import RetryMode
    from dagster._serdes import deserialize_value, serialize_value

    extras = pipes.extras
    dagster_run = deserialize_value(extras["dagster_run"], DagsterRun)
    job: Any = deserialize_value(extras["job"])
    known: Any = deserialize_value(extras["known_state"]) if extras["known_state"] else None
    ref = StepRunRef(
        run_config=extras["run_config"],
        dagster_run=dagster_run,
        run_id=dagster_run.run_id,
        retry_mode=RetryMode(extras["retry_mode"]),
        step_key=extras["step_key"],
        recon_job=job,
        known_state=known,
    )
    instance = DagsterInstance.ephemeral()
    instance.add_event_listener(
        ref.run_id, lambda entry: pipes.report_custom_message(serialize_value(entry))
    )
    for _ in run_step_from_ref(ref, instance):
        pass


if __name__ == "__main__":
    main()
