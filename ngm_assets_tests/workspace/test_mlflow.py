"""MLflow on Databricks: what Unity Catalog leaves out and refuses, faults, secrets, and costs."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ngm_assets
from ngm_assets.errors import RegistryError
from ngm_assets.models.candidate import Candidate
from ngm_assets.models.registry import artifacts
from ngm_assets.models.registry.limits import MAX_TAG
from ngm_assets.models.registry.links import links_to
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets.models.training import train
from ngm_assets_tests.models import making
from ngm_assets_tests.models.dying import MONDAYS, WHEN, publish
from ngm_assets_tests.models.making import renamed
from ngm_assets_tests.workspace.faults import Fault
from ngm_assets_tests.workspace.opened import EXPERIMENT, Opened, opened_workspace

UNITY = "/api/2.0/mlflow/unity-catalog"


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "plots", lambda _: {"importance.png": b"png"})


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Return an emulated workspace that has heard nothing amiss when it closes."""
    with opened_workspace(tmp_path_factory.mktemp("workspace")) as found:
        yield found
        assert found.workspace.protocol_errors == []
        assert found.mlflow.storage.leaked == []


@pytest.fixture(autouse=True)
def _as_found(opened: Opened) -> Iterator[None]:
    yield
    left = opened.workspace.faults.pending
    opened.workspace.faults.clear()
    opened.mlflow.registry.readonly = False
    opened.mlflow.registry.by_files_api = opened.mlflow.storage.files_api = True
    assert left == []


@pytest.fixture(scope="module")
def registry(opened: Opened) -> ModelRegistry:
    """Return the registry; tests keep apart by model name."""
    return opened.registry()


@pytest.fixture(scope="module")
def anomaly() -> Candidate:
    """Return a trained candidate that is all metadata."""
    return _trained("anomaly")


def _trained(problem: str) -> Candidate:
    rows = making.frame_of(problem)
    spec, day = making.spec_of(problem), making.as_of()
    return train(spec, rows, as_of=day, champion=None, context=making.context())


def test_search_gives_versions_without_tags_and_page_by_page(
    registry: ModelRegistry, anomaly: Candidate
) -> None:
    for week in range(4):
        registry.register(renamed(anomaly, "searched", key=str(week), as_of=MONDAYS[week]))
    page = registry.store.client.search_model_versions("name='dev.models.searched'")
    assert len(page) == 3 and page.token
    assert callable(page[0].tags)
    assert [info.version for info in registry.versions("searched")] == [1, 2, 3, 4]


def test_reading_versions_costs_a_search_a_model_and_a_request_per_version(
    opened: Opened, registry: ModelRegistry, anomaly: Candidate
) -> None:
    for week in range(2):
        registry.register(renamed(anomaly, "costs", key=str(week), as_of=MONDAYS[week]))
    before = len(opened.workspace.requests)
    registry.versions("costs")
    assert sorted(opened.requests_since(before)) == [
        ("GET", f"{UNITY}/model-versions/get"),
        ("GET", f"{UNITY}/model-versions/get"),
        ("GET", f"{UNITY}/model-versions/search"),
        ("GET", f"{UNITY}/registered-models/get"),
    ]


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("library_scikit-learn", "1", "reserved characters"),
        ("mlflow.source.type", "x", "reserved characters"),
        ("reason", "x" * 1001, "too long"),
        ("reason", "x ", "begins or ends with a space"),
    ],
)
def test_unity_catalog_refuses_tags(
    key: str, value: str, text: str, registry: ModelRegistry, anomaly: Candidate
) -> None:
    registry.register(renamed(anomaly, "strict", key="a", as_of=MONDAYS[0]))
    with pytest.raises(Exception, match=text):
        registry.store.client.set_model_version_tag("dev.models.strict", "1", key, value)


def test_unity_catalog_refuses_the_fifty_first_tag_other_filters_and_short_names(
    registry: ModelRegistry, anomaly: Candidate
) -> None:
    registry.register(renamed(anomaly, "stricter", key="a", as_of=MONDAYS[0]))
    client = registry.store.client
    with pytest.raises(Exception, match="at most 50 tags"):
        for number in range(51):
            client.set_model_version_tag("dev.models.stricter", "1", f"more_{number}", "x")
    with pytest.raises(Exception, match="Unsupported filter"):
        client.search_model_versions("tags.model = 'stricter'")
    with pytest.raises(Exception, match="all three levels"):
        client.create_registered_model("stricter")
    with pytest.raises(Exception, match="is unsupported for models in the Unity Catalog"):
        client.search_registered_models("name = 'x'")


def test_long_reasons_and_awkward_names_are_kept_as_far_as_they_fit(
    registry: ModelRegistry, anomaly: Candidate
) -> None:
    """A version that lived through everything has no more tags than Unity Catalog takes."""
    long = "for this reason " * 400
    counts = {f"class-{n}.a": n for n in range(12)}
    libraries = dict.fromkeys(("scikit-learn", "xgboost", "numpy", "skops"), "1.2.3")
    decision = replace(anomaly.decision, reason=long)
    context = replace(anomaly.context, library_versions=libraries)
    for week in (0, 1):
        base = renamed(anomaly, "wordy", key=str(week), as_of=MONDAYS[week])
        candidate = replace(base, class_counts=counts, context=context, decision=decision)
        info = registry.register(candidate, tags={"dagster/run": "d1", "environment": "dev"})
        registry.promote("wordy", info.version, decision, "a test", WHEN, long)
    registry.rollback("wordy", 1, who="ada", when=WHEN, reason=long)
    registry.rollback("wordy", 2, who="ada", when=WHEN, reason=long)
    first, second = registry.versions("wordy")
    assert (first.standing, second.standing) == ("archived", "champion")
    for info in (first, second):
        assert info.tags["class_class-11.a"] == "11"
        assert info.tags["library_scikit-learn"] == "1.2.3"
        assert info.tags["dagster_run"] == "d1"
        assert len(info.tags["gates_reason"]) <= MAX_TAG
        assert info.tags["promoted_reason"].endswith("…")
    run = registry.store.client.get_run(first.run_id)
    assert run.data.tags["gates_reason"] == long[:3999].strip() + "…"
    assert run.data.tags["dagster/run"] == "d1"


def test_what_may_not_be_written_says_which_grants_are_missing(
    opened: Opened, registry: ModelRegistry, anomaly: Candidate
) -> None:
    opened.mlflow.registry.readonly = True
    with pytest.raises(RegistryError, match="may not change") as caught:
        registry.register(renamed(anomaly, "denied", key="a", as_of=MONDAYS[0]))
    assert "CREATE MODEL" in caught.value.mend


def test_a_schema_that_is_not_there_is_named(opened: Opened, anomaly: Candidate) -> None:
    registry = opened.registry(prefix="uat.models.")
    with pytest.raises(RegistryError, match=r"Schema 'uat.models' does not exist") as caught:
        registry.register(renamed(anomaly, "nowhere", key="a", as_of=MONDAYS[0]))
    assert "ngm setup" in caught.value.mend


def test_the_folder_of_an_experiment_is_made(opened: Opened) -> None:
    registry = opened.registry("/Shared/elsewhere/deep/dev")
    assert registry.store.client.get_experiment_by_name("/Shared/elsewhere/deep/dev") is None
    made = registry.store.experiment_id()
    assert "/Shared/elsewhere/deep" in opened.workspace.directory.folders
    assert made == registry.store.experiment_id()


@pytest.mark.parametrize("files_api", [True, False])
def test_a_version_is_loaded_by_another_process_whatever_way_its_files_go(
    files_api: bool, opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    opened.mlflow.registry.by_files_api = opened.mlflow.storage.files_api = files_api
    name = "by_files_api" if files_api else "by_signed_urls"
    candidate = renamed(_trained("binary"), name, key="a", as_of=MONDAYS[0])
    publish(opened.registry(), candidate)
    other = opened.registry()
    loaded = other.load(name, 1)
    features = making.frame_of("binary").features
    np.testing.assert_array_equal(
        loaded.fitted.predict(features).prediction, candidate.fitted.predict(features).prediction
    )
    registered = opened.mlflow.storage.place(f"/Models/dev/models/{name}/1/MLmodel")
    assert registered.is_file()
    assert list(tmp_path.iterdir()) == []


def test_files_of_a_run_are_fetched_once_and_go_with_the_registry(
    opened: Opened, anomaly: Candidate
) -> None:
    publish(opened.registry(), renamed(anomaly, "fetched", key="a", as_of=MONDAYS[0]))
    registry = opened.registry()
    registry.load("fetched", 1)
    (info,) = registry.versions("fetched")
    before = len(opened.workspace.requests)
    registry.evaluation_of(info)
    registry.specification_of(info)
    folder = registry.store.artifacts(info.run_id)
    assert opened.requests_since(before) == []
    assert (folder / "model_card.md").is_file()
    del registry
    assert not folder.exists()


def test_files_that_came_in_half_are_not_kept(opened: Opened, anomaly: Candidate) -> None:
    publish(opened.registry(), renamed(anomaly, "torn", key="a", as_of=MONDAYS[0]))
    registry = opened.registry()
    opened.workspace.faults.add(Fault("GET", "/api/2.0/mlflow/runs/get", "status", 8))
    with pytest.raises(Exception, match="planted fault"):
        registry.load("torn", 1)
    opened.workspace.faults.clear()
    assert registry.load("torn", 1).version == 1


def test_links_lead_into_the_workspace(
    opened: Opened, registry: ModelRegistry, anomaly: Candidate
) -> None:
    info = registry.register(renamed(anomaly, "linked", key="a", as_of=MONDAYS[0]))
    experiment = registry.store.experiment_id()
    host = opened.workspace.host
    assert links_to(registry.store, info) == {
        "mlflow_run": f"{host}/ml/experiments/{experiment}/runs/{info.run_id}",
        "mlflow_version": f"{host}/explore/data/models/dev/models/linked/version/1",
    }


PARENT = """
import json, logging, sys
from types import SimpleNamespace
from ngm_assets.models.registry.parent_run import ParentRun
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets.resources import start_parent

store = ModelRegistry("databricks", "databricks-uc", None, sys.argv[1]).store
run = SimpleNamespace(tags={"dagster/partition": "2026-05-04"}, job_name="train", run_id="d1")
context = SimpleNamespace(log=logging.getLogger("dagster"), run=run)
found = []
for _ in range(2):
    parent = ParentRun(store, lambda: start_parent(context, store, "dev"))
    found.append(parent.run_id())
    parent.end()
print(json.dumps(found))
"""


def test_dagster_mlflow_starts_the_run_above_and_takes_it_up_again(
    opened: Opened, registry: ModelRegistry, anomaly: Candidate, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PARENT, EXPERIMENT],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(ngm_assets.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout.splitlines()[-1])
    assert first == second
    info = registry.register(
        renamed(anomaly, "child", key="a", as_of=MONDAYS[0]), parent_run_id=first
    )
    client = registry.store.client
    assert client.get_run(info.run_id).data.tags["mlflow.parentRunId"] == first
    parent = client.get_run(first)
    assert parent.info.status == "FINISHED"
    assert parent.info.run_name == "train 2026-05-04"
    assert parent.data.tags["dagster_run_id"] == "d1"
    assert parent.data.metrics["models_failed"] == 0
    assert opened.workspace.token not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_token_goes_into_the_header_and_nowhere_else(
    opened: Opened,
    registry: ModelRegistry,
    anomaly: Candidate,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    token = opened.workspace.token
    opened.workspace.faults.add(Fault("POST", "/api/2.0/mlflow/runs/create", "status", 1))
    publish(registry, renamed(anomaly, "secret", key="a", as_of=MONDAYS[0]))
    opened.registry().load("secret", 1)
    said = []
    for wrong in (f"{token}-expired", ""):
        monkeypatch.setenv("DATABRICKS_TOKEN", wrong)
        with pytest.raises(Exception) as caught:
            opened.registry(EXPERIMENT + "_other").store.experiment_id()
        said += [str(caught.value), repr(caught.value), str(caught.value.__cause__)]
    printed = capfd.readouterr()
    said += [caplog.text, printed.out, printed.err]
    assert not [text for text in said if token in text]
    for one in opened.workspace.requests:
        assert token.encode() not in one.request.body
        assert token not in str(one.request.query)
    for path in opened.workspace.root.rglob("*"):
        assert path.is_dir() or token.encode() not in path.read_bytes()
