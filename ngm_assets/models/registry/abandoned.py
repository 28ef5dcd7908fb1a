"""Marks MLflow runs of a local store whose process died: nobody else ever ends them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ngm_assets.processes import alive

if TYPE_CHECKING:
    from ngm_assets.models.registry.mlflow_store import MlflowStore

PROCESS = "ngm.process"
_PARENT = "mlflow.parentRunId"


def own_process() -> dict[str, str]:
    """Return the tag that says which process a run belongs to."""
    return {PROCESS: str(os.getpid())}


def begin_owned(store: MlflowStore, tags: dict[str, str], name: str) -> None:
    """Begin a run in one write with its tags, unless there is one that has them.

    A process that dies at any moment leaves no run of which nobody knows whose it is.
    """
    wanted = " AND ".join(f"tags.{tag} = '{text}'" for tag, text in tags.items())
    with store.changing():
        if not store.client.search_runs([store.experiment_id()], wanted, max_results=1):
            owned = {**tags, **own_process()}
            store.client.create_run(store.experiment_id(), tags=owned, run_name=name)


def end_abandoned(store: MlflowStore) -> None:
    """End runs that count as going on and whose process died, as KILLED; those below them first."""
    with store.changing():
        client = store.client
        running = client.search_runs([store.experiment_id()], "attributes.status = 'RUNNING'")
        owners = {run.info.run_id: run.data.tags.get(PROCESS) for run in running}
        dead = {run for run, pid in owners.items() if pid is not None and not alive(int(pid))}
        below = [run.info.run_id for run in running if run.data.tags.get(_PARENT) in dead]
        for run_id in (*below, *sorted(dead)):
            client.set_terminated(run_id, "KILLED")
