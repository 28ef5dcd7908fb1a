"""MLflow runs of processes that died are ended; a database that is gone or locked is told of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ngm_assets.errors import RegistryError
from ngm_assets.models.registry.abandoned import PROCESS, begin_owned, end_abandoned
from ngm_assets.models.registry.experiments import require_database
from ngm_assets.models.registry.mlflow_store import MlflowStore
from ngm_assets.models.registry.parent_run import ParentRun
from ngm_assets.models.registry.refusals import explained
from ngm_assets.models.registry.registry import ModelRegistry


@pytest.fixture
def dead() -> str:
    """Return the number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait(60)
    return str(process.pid)


def status_of(store: MlflowStore, run_id: str) -> str:
    """Return how MLflow says a run stands."""
    return str(store.client.get_run(run_id).info.status)


def test_only_runs_of_dead_processes_are_ended_and_those_below_them(
    registry: ModelRegistry, dead: str
) -> None:
    store = registry.store
    experiment = store.experiment_id()
    begin_owned(store, {"dagster_run_id": "owned"}, "mine")
    begin_owned(store, {"dagster_run_id": "owned"}, "mine")
    (mine,) = store.client.search_runs([experiment], "tags.dagster_run_id = 'owned'")

    def run(**tags: str) -> str:
        return str(store.client.create_run(experiment, tags=tags).info.run_id)

    theirs, nobodys = run(**{PROCESS: dead}), run()
    below, other = (run(**{"mlflow.parentRunId": parent}) for parent in (theirs, mine.info.run_id))
    with ParentRun(store, lambda: ("", print)).watching("a_model"):
        pass
    found = {name: status_of(store, run_id) for name, run_id in locals().items() if name in NAMES}
    assert found == {
        "theirs": "KILLED",
        "below": "KILLED",
        "nobodys": "RUNNING",
        "other": "RUNNING",
    }
    assert status_of(store, mine.info.run_id) == "RUNNING"
    end_abandoned(store)
    for run_id in (nobodys, other, mine.info.run_id):
        store.client.set_terminated(run_id, "FINISHED")


NAMES = ("theirs", "below", "nobodys", "other")


def test_on_a_server_nothing_is_ended() -> None:
    store = cast(Any, SimpleNamespace(local=False))
    with ParentRun(store, lambda: ("", print)).watching("a_model"):
        pass


def test_a_database_that_is_gone_is_not_made_anew_beside_the_files_of_its_runs(
    tmp_path: Path,
) -> None:
    files, uri = tmp_path / "mlflow", f"sqlite:///{tmp_path / 'mlflow.db'}"
    require_database(uri, files)
    files.mkdir()
    (files / ".lock").touch()
    require_database(uri, files)
    (files / "0123" / "artifacts").mkdir(parents=True)
    with pytest.raises(RegistryError, match="gone") as caught:
        ModelRegistry(uri, artifact_root=files).versions("a_model")
    assert caught.value.where == str(tmp_path / "mlflow.db")
    assert not (tmp_path / "mlflow.db").exists()
    require_database("databricks", None)


def test_a_locked_database_is_explained() -> None:
    with pytest.raises(RegistryError, match="database is locked") as caught, explained("there"):
        raise OSError("(sqlite3.OperationalError) database is locked")
    assert caught.value.mend
