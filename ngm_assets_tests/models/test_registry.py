"""The registry: one version per training, the right champion per day, repair after any crash."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ngm_assets.errors import RegistryError
from ngm_assets.models.candidate import Candidate
from ngm_assets.models.evaluation.gates import Decision
from ngm_assets.models.registry import artifacts
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets_tests.models.dying import (
    MONDAYS,
    WHEN,
    CountingClient,
    CrashError,
    inputs_of,
    publish,
    state,
)
from ngm_assets_tests.models.making import frame_of, renamed


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "plots", lambda _: {"importance.png": b"png"})


def test_a_registered_version_carries_what_made_it(
    registry: ModelRegistry, binary: Candidate
) -> None:
    parent = registry.store.client.create_run(registry.store.experiment_id()).info.run_id
    candidate = renamed(binary, "carries", key="a", as_of=MONDAYS[0])
    info = registry.register(candidate, parent_run_id=parent, tags={"dagster_run_id": "d1"})
    assert (info.version, info.status, info.aliases) == (1, "challenger", ("challenger",))
    assert info.complete and info.approved and not info.promoted
    for name, text in {
        "spec_hash": candidate.spec.spec_hash(),
        "feature_table": "cost_features",
        "feature_table_version": "17",
        "feature_table_fingerprint": "f00d",
        "label_sql_hash": "label-hash",
        "training_window": "2026-01-01..2026-03-31",
        "rows_refit": "1350",
        "class_positive": str(candidate.class_counts["positive"]),
        "seed": "7",
        "library_xgboost": "3",
        "git_sha": "abc123",
        "as_of": "2026-05-04",
        "trained_through": "2026-03-31",
        "dagster_run_id": "d1",
    }.items():
        assert info.tags[name] == text, name
    run = registry.store.client.get_run(info.run_id)
    assert run.data.tags["mlflow.parentRunId"] == parent
    assert run.info.status == "FINISHED"
    assert run.data.metrics["average_precision"] == candidate.measured.value
    assert run.data.metrics["baseline_average_precision"] == candidate.baseline.theirs


def test_mlflow_shows_what_a_version_was_made_of_and_how_it_did(
    registry: ModelRegistry, binary: Candidate
) -> None:
    candidate = renamed(binary, "story", key="a", as_of=MONDAYS[0])
    info = registry.register(candidate)
    client = registry.store.client
    (given,) = inputs_of(client.get_run(info.run_id))
    assert given.dataset.name in ("features.cost_features", "dev.features.cost_features")
    assert candidate.dataset_fingerprint.startswith(given.dataset.digest)
    assert '"delta_table_version": "17"' in given.dataset.source
    tags = {tag.key: tag.value for tag in given.tags}
    assert tags["mlflow.data.context"] == "training"
    assert tags["window"] == "2026-01-01..2026-03-31"
    description = client.get_model_version(registry.store.name("story"), "1").description or ""
    for text in (
        "As of 2026-05-04",
        f"average_precision {candidate.measured.value:.4g}",
        f"baseline {candidate.baseline.theirs:.4g}",
        f"Gates passed: {candidate.decision.reason}",
        f"Top features: {next(iter(candidate.importance))}",
    ):
        assert text in description, text
    model = client.get_registered_model(registry.store.name("story"))
    assert candidate.spec.description in model.description
    assert candidate.spec.decision in model.description
    assert model.tags == {"owner": "team:platform", "domain": "cost", "problem": "binary"}


def test_a_registered_model_is_described_as_its_newest_specification_says(
    registry: ModelRegistry, anomaly: Candidate
) -> None:
    first = renamed(anomaly, "described", key="a", as_of=MONDAYS[0])
    second = renamed(anomaly, "described", key="b", as_of=MONDAYS[1])
    changed = {"owner": "team:security", "description": "Says something else."}
    registry.register(first)
    registry.register(replace(second, spec=second.spec.model_copy(update=changed)))
    name = registry.store.name("described")
    model = registry.store.client.get_registered_model(name)
    assert model.tags["owner"] == "team:security"
    assert model.description.startswith("Says something else.")


def test_the_path_of_the_store_may_hold_spaces(
    registry: ModelRegistry, binary: Candidate, store_folder: Path
) -> None:
    info = registry.register(renamed(binary, "spaced", key="a", as_of=MONDAYS[0]))
    folder = registry.store.artifacts(info.run_id)
    assert folder.is_relative_to(store_folder / "art")
    assert (folder / "model_card.md").is_file()


@pytest.mark.parametrize("problem", ["binary", "regression", "quantile", "multiclass", "anomaly"])
def test_a_loaded_version_says_what_the_candidate_said(
    problem: str, registry: ModelRegistry, request: pytest.FixtureRequest
) -> None:
    candidate: Candidate = request.getfixturevalue(problem)
    info = registry.register(renamed(candidate, f"loads_{problem}", key="a", as_of=MONDAYS[0]))
    loaded = registry.load(info.model, info.version)
    features = frame_of(problem).features
    np.testing.assert_array_equal(
        loaded.fitted.predict(features).prediction, candidate.fitted.predict(features).prediction
    )
    assert loaded.contract == candidate.context.contract
    assert loaded.spec.spec_hash() == info.tags["spec_hash"]
    assert loaded.trained_through == candidate.window.trained_through
    assert loaded.reference == candidate.reference
    assert registry.load(info.model, info.version) is loaded
    gates = registry.evaluation(info.model, info.version)["decision"]["gates"]
    assert [gate["name"] for gate in gates] == [gate.name for gate in candidate.decision.gates]


def test_no_stored_file_is_a_pickle(
    registry: ModelRegistry, binary: Candidate, anomaly: Candidate
) -> None:
    import pickletools
    import zipfile

    def holds_pickle(content: bytes) -> bool:
        if content[:1] != b"\x80":
            return False
        try:
            list(pickletools.genops(content))
        except (ValueError, IndexError, UnicodeDecodeError):
            return False
        return True

    assert holds_pickle(__import__("pickle").dumps({"a": 1}))
    for candidate in (binary, anomaly):
        name = f"files_{candidate.spec.problem}"
        info = registry.register(renamed(candidate, name, key="a", as_of=MONDAYS[0]))
        files = [p for p in registry.store.artifacts(info.run_id).rglob("*") if p.is_file()]
        assert {"spec.json", "contract.json", "MLmodel"} <= {path.name for path in files}
        for path in files:
            assert path.suffix not in {".pkl", ".pickle", ".joblib"}
            assert not holds_pickle(path.read_bytes()), path
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    assert not any(holds_pickle(archive.read(n)) for n in archive.namelist())


def test_the_same_training_is_registered_once(registry: ModelRegistry, anomaly: Candidate) -> None:
    candidate = renamed(anomaly, "once", key="a", as_of=MONDAYS[0])
    assert registry.find("once", candidate.training_key) is None
    first, second = registry.register(candidate), registry.register(candidate)
    assert first == second == registry.find("once", candidate.training_key)
    assert len(registry.versions("once")) == 1


def test_an_unknown_model_has_no_versions_and_no_champion(registry: ModelRegistry) -> None:
    assert registry.versions("nobody") == ()
    assert registry.champion_in_force("nobody", MONDAYS[0]) is None
    with pytest.raises(RegistryError, match="no complete version 3"):
        registry.load("nobody", 3)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_the_champion_in_force_does_not_depend_on_the_order_of_runs(
    order: tuple[int, ...], registry: ModelRegistry, anomaly: Candidate
) -> None:
    model = "order_" + "".join(map(str, order))
    for week in order:
        publish(registry, renamed(anomaly, model, key=str(week), as_of=MONDAYS[week]))

    def in_force(day: date) -> date | None:
        found = registry.champion_in_force(model, day)
        return None if found is None else found.as_of

    assert in_force(MONDAYS[0] - timedelta(days=1)) is None
    assert [in_force(monday) for monday in MONDAYS[:3]] == list(MONDAYS[:3])
    assert in_force(MONDAYS[1] - timedelta(days=1)) == MONDAYS[0]
    numbers = {info.as_of: info.version for info in registry.versions(model)}
    before = MONDAYS[0] - timedelta(days=1)
    assert registry.versions_in_force(model, [before, *MONDAYS[:3]]) == {before: None} | numbers
    newest = registry.champion(model)
    assert newest is not None and newest.as_of == MONDAYS[2]
    assert in_force(MONDAYS[3]) == MONDAYS[2]
    by_day = {info.as_of: info for info in registry.versions(model)}
    assert by_day[MONDAYS[2]].aliases == ("challenger", "champion")
    assert [by_day[monday].status for monday in MONDAYS[:3]] == ["archived", "archived", "champion"]
    assert by_day[MONDAYS[0]].tags["archived_by"] == "a test"
    assert by_day[MONDAYS[0]].tags["archived_at"] == WHEN.isoformat()
    assert "is champion" in by_day[MONDAYS[0]].tags["archived_reason"]


def test_versions_are_compared_as_numbers(registry: ModelRegistry, anomaly: Candidate) -> None:
    """Ten promoted versions of one day: the tenth wins, though "10" sorts before "9"."""
    for number in range(10):
        publish(registry, renamed(anomaly, "numbers", key=str(number), as_of=MONDAYS[0]))
    champion = registry.champion_in_force("numbers", MONDAYS[0])
    assert champion is not None
    assert champion.version == 10
    assert "champion" in champion.aliases


def test_a_refused_candidate_is_archived_and_the_champion_stays(
    registry: ModelRegistry, anomaly: Candidate
) -> None:
    first = publish(registry, renamed(anomaly, "refusing", key="a", as_of=MONDAYS[0]))
    refused = Decision(promote=False, reason="calibration: too far off", gates=())
    candidate = replace(renamed(anomaly, "refusing", key="b", as_of=MONDAYS[1]), decision=refused)
    second = registry.register(candidate)
    assert not second.approved
    with pytest.raises(RegistryError, match="too far off"):
        registry.promote("refusing", second.version, refused, "a test", WHEN, "")
    for reason in (refused.reason, "another reason, too late"):
        second = registry.archive("refusing", second.version, who="gates", when=WHEN, reason=reason)
    assert second.status == "archived"
    assert second.tags["archived_reason"] == "calibration: too far off"
    champion = registry.champion_in_force("refusing", MONDAYS[3])
    assert champion is not None and champion.version == first.version
    with pytest.raises(RegistryError, match="is the champion"):
        registry.archive("refusing", first.version, who="x", when=WHEN, reason="y")


def test_promoting_twice_changes_nothing(registry: ModelRegistry, anomaly: Candidate) -> None:
    candidate = renamed(anomaly, "twice", key="a", as_of=MONDAYS[0])
    publish(registry, candidate)
    before = state(registry, "twice")
    later = datetime(2026, 6, 1, tzinfo=UTC)
    registry.promote("twice", 1, candidate.decision, "another", later, "again")
    assert state(registry, "twice") == before


def test_a_crash_after_any_write_is_repaired_by_running_again(
    registry: ModelRegistry, anomaly: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Second week on top of a champion: dead after each write in turn, then run once more."""
    real = registry.store.client

    def second_week(model: str, client: CountingClient) -> CountingClient:
        monkeypatch.setattr(registry.store, "_client", client)
        publish(registry, renamed(anomaly, model, key="b", as_of=MONDAYS[1]))
        return client

    publish(registry, renamed(anomaly, "calm", key="a", as_of=MONDAYS[0]))
    writes = second_week("calm", CountingClient(real)).writes
    undisturbed = state(registry, "calm")
    assert writes > 12
    for death in range(writes):
        model = f"crash_{death}"
        monkeypatch.setattr(registry.store, "_client", real)
        publish(registry, renamed(anomaly, model, key="a", as_of=MONDAYS[0]))
        with pytest.raises(CrashError):
            second_week(model, CountingClient(real, die_after=death))
        second_week(model, CountingClient(real))
        assert state(registry, model) == undisturbed, f"after write {death}"
    assert len(registry.versions("calm")) == 2


def test_a_half_written_version_is_invisible(
    registry: ModelRegistry, anomaly: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = registry.store.client
    candidate = renamed(anomaly, "half", key="a", as_of=MONDAYS[0])
    monkeypatch.setattr(registry.store, "_client", CountingClient(real, die_after=7))
    with pytest.raises(CrashError):
        registry.register(candidate)
    assert len(registry.store.all_versions("half")) == 1
    assert registry.versions("half") == ()
    assert registry.find("half", candidate.training_key) is None
    assert registry.champion_in_force("half", MONDAYS[3]) is None


def test_a_damaged_file_is_named(registry: ModelRegistry, anomaly: Candidate) -> None:
    info = registry.register(renamed(anomaly, "damaged", key="a", as_of=MONDAYS[0]))
    (registry.store.artifacts(info.run_id) / "ngm" / "spec.json").write_text("{")
    with pytest.raises(RegistryError, match="cannot be read") as caught:
        registry.load("damaged", 1)
    assert caught.value.where.endswith("spec.json")
