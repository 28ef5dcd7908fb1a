"""Rolling back: who is champion afterwards, what is refused, and repair after any crash."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ngm_assets.errors import RegistryError
from ngm_assets.models.candidate import Candidate
from ngm_assets.models.evaluation.gates import Decision
from ngm_assets.models.registry import artifacts
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets.models.registry.succession import Rollback
from ngm_assets.models.registry.versions import Deed
from ngm_assets_tests.models.dying import (
    MONDAYS,
    WHEN,
    CountingClient,
    CrashError,
    publish,
    state,
)
from ngm_assets_tests.models.making import renamed

LATER = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "plots", lambda _: {"importance.png": b"png"})


def weeks(registry: ModelRegistry, candidate: Candidate, model: str, *, count: int = 3) -> None:
    """Publish a version for each of the first Mondays; their numbers are 1, 2, ..."""
    for week in range(count):
        publish(registry, renamed(candidate, model, key=str(week), as_of=MONDAYS[week]))


def back(registry: ModelRegistry, model: str, to: int, reason: str = "false alarms") -> Rollback:
    """Roll back as a named person."""
    return registry.rollback(model, to, who="ada", when=LATER, reason=reason)


def in_force(registry: ModelRegistry, model: str) -> list[int | None]:
    """Return the version in force on each Monday."""
    found = registry.versions_in_force(model, MONDAYS)
    return [found[day] for day in MONDAYS]


def test_the_version_rolled_back_to_is_champion_on_every_later_day(
    registry: ModelRegistry, anomaly: Candidate
) -> None:
    weeks(registry, anomaly, "back")
    assert in_force(registry, "back") == [1, 2, 3, 3]
    done = back(registry, "back", 1)
    assert done.champion.version == 1
    assert [info.version for info in done.rolled_back] == [2, 3]
    assert in_force(registry, "back") == [1, 1, 1, 1]
    assert registry.champion_in_force("back", MONDAYS[0] - timedelta(days=1)) is None
    champion = registry.champion("back")
    assert champion == done.champion
    assert (champion.aliases, champion.status) == (("champion",), "champion")


def test_everybody_can_see_who_rolled_back_when_and_why(
    registry: ModelRegistry, anomaly: Candidate
) -> None:
    weeks(registry, anomaly, "seen")
    back(registry, "seen", 2)
    first, second, third = registry.versions("seen")
    deed = Deed("ada", LATER, "false alarms")
    assert third.deed("rolled_back") == deed
    assert third.tags["rolled_back_to"] == "2"
    assert (third.standing, third.status) == ("rolled back", "archived")
    assert third.deed("archived") == replace(deed, reason="rolled back to version 2: false alarms")
    assert second.deed("reinstated") == deed
    assert second.deed("archived") is None
    assert first.deed("rolled_back") is None
    assert first.deed("archived") == Deed(
        "a test", WHEN, "version 2, as of 2026-05-11, is champion"
    )


def test_newer_means_a_later_day_not_a_higher_number(
    registry: ModelRegistry, anomaly: Candidate
) -> None:
    """A backfilled old Monday has a high number; rolling back to it undoes the newer days."""
    for week in (2, 0, 1):
        publish(registry, renamed(anomaly, "filled", key=str(week), as_of=MONDAYS[week]))
    done = back(registry, "filled", 3)
    assert [info.as_of for info in done.rolled_back] == [MONDAYS[2]]
    assert in_force(registry, "filled") == [2, 3, 3, 3]


def test_a_refused_candidate_in_between_is_none_of_a_rollback_s_business(
    registry: ModelRegistry, anomaly: Candidate
) -> None:
    weeks(registry, anomaly, "between", count=2)
    refused = Decision(promote=False, reason="calibration: too far off", gates=())
    info = registry.register(
        replace(renamed(anomaly, "between", key="c", as_of=MONDAYS[2]), decision=refused)
    )
    registry.archive("between", info.version, who="gates", when=WHEN, reason=refused.reason)
    done = back(registry, "between", 1)
    assert [v.version for v in done.rolled_back] == [2]
    assert registry.version("between", 3).standing == "archived"


def test_the_challenger_stays_the_newest_candidate(
    registry: ModelRegistry, anomaly: Candidate
) -> None:
    weeks(registry, anomaly, "challenged")
    back(registry, "challenged", 1)
    assert registry.version("challenged", 3).aliases == ("challenger",)


def test_a_version_rolled_back_cannot_be_promoted(
    registry: ModelRegistry, anomaly: Candidate
) -> None:
    weeks(registry, anomaly, "again")
    back(registry, "again", 2)
    before = state(registry, "again")
    with pytest.raises(RegistryError, match="was rolled back by ada on 2026-06-01") as caught:
        registry.promote("again", 3, anomaly.decision, "weekly run", LATER)
    assert "false alarms" in str(caught.value)
    assert "ngm models rollback again --to-version 3" in caught.value.mend
    assert state(registry, "again") == before


def test_the_next_monday_is_promoted_as_ever(registry: ModelRegistry, anomaly: Candidate) -> None:
    weeks(registry, anomaly, "goes_on")
    back(registry, "goes_on", 1)
    publish(registry, renamed(anomaly, "goes_on", key="3", as_of=MONDAYS[3]))
    assert in_force(registry, "goes_on") == [1, 1, 1, 4]
    standings = [info.standing for info in registry.versions("goes_on")]
    assert standings == ["archived", "rolled back", "rolled back", "champion"]
    assert "version 4" in registry.version("goes_on", 1).tags["archived_reason"]


def test_the_same_monday_trained_on_other_data_is_another_version_and_may_reign(
    registry: ModelRegistry, anomaly: Candidate
) -> None:
    weeks(registry, anomaly, "repaired")
    back(registry, "repaired", 2)
    publish(registry, renamed(anomaly, "repaired", key="corrected data", as_of=MONDAYS[2]))
    assert in_force(registry, "repaired") == [1, 2, 4, 4]


def test_a_rollback_to_a_version_rolled_back_brings_it_back(
    registry: ModelRegistry, anomaly: Candidate
) -> None:
    weeks(registry, anomaly, "returns")
    back(registry, "returns", 1)
    done = back(registry, "returns", 2, "the alarms were true")
    assert [info.version for info in done.rolled_back] == [3]
    assert in_force(registry, "returns") == [1, 2, 2, 2]
    first, second, third = registry.versions("returns")
    assert [v.standing for v in (first, second, third)] == ["archived", "champion", "rolled back"]
    assert second.deed("rolled_back") is None
    assert second.deed("reinstated") == Deed("ada", LATER, "the alarms were true")
    assert "by ada on 2026-06-01 09:30 because: false alarms" in second.tags["rolled_back_before"]
    assert third.tags["rolled_back_reason"] == "false alarms"
    publish(registry, renamed(anomaly, "returns", key="1", as_of=MONDAYS[1]))
    assert in_force(registry, "returns") == [1, 2, 2, 2]


@pytest.mark.parametrize(
    ("to", "reason", "text"),
    [
        (9, "why not", "no complete version 9"),
        (3, "why not", "version 3 was never promoted: calibration: too far off"),
        (2, "why not", "version 2 is the champion already"),
        (1, "  ", "needs a reason"),
    ],
)
def test_what_is_refused_changes_nothing(
    to: int, reason: str, text: str, registry: ModelRegistry, anomaly: Candidate
) -> None:
    model = f"refuses_{to}"
    weeks(registry, anomaly, model, count=2)
    refused = Decision(promote=False, reason="calibration: too far off", gates=())
    registry.register(replace(renamed(anomaly, model, key="c", as_of=MONDAYS[2]), decision=refused))
    before = state(registry, model)
    with pytest.raises(RegistryError, match=text) as caught:
        back(registry, model, to, reason)
    assert caught.value.mend
    assert state(registry, model) == before


def test_a_rollback_that_died_after_any_write_is_completed_by_the_same_call(
    registry: ModelRegistry, anomaly: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On MLflow itself; other histories are tried on paper elsewhere."""
    real = registry.store.client
    weeks(registry, anomaly, "calm_back", count=2)
    calm: Any = CountingClient(real)
    monkeypatch.setattr(registry.store, "_client", calm)
    back(registry, "calm_back", 1)
    undisturbed = state(registry, "calm_back")
    assert calm.writes > 12
    for death in range(calm.writes):
        model = f"dead_back_{death}"
        monkeypatch.setattr(registry.store, "_client", real)
        weeks(registry, anomaly, model, count=2)
        monkeypatch.setattr(registry.store, "_client", CountingClient(real, die_after=death))
        with pytest.raises(CrashError):
            back(registry, model, 1)
        monkeypatch.setattr(registry.store, "_client", real)
        back(registry, model, 1)
        assert state(registry, model) == undisturbed, f"after write {death}"


def test_a_training_after_a_rollback_that_died_does_not_undo_what_was_written(
    registry: ModelRegistry, anomaly: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = registry.store.client
    weeks(registry, anomaly, "overtaken")
    monkeypatch.setattr(registry.store, "_client", CountingClient(real, die_after=7))
    with pytest.raises(CrashError):
        back(registry, "overtaken", 1)
    monkeypatch.setattr(registry.store, "_client", real)
    assert registry.version("overtaken", 3).rolled_back
    publish(registry, renamed(anomaly, "overtaken", key="3", as_of=MONDAYS[3]))
    assert registry.version("overtaken", 3).rolled_back
    assert in_force(registry, "overtaken")[3] == 4
