"""The instance of a home: what it says of runs whose process died, and that it reports nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import dagster as dg

from ngm_assets.build import DAILY_JOB
from ngm_assets.orchestration import PID_TAG, open_instance
from ngm_assets.settings import load_settings


def dead_process() -> int:
    """Return the id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(timeout=60)
    return process.pid


def test_runs_of_dead_processes_are_failed_when_the_home_is_opened(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home", landing=tmp_path, environ={})
    status = dg.DagsterRunStatus
    left = {
        "killed in a step": (status.STARTED, {PID_TAG: str(dead_process())}),
        "killed before the first step": (status.NOT_STARTED, {PID_TAG: str(dead_process())}),
        "still running": (status.STARTED, {PID_TAG: str(os.getpid())}),
        "of the UI": (status.STARTED, {}),
        "ended well": (status.SUCCESS, {PID_TAG: str(dead_process())}),
    }
    ids = {name: str(uuid.uuid4()) for name in left}
    with open_instance(settings) as instance:
        for name, (state, tags) in left.items():
            instance.add_run(
                dg.DagsterRun(job_name=DAILY_JOB, run_id=ids[name], status=state, tags=tags)
            )
    with open_instance(settings) as instance:
        runs = {name: instance.get_run_by_id(run_id) for name, run_id in ids.items()}
        found = {name: run.status for name, run in runs.items() if run is not None}
    assert found == {
        "killed in a step": status.FAILURE,
        "killed before the first step": status.FAILURE,
        "still running": status.STARTED,
        "of the UI": status.STARTED,
        "ended well": status.SUCCESS,
    }


def test_the_instance_reports_nothing_home(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home", landing=tmp_path, environ={})
    with open_instance(settings) as instance:
        assert instance.telemetry_enabled is False
    (settings.dagster_home / "dagster.yaml").write_text("telemetry:\n  enabled: true\n")
    with open_instance(settings) as instance:
        assert instance.telemetry_enabled is True, "the user's own file is left alone"
