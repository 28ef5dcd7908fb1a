"""On Databricks the registry does all it does on a laptop: the same tests, and passing faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from ngm_assets.models.candidate import Candidate
from ngm_assets.models.registry import artifacts
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets.models.registry.versions import VersionInfo
from ngm_assets_tests.models import test_history, test_registry, test_rollback
from ngm_assets_tests.models.dying import MONDAYS, WHEN, publish, state
from ngm_assets_tests.models.making import renamed
from ngm_assets_tests.workspace.faults import Fault
from ngm_assets_tests.workspace.opened import Opened, opened_workspace

UNITY = "/api/2.0/mlflow/unity-catalog"
ON_A_DISK_ONLY = {"test_the_path_of_the_store_may_hold_spaces"}


def behaviours(*modules: ModuleType) -> dict[str, Callable[..., None]]:
    """Return the tests of modules by name, but for those about local disks."""
    found = [(n, t) for m in modules for n, t in vars(m).items() if n.startswith("test_")]
    assert len(dict(found)) == len(found)
    return {name: test for name, test in found if name not in ON_A_DISK_ONLY}


globals().update(behaviours(test_registry, test_rollback, test_history))


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


@pytest.fixture(scope="module")
def registry(opened: Opened) -> ModelRegistry:
    """Return the registry in Unity Catalog; tests keep apart by model name."""
    return opened.registry()


@pytest.fixture(autouse=True)
def _every_fault_hits(opened: Opened) -> Iterator[None]:
    yield
    left = opened.workspace.faults.pending
    opened.workspace.faults.clear()
    assert left == []


def test_a_version_whose_files_never_arrived_is_nobodys(
    opened: Opened, registry: ModelRegistry, anomaly: Candidate
) -> None:
    candidate = renamed(anomaly, "orphan", key="a", as_of=MONDAYS[0])
    opened.workspace.faults.add(Fault("PUT", "/api/2.0/fs/files/Models/.*/MLmodel", "status"))
    with pytest.raises(Exception, match="planted fault"):
        registry.register(candidate)
    assert ("dev.models.orphan", 1) in opened.mlflow.registry.versions
    assert registry.store.all_versions("orphan") == ()
    info = publish(registry, candidate)
    assert (info.version, info.standing) == (2, "champion")
    runs = registry.store.client.search_runs(
        [registry.store.experiment_id()], "tags.model = 'orphan'"
    )
    assert len(runs) == 1


def test_a_version_that_was_complete_first_counts_though_its_number_is_higher(
    opened: Opened, anomaly: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second registers and promotes all of it while the first uploads version 1."""
    slow, quick = opened.registry(), opened.registry()
    candidate = renamed(anomaly, "second_first", key="a", as_of=MONDAYS[0])
    storage = opened.mlflow.storage
    write = storage.write
    found: list[VersionInfo | None] = []

    def interrupted(path: str, content: bytes) -> None:
        if path.startswith("/Models/dev/models/second_first/1/") and not found:
            found.append(None)
            found[0] = publish(quick, candidate)
        write(path, content)

    monkeypatch.setattr(storage, "write", interrupted)
    info = publish(slow, candidate)
    assert info.version == 2
    assert found == [info]
    (left,) = [v for v in slow.store.all_versions("second_first") if v.version == 1]
    assert (left.complete, left.status, left.tags["duplicate_of"]) == (False, "archived", "2")
    assert [v.version for v in quick.versions("second_first")] == [2]


FAULTS = {
    "429": Fault("POST", "/api/2.0/mlflow/runs/(create|log-batch)", "status", 2, 0, 429, 0),
    "500": Fault("*", f"{UNITY}/.*", "status", times=3, after=2),
    "503": Fault("GET", f"{UNITY}/model-versions/.*", "status", 1, 1, 503, 0),
    "dropped": Fault("POST", f"{UNITY}/model-versions/set-tag", "drop"),
    "tag answer lost": Fault("DELETE", f"{UNITY}/model-versions/delete-tag", "drop_after"),
    "version answer lost": Fault("POST", f"{UNITY}/model-versions/create", "drop_after"),
    "model answer lost": Fault("POST", f"{UNITY}/registered-models/create", "drop_after"),
    "folder answer lost": Fault("PUT", "/api/2.0/fs/files/WorkspaceInternal/.*", "drop_after"),
}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_passing_faults_are_survived(
    name: str, opened: Opened, registry: ModelRegistry, anomaly: Candidate
) -> None:
    def live(model: str) -> dict[str, Any]:
        for week in (0, 1):
            publish(registry, renamed(anomaly, model, key=str(week), as_of=MONDAYS[week]))
        first = registry.versions(model)[0].version
        registry.rollback(model, first, who="ada", when=WHEN, reason="false alarms")
        return state(registry, model)

    if not registry.versions("unshaken"):
        live("unshaken")
    opened.workspace.faults.add(FAULTS[name])
    model = f"shaken_{sorted(FAULTS).index(name)}"
    found, undisturbed = live(model), state(registry, "unshaken")
    if name == "version answer lost":
        assert [info.standing for info in registry.versions(model)] == ["champion", "rolled back"]
        assert [info.version for info in registry.versions(model)] == [2, 3]
    else:
        assert found == undisturbed


def test_faults_that_stay_end_in_an_error_and_the_same_call_later_completes_it(
    opened: Opened, registry: ModelRegistry, anomaly: Candidate
) -> None:
    candidate = renamed(anomaly, "stays_down", key="a", as_of=MONDAYS[0])
    opened.workspace.faults.add(Fault("POST", "/api/2.0/mlflow/runs/log-inputs", "status", 8))
    with pytest.raises(Exception, match="planted fault"):
        registry.register(candidate)
    assert registry.versions("stays_down") == ()
    assert publish(registry, candidate).version == 1
