"""One model's training breaks: the others train, it goes on scoring, and everybody is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ngm_assets import planning
from ngm_assets.build import TRAINING_JOB
from ngm_assets.cli.app import main
from ngm_assets.models.candidate import Candidate
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets.models.registry.versions import VersionInfo
from ngm_assets.models.training import train
from ngm_assets.orchestration import JobRun, open_instance, run_job
from ngm_assets.platform import open_registry
from ngm_assets.predictions.tables import table_name
from ngm_assets.settings import Settings, load_settings, remember
from ngm_assets_tests.estate import read_rows
from ngm_assets_tests.whole import Whole, last_days

BROKEN, SOUND = "cost_anomaly_detector", "query_performance_forecaster"
TRAIN = "ngm_assets.models.lifecycle.train"
WORDS = "the estimator fell over"


class OddError(Exception):
    """Not one of the errors the project raises on purpose."""


@dataclass(frozen=True)
class Broken:
    """A home on which one model trained once, and broke on the next Monday.

    Attributes:
        settings: Of the home.
        first: The Monday on which both trained.
        second: The Monday on which one broke.
        start: Run of the first Monday.
        code: Exit code of `ngm run`, which did the second.
        printed: What it printed, read as JSON.
    """

    settings: Settings
    first: date
    second: date
    start: JobRun
    code: int
    printed: dict[str, Any]

    @property
    def registry(self) -> ModelRegistry:
        """The models of the home."""
        return open_registry(self.settings)

    def run_of(self, job: str, which: int = 0) -> dict[str, Any]:
        """Return what was printed of one of the runs of a job."""
        found: dict[str, Any] = [run for run in self.printed["runs"] if run["job"] == job][which]
        return found


def approving(spec: Any, *args: Any, **kwargs: Any) -> Candidate:
    """Train, and approve of what comes out: these tests are not about how good it is."""
    candidate = train(spec, *args, **kwargs)
    return replace(candidate, decision=replace(candidate.decision, promote=True))


def breaking(spec: Any, *args: Any, **kwargs: Any) -> Candidate:
    """Train and approve, but for one model."""
    if spec.name == BROKEN:
        raise OddError(WORDS)
    return approving(spec, *args, **kwargs)


@pytest.fixture(scope="module")
def broken(whole: Whole, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broken]:
    """Train both models as of one Monday, break one, and run everything through `ngm run`."""
    home = tmp_path_factory.mktemp("broken") / "home"
    shutil.copytree(whole.early, home)
    remember(home, landing=whole.landing, start_date=whole.settings.start_date)
    settings = load_settings(home=home, environ={})
    plan = last_days(whole.plan, (BROKEN, SOUND))
    first, second = plan.weeks[0], plan.weeks[-1]
    keys = [("models", name) for name in (BROKEN, SOUND)]
    with open_instance(settings) as instance, pytest.MonkeyPatch.context() as patch:
        patch.setattr(TRAIN, approving)
        day = first.isoformat()
        start = run_job(settings, instance, TRAINING_JOB, day, day, assets=keys)
    plan = replace(plan, weeks=(second,))
    out = tmp_path_factory.mktemp("out") / "out.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TRAIN, breaking)
        patch.setattr(planning, "plan_run", lambda *_args, **_kwargs: plan)
        code = _printing(out, home, whole)
    printed = json.loads(out.read_text(encoding="utf-8"))
    yield Broken(settings, first, second, start, code, printed)


def _printing(out: Path, home: Path, whole: Whole) -> int:
    """Run `ngm run --json` with its standard output in a file."""
    import contextlib

    span = ["--from", whole.plan.start.isoformat(), "--to", whole.plan.end.isoformat()]
    words = ["run", "--landing", str(whole.landing), *span, "--home", str(home), "--json"]
    with out.open("w", encoding="utf-8") as stream, contextlib.redirect_stdout(stream):
        return main(words)


def test_both_models_had_a_champion_before(broken: Broken) -> None:
    assert broken.start.success
    for model in (BROKEN, SOUND):
        led = broken.registry.champion_in_force(model, broken.first)
        assert led is not None and led.as_of == broken.first, model


def test_the_command_fails_and_names_the_model(broken: Broken) -> None:
    assert broken.code == 1
    assert broken.printed["success"] is False
    run = broken.run_of(TRAINING_JOB)
    assert run["success"] is False
    assert [(p["step"], p["message"]) for p in run["problems"]] == [(f"models/{BROKEN}", WORDS)]
    assert broken.printed["failed_models"] == [
        {"model": BROKEN, "champion": 1, "champion_as_of": broken.first.isoformat()}
    ]


def test_the_other_model_is_trained_all_the_same(broken: Broken) -> None:
    versions = broken.registry.versions(SOUND)
    assert [info.as_of for info in versions] == [broken.first, broken.second]
    assert [info.as_of for info in broken.registry.versions(BROKEN)] == [broken.first]


def test_both_are_scored_the_broken_one_by_its_former_champion(
    broken: Broken, whole: Whole
) -> None:
    assert broken.run_of("ml_inference_pipeline")["problems"] == []
    for model in (BROKEN, SOUND):
        rows = read_rows(
            pipeline_platform(broken), f"predictions.{table_name(model)}", whole.plan.score_from
        )
        assert rows
        led = broken.registry.versions_in_force(model, whole.scored_days)
        assert {row["model_version"] for row in rows} == set(led.values()) - {None}
    assert set(broken.registry.versions_in_force(BROKEN, whole.scored_days).values()) == {1}


def pipeline_platform(broken: Broken) -> Any:
    """Open the tables of the home."""
    from ngm_assets.platform import open_platform

    return open_platform(broken.settings)


def test_dagster_shows_the_run_as_failed_and_the_other_asset_as_made(broken: Broken) -> None:
    with open_instance(broken.settings) as instance:
        run = instance.get_run_by_id(broken.run_of(TRAINING_JOB)["run_id"])
        assert run is not None
        assert run.status == dg.DagsterRunStatus.FAILURE
        made = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    events = [entry.get_dagster_event() for entry in made]
    assert {str(e.asset_key.to_user_string()) for e in events if e.asset_key} == {f"models/{SOUND}"}


def made_on(broken: Broken, monday: date) -> list[VersionInfo]:
    """Return the versions of both models trained as of a Monday."""
    versions = [*broken.registry.versions(BROKEN), *broken.registry.versions(SOUND)]
    return [info for info in versions if info.as_of == monday]


def test_mlflow_shows_one_run_per_training_run_with_the_models_below(broken: Broken) -> None:
    client = broken.registry.store.client
    experiment = broken.registry.store.experiment_id()
    for run_id, monday, failed in (
        (broken.start.run_id, broken.first, []),
        (broken.run_of(TRAINING_JOB)["run_id"], broken.second, [BROKEN]),
    ):
        (parent,) = client.search_runs([experiment], f"tags.dagster_run_id = '{run_id}'")
        assert parent.info.run_name == f"{TRAINING_JOB} {monday}"
        assert parent.info.status == ("FAILED" if failed else "FINISHED")
        tags = parent.data.tags
        assert tags["partitions"] == monday.isoformat()
        assert tags["environment"] == "local"
        assert tags.get("failed_models", "") == ", ".join(failed)
        below = client.search_runs(
            [experiment], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
        )
        trained = {SOUND, BROKEN} - set(failed)
        assert {run.data.tags["model"] for run in below} == trained
        assert {run.data.tags["dagster_run"] for run in below} == {run_id}
        assert {info.ever_promoted for info in made_on(broken, monday)} == {True}
        counted = parent.data.metrics
        assert counted["models_trained"] == counted["models_promoted"] == len(trained)
        assert counted["models_failed"] == len(failed)
        assert counted["models_refused"] == counted["models_reused"] == 0


def test_the_asset_leads_to_its_mlflow_run(broken: Broken) -> None:
    info = broken.registry.version(SOUND, 1)
    with open_instance(broken.settings) as instance:
        records = instance.fetch_materializations(
            dg.AssetKey(["models", SOUND]), limit=10, ascending=True
        ).records
    metadata = records[0].asset_materialization.metadata  # type: ignore[union-attr]
    assert str(metadata["mlflow_run"].value).endswith(f"/runs/{info.run_id}")
    assert metadata["mlflow_version"].value == f"/#/models/{SOUND}/versions/1"
    assert str(metadata["mlflow_ui"].value).startswith("mlflow ui --backend-store-uri ")
    assert broken.settings.mlflow_uri in str(metadata["mlflow_ui"].value)


def test_once_mended_the_model_trains_and_nothing_else_is_trained_again(
    broken: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TRAIN, approving)
    keys = [("models", name) for name in (BROKEN, SOUND)]
    day = broken.second.isoformat()
    with open_instance(broken.settings) as instance:
        run = run_job(broken.settings, instance, TRAINING_JOB, day, day, assets=keys)
    assert run.success
    for model in (BROKEN, SOUND):
        versions = broken.registry.versions(model)
        assert [info.as_of for info in versions] == [broken.first, broken.second]
    client = broken.registry.store.client
    (parent,) = client.search_runs(
        [broken.registry.store.experiment_id()], f"tags.dagster_run_id = '{run.run_id}'"
    )
    counted = parent.data.metrics
    assert (counted["models_trained"], counted["models_reused"]) == (1.0, 1.0)


def test_a_rollback_outlives_the_next_training_of_the_same_monday(
    broken: Broken, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comes last: it changes the home."""
    monkeypatch.setenv("NGM_USER", "ada")
    home = ["--home", str(broken.settings.home)]
    registry = broken.registry
    because = ["--to-version", "1", "--reason", "false alarms"]
    assert main(["models", "rollback", SOUND, *because, *home]) == 0
    assert "v1" in capsys.readouterr().out
    day = broken.second.isoformat()
    with open_instance(broken.settings) as instance:
        run = run_job(broken.settings, instance, TRAINING_JOB, day, day, assets=[("models", SOUND)])
    assert run.success
    (warning,) = [check for check in run.warnings if check.check == "not_rolled_back"]
    assert "version 2 (trained before) stays rolled back by ada" in warning.description
    assert "false alarms" in warning.description
    assert [v.standing for v in registry.versions(SOUND)] == ["champion", "rolled back"]
    in_force = registry.champion_in_force(SOUND, broken.second)
    assert in_force is not None and in_force.version == 1
    assert main(["models", "history", SOUND, "--json", *home]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["standing"] for row in rows] == ["champion", "rolled back"]
    assert rows[1]["rolled_back"]["by"] == "ada"
    assert rows[0]["reinstated"]["reason"] == "false alarms"
    assert main(["models", "compare", SOUND, *home]) == 0
    assert main(["models", "rollback", SOUND, *because, *home]) == 1
    assert "is the champion already" in capsys.readouterr().err
