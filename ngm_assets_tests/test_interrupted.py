"""The pipeline killed at random moments and run again ends where the undisturbed one ended."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from ngm_assets.models.data.dataset import catalog
from ngm_assets.orchestration import open_instance
from ngm_assets.predictions.tables import table_name
from ngm_assets.settings import Settings, load_settings, remember
from ngm_assets_tests.whole import Versions, Whole, tables_of, versions_of, without_provenance

MODELS = ("cost_anomaly_detector", "query_performance_forecaster")
STEPS = 11 + 3 * len(MODELS)
SEED = 20260628
KILLS = 4
LIMIT = 240


def start(whole: Whole, home: Path) -> subprocess.Popen[str]:
    """Start the pipeline over the last days in a process of its own."""
    plan = whole.plan
    words = [str(home), plan.start.isoformat(), plan.end.isoformat(), ",".join(MODELS)]
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "ngm_assets_tests.whole", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
        cwd=Path(__file__).parents[1],
    )


def kill_after(process: subprocess.Popen[str], steps: int, seconds: float) -> str:
    """Kill a process some seconds after it told of so many steps; return the last it told of."""
    assert process.stdout is not None
    told = ""
    for _ in range(steps):
        told = process.stdout.readline().strip() or told
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate(timeout=LIMIT)
    return told


@pytest.fixture(scope="module")
def survived(whole: Whole, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return the settings of a home whose pipeline was killed again and again, then ran through."""
    home = tmp_path_factory.mktemp("interrupted") / "home"
    shutil.copytree(whole.early, home)
    remember(home, landing=whole.landing, start_date=whole.settings.start_date)
    dice = random.Random(SEED)
    killed = []
    for kill in range(KILLS):
        steps = dice.randrange(kill * STEPS // KILLS, (kill + 1) * STEPS // KILLS)
        process = start(whole, home)
        killed.append((kill_after(process, steps, dice.uniform(0.0, 1.0)), process.returncode))
    assert [code for _, code in killed] == [-9] * KILLS, killed
    process = start(whole, home)
    _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, errors
    return load_settings(home=home, environ={})


def test_every_table_holds_the_rows_of_the_undisturbed_run(
    whole: Whole, survived: Settings
) -> None:
    found = tables_of(survived)
    scored = {f"predictions.{table_name(model)}" for model in MODELS}
    wanted = {n for n in whole.tables if not n.startswith("predictions.")} | scored
    assert set(found) == wanted
    for name in sorted(wanted):
        pd.testing.assert_frame_equal(
            without_provenance(found[name]),
            without_provenance(whole.tables[name]),
            check_exact=True,
            obj=name,
        )


def test_the_registry_holds_the_versions_of_the_undisturbed_run(
    whole: Whole, survived: Settings
) -> None:
    found: Versions = versions_of(survived, MODELS)
    assert found == {model: whole.versions[model] for model in MODELS}


def test_no_training_is_registered_twice(survived: Settings) -> None:
    for versions in versions_of(survived, [spec.name for spec in catalog()]).values():
        keys = [info["training_key"] for info in versions]
        assert len(set(keys)) == len(keys)


def test_no_killed_run_stays_open(survived: Settings) -> None:
    with open_instance(survived) as instance:
        runs = instance.get_runs()
    ended = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}
    assert {run.status for run in runs} == ended
    assert sum(run.status == dg.DagsterRunStatus.FAILURE for run in runs) <= KILLS
