"""The same training registered by two at once: one version counts, whoever is faster."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ngm_assets.models.candidate import Candidate
from ngm_assets.models.registry import artifacts
from ngm_assets.models.registry.locks import CHANGING, one_at_a_time
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets.models.registry.versions import VersionInfo
from ngm_assets_tests.models.dying import MONDAYS, publish
from ngm_assets_tests.models.making import renamed


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "plots", lambda _: {"importance.png": b"png"})


class InterruptedClient:
    """An MLflow client that lets something else happen right before one of its calls, once."""

    def __init__(self, real: Any, call: str, happening: Callable[[], object]) -> None:
        """Wrap `real`; before the first `call`, do `happening`."""
        self.real, self.call, self.happening = real, call, happening
        self.happened = False

    def __getattr__(self, name: str) -> Any:
        """Return the real method."""
        if name == self.call and not self.happened:
            self.happened = True
            self.happening()
        return getattr(self.real, name)


@pytest.fixture
def pair(registry: ModelRegistry, store_folder: Path) -> tuple[ModelRegistry, ModelRegistry]:
    """Return two registries on one store that know no lock, as on a server."""
    uri = registry.store.tracking_uri
    registry.store.experiment_id()
    first, second = ModelRegistry(uri), ModelRegistry(uri)
    for each in (first, second):
        each.store.open()
    return first, second


@pytest.mark.parametrize("call", ["create_run", "log_batch", "create_model_version"])
def test_without_a_lock_the_lower_number_counts_for_both(
    call: str, pair: tuple[ModelRegistry, ModelRegistry], anomaly: Candidate
) -> None:
    """The second registers and promotes all of it while the first is about to make a call."""
    slow, quick = pair
    candidate = renamed(anomaly, f"race_{call}", key="same", as_of=MONDAYS[0])
    model = candidate.spec.name
    found: list[VersionInfo] = []
    client: Any = InterruptedClient(
        slow.store.client, call, lambda: found.append(publish(quick, candidate))
    )
    slow.store._client = client
    info = publish(slow, candidate)
    assert client.happened
    assert info == found[0] == quick.find(model, candidate.training_key)
    assert [v.version for v in quick.versions(model)] == [1]
    twins = [v for v in quick.store.all_versions(model) if v.version != 1]
    assert [(v.complete, v.status, v.tags["duplicate_of"]) for v in twins] == [
        (False, "archived", "1")
    ] * len(twins)
    assert twins or call != "create_model_version"
    assert quick.champion(model) == info


def test_the_faster_one_completes_what_the_slower_one_began_first(
    pair: tuple[ModelRegistry, ModelRegistry], anomaly: Candidate
) -> None:
    """The slower one has made version 1 and not yet completed it when the other comes along."""
    slow, quick = pair
    candidate = renamed(anomaly, "overtaking", key="same", as_of=MONDAYS[0])
    client: Any = InterruptedClient(
        slow.store.client, "set_registered_model_alias", lambda: publish(quick, candidate)
    )
    slow.store._client = client
    info = publish(slow, candidate)
    assert info.version == 1
    assert info.aliases == ("challenger", "champion")
    assert [v.version for v in quick.store.all_versions("overtaking")] == [1]


def test_on_one_machine_registering_holds_the_lock_of_the_store(
    registry: ModelRegistry,
    store_folder: Path,
    anomaly: Candidate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[bool] = []

    def try_lock() -> None:
        with (store_folder / "art" / CHANGING).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tried.append(False)
            else:
                tried.append(True)

    candidate = renamed(anomaly, "locked", key="a", as_of=MONDAYS[0])
    for call in ("search_runs", "log_inputs", "create_model_version", "set_model_version_tag"):
        client = InterruptedClient(registry.store.client, call, try_lock)
        monkeypatch.setattr(registry.store, "_client", client)
    publish(registry, candidate)
    assert tried == [False] * 4
    try_lock()
    assert tried[-1] is True


def test_two_threads_that_register_the_same_make_one_run_and_one_version(
    registry: ModelRegistry, store_folder: Path, anomaly: Candidate
) -> None:
    candidate = renamed(anomaly, "threads", key="a", as_of=MONDAYS[0])
    other = ModelRegistry(registry.store.tracking_uri, artifact_root=store_folder / "art")
    start, found = threading.Barrier(2), []

    def register(mine: ModelRegistry) -> None:
        mine.store.open()
        start.wait(timeout=60)
        found.append(publish(mine, candidate))

    threads = [threading.Thread(target=register, args=(each,)) for each in (registry, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1]
    assert len(registry.store.all_versions("threads")) == 1
    runs = registry.store.client.search_runs(
        [registry.store.experiment_id()], "tags.model = 'threads'"
    )
    assert len(runs) == 1


def test_the_lock_is_let_go_when_its_holder_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyError), one_at_a_time(tmp_path, CHANGING):
        raise KeyError
    with one_at_a_time(tmp_path, CHANGING):
        pass


def test_without_a_folder_there_is_no_lock(tmp_path: Path) -> None:
    with one_at_a_time(None, CHANGING), one_at_a_time(None, CHANGING):
        assert not list(tmp_path.iterdir())
