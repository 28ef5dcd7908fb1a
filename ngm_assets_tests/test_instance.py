"""The instance of a home: what it says of runs whose process died, and that it reports nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from datetime import date
from pathlib import Path

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from ngm_assets.build import DAILY_JOB, FEATURE_JOB, build_defs
from ngm_assets.orchestration import PID_TAG, open_instance, run_job
from ngm_assets.settings import load_settings
from ngm_assets_tests.landings import awkward_landing


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


def test_a_check_of_a_range_is_planned_once_and_then_marked_as_done(tmp_path: Path) -> None:
    """Dagster alone plans it for each partition, and leaves those plans open for ever."""
    landing, start = tmp_path / "landing", date(2024, 1, 1)
    awkward_landing(landing, seed=1)
    settings = load_settings(home=tmp_path / "home", landing=landing, start_date=start, environ={})
    asset, days = dg.AssetKey(["gold", "dim_cluster"]), ("2024-01-01", "2024-01-20")
    with open_instance(settings) as instance:
        assert run_job(settings, instance, FEATURE_JOB, *days, assets=[asset.path]).success
        graph = build_defs(settings).resolve_asset_graph()
        keys = [key for key in graph.asset_check_keys if key.asset_key == asset]
        history = instance.event_log_storage.get_asset_check_execution_history
        found = {key.name: history(key, limit=50) for key in keys}
        made = instance.get_materialized_partitions(asset)
    assert len(made) == 20
    assert found
    done = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
    for records in found.values():
        (record,) = records
        assert record.status in done
        assert record.partition is None


def test_no_check_has_partitions(tmp_path: Path) -> None:
    """Which is why the instance may plan each as one."""
    settings = load_settings(home=tmp_path / "home", landing=tmp_path, environ={})
    graph = build_defs(settings).resolve_asset_graph()
    assert graph.asset_check_keys
    assert {graph.get(key).partitions_def for key in graph.asset_check_keys} == {None}


def test_processes_may_open_a_new_home_at_the_same_time(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from ngm_assets.orchestration import open_instance\n"
        "from ngm_assets.settings import load_settings\n"
        "home = Path(sys.argv[1])\nsettings = load_settings(home=home, environ={})\n"
        "print('ready', flush=True)\nsys.stdin.readline()\n"
        "with open_instance(settings) as instance:\n    print(len(instance.get_runs()))\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "home")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        told = [process.communicate(timeout=60)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    assert told == ["0\n"] * 2


def test_the_instance_reports_nothing_home(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home", landing=tmp_path, environ={})
    with open_instance(settings) as instance:
        assert instance.telemetry_enabled is False
    (settings.dagster_home / "dagster.yaml").write_text("telemetry:\n  enabled: true\n")
    with open_instance(settings) as instance:
        assert instance.telemetry_enabled is True, "the user's own file is left alone"
