"""Steps on Databricks when requests fail, runs fail, or somebody cancels here or there."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from ngm_assets.build import FEATURE_JOB, INFERENCE_JOB, TRAINING_JOB
from ngm_assets.engine.launcher import staged_code
from ngm_assets.orchestration import JobRun, open_instance, run_job
from ngm_assets.settings import load_settings
from ngm_assets_tests.engine.sessions import need_java
from ngm_assets_tests.whole import Whole
from ngm_assets_tests.workspace.estate import Estate, estate_in
from ngm_assets_tests.workspace.faults import Fault
from ngm_assets_tests.workspace.runs import Run
from ngm_assets_tests.workspace.test_launched import MODEL

TABLE = ("gold", "dim_cluster")
STEP = "gold/dim_cluster"
SUBMIT, RUN = "/api/2.2/jobs/runs/submit", "/api/2.2/jobs/runs/get"
SOON = 60
"""Seconds in which what happens at the next poll has surely happened, on a busy machine too."""


@pytest.fixture(scope="module")
def _estate(whole: Whole, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    need_java()
    with estate_in(tmp_path_factory.mktemp("faults"), whole) as made:
        yield made


@pytest.fixture
def estate(_estate: Estate) -> Iterator[Estate]:
    """Return a workspace with a cluster that is there already, without faults."""
    yield _estate
    workspace = _estate.opened.workspace
    workspace.faults.clear()
    assert workspace.protocol_errors == []


def launch(
    estate: Estate, job: str = FEATURE_JOB, asset: tuple[str, str] = TABLE, day: str = ""
) -> JobRun:
    """Run one asset for one day."""
    day = day or estate.whole.plan.end.isoformat()
    with open_instance(estate.settings) as instance:
        return run_job(estate.settings, instance, job, day, day, assets=[asset])


def runs_since(estate: Estate, known: set[int]) -> list[Run]:
    """Return the Databricks runs that were not known."""
    found = estate.opened.workspace.jobs.runs
    return [run for number, run in found.items() if number not in known]


def test_requests_that_fail_in_passing_are_made_again_and_nothing_is_done_twice(
    estate: Estate,
) -> None:
    workspace = estate.opened.workspace
    known = set(workspace.jobs.runs)
    planted = [
        Fault("POST", "/api/2.0/dbfs/create", "status", status=429, after=1),
        Fault("POST", "/api/2.0/dbfs/add-block", "status", status=500),
        Fault("POST", "/api/2.0/dbfs/add-block", "drop_after", after=2),
        Fault("POST", SUBMIT, "status", status=503),
        Fault("POST", SUBMIT, "drop_after", after=1),
        Fault("GET", RUN, "status", status=500, times=2),
        Fault("GET", RUN, "drop", after=3),
        Fault("GET", "/api/2.0/dbfs/read", "status", status=500, after=1),
        Fault("GET", "/api/2.0/dbfs/read", "drop", after=3),
    ]
    for fault in planted:
        workspace.faults.add(fault)
    workspace.cluster.next_run(slow_start=3)
    before = estate.tables.version("gold.dim_cluster") or 0
    run = launch(estate)
    assert run.success, [problem.message for problem in run.problems]
    assert workspace.faults.pending == []
    (remote,) = runs_since(estate, known)
    assert remote.result == "SUCCESS"
    assert estate.tables.version("gold.dim_cluster") == before + 1


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ({"fail": "Library installation failed: no such package"}, "Library installation failed"),
        ({"cancel": True}, "CANCELED"),
        ({"crash": True}, "FAILED"),
    ],
)
def test_a_remote_failure_shows_its_reason_and_the_link_to_the_run(
    estate: Estate, plan: dict[str, Any], told: str
) -> None:
    workspace = estate.opened.workspace
    known = set(workspace.jobs.runs)
    workspace.cluster.next_run(**plan)
    run = launch(estate)
    (remote,) = runs_since(estate, known)
    assert not run.success
    (problem,) = run.problems
    assert (problem.step, problem.kind) == (STEP, "ComputeError")
    assert told in problem.message
    assert f"{workspace.host}/run/{remote.run_id}" in problem.message
    assert "mend:" in problem.message
    with open_instance(estate.settings) as instance:
        stored = instance.get_run_by_id(run.run_id)
        (failure,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    assert stored is not None
    assert stored.status == dg.DagsterRunStatus.FAILURE
    assert told in str(failure.get_dagster_event().step_failure_data)


def test_an_error_of_the_step_itself_arrives_as_it_was_raised(estate: Estate) -> None:
    folder = estate.opened.workspace.raw.pop("system.compute.clusters")
    try:
        run = launch(estate)
    finally:
        estate.opened.workspace.raw["system.compute.clusters"] = folder
    (problem,) = run.problems
    assert (problem.step, problem.kind) == (STEP, "DataError")
    assert problem.message.startswith("system.compute.clusters is not there, or may not be read.")
    assert "grant SELECT" in problem.message


def test_an_interrupt_cancels_the_remote_run(estate: Estate) -> None:
    workspace = estate.opened.workspace
    known = set(workspace.jobs.runs)
    workspace.cluster.next_run(slow_start=600)
    day = estate.whole.plan.end.isoformat()
    words = f"run --from {day} --to {day} --models {MODEL} --score-days 1"
    process = subprocess.Popen(
        [sys.executable, "-m", "ngm_assets.cli", *words.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for(lambda: runs_since(estate, known), 60)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=2 * SOON)
    finally:
        process.kill()
    assert process.returncode == 130, output
    assert "Interrupted" in output
    assert workspace.token not in output
    for remote in runs_since(estate, known):
        assert remote.done.wait(SOON), output
        assert remote.result == "CANCELED"


def wait_for(what: Any, seconds: float) -> None:
    """Wait until something holds; fail when it does not in time."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.1)


def test_serverless_compute_runs_the_same_steps_through_a_volume(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NGM_COMPUTE", "serverless")
    without = Estate(estate.opened, load_settings(), estate.whole)
    known = set(estate.opened.workspace.jobs.runs)
    before = estate.tables.version("gold.dim_cluster") or 0
    run = launch(without)
    assert run.success, [problem.message for problem in run.problems]
    assert estate.tables.version("gold.dim_cluster") == before + 1
    assert {check.check for check in run.checks} >= {"key_is_unique", "complete_against_source"}
    with open_instance(estate.settings) as instance:
        logs = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    (made,) = [log.asset_materialization for log in logs]
    assert made is not None
    assert made.partition == estate.whole.plan.end.isoformat()
    assert "dagster/partition_row_count" in made.metadata
    (remote,) = runs_since(estate, known)
    assert remote.task.serverless
    week = estate.whole.plan.weeks[-1].isoformat()
    assert launch(without, TRAINING_JOB, ("models", MODEL), week).success
    assert launch(without, INFERENCE_JOB, ("predictions", f"{MODEL}_predictions")).success
    assert estate.tables.version(f"predictions.{MODEL}_predictions") is not None


def test_a_failure_on_serverless_compute_shows_its_reason_and_the_link(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NGM_COMPUTE", "serverless")
    workspace = estate.opened.workspace
    known = set(workspace.jobs.runs)
    workspace.cluster.next_run(fail="No quota left")
    run = launch(Estate(estate.opened, load_settings(), estate.whole))
    (problem,), (remote,) = run.problems, runs_since(estate, known)
    assert problem.kind == "ComputeError"
    assert "No quota left" in problem.message
    assert f"{workspace.host}/run/{remote.run_id}" in problem.message


def test_only_the_package_is_shipped(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = staged_code(tmp_path_factory.mktemp("code"))
    assert [path.name for path in folder.iterdir()] == ["ngm_assets"]
    shipped = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert {".py", ".sql", ".yaml"} <= shipped
    assert ".pyc" not in shipped
