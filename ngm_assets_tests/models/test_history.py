"""History and comparison of versions: what a person asks before promoting or rolling back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ngm_assets.errors import RegistryError
from ngm_assets.models.candidate import Candidate
from ngm_assets.models.evaluation.gates import Decision
from ngm_assets.models.evaluation.measures import Comparison
from ngm_assets.models.registry import artifacts
from ngm_assets.models.registry.history import compare, history
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets_tests.models.dying import MONDAYS, WHEN, publish
from ngm_assets_tests.models.making import renamed

LATER = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "plots", lambda _: {"importance.png": b"png"})


def test_the_history_tells_what_became_of_every_version(
    registry: ModelRegistry, binary: Candidate
) -> None:
    for week in (0, 1):
        publish(registry, renamed(binary, "told", key=str(week), as_of=MONDAYS[week]))
    refused = Decision(promote=False, reason="calibration: too far off", gates=())
    registry.register(replace(renamed(binary, "told", key="2", as_of=MONDAYS[2]), decision=refused))
    registry.archive("told", 3, who="gates", when=WHEN, reason=refused.reason)
    registry.rollback("told", 1, who="ada", when=LATER, reason="false alarms")
    first, second, third = history(registry, "told")
    assert [row["version"] for row in (first, second, third)] == [1, 2, 3]
    assert [row["standing"] for row in (first, second, third)] == [
        "champion",
        "rolled back",
        "archived",
    ]
    assert first["aliases"] == ["champion"]
    assert first["as_of"] == "2026-05-04"
    assert first["trained_through"] == "2026-03-31"
    assert first["metric"] == "average_precision"
    assert first["value"] == binary.measured.value
    assert (first["low"], first["high"]) == (binary.measured.low, binary.measured.high)
    assert first["baseline"] == binary.baseline.theirs
    assert first["promoted"] == {"by": "a test", "at": WHEN.isoformat(), "reason": "good"}
    assert first["archived"] is None
    assert first["reinstated"] == second["rolled_back"]
    assert second["rolled_back"] == {
        "by": "ada",
        "at": LATER.isoformat(),
        "reason": "false alarms",
    }
    assert (third["gates"], third["gates_reason"]) == ("refused", refused.reason)
    assert third["promoted"] is None
    assert third["archived"]["reason"] == refused.reason


def test_champion_and_challenger_are_compared_unless_told_otherwise(
    registry: ModelRegistry, binary: Candidate
) -> None:
    publish(registry, renamed(binary, "pair", key="a", as_of=MONDAYS[0]))
    challenger = renamed(binary, "pair", key="b", as_of=MONDAYS[1])
    spec = challenger.spec.model_copy(update={"seed": 8})
    met = Comparison(ours=0.6, theirs=0.5, gain=0.1, gain_low=0.0, gain_high=0.2, rows=70)
    registry.register(
        replace(
            challenger,
            spec=spec,
            champion=met,
            champion_version=1,
            dataset_fingerprint="other rows",
            context=replace(challenger.context, feature_version="18"),
        )
    )
    found = compare(registry, "pair")
    left, right = found["versions"]
    assert [(side["version"], side["standing"]) for side in (left, right)] == [
        (1, "champion"),
        (2, "challenger"),
    ]
    assert left["value"] == binary.measured.value
    assert left["baseline"] == binary.baseline.theirs
    assert left["secondary"] == dict(binary.secondary)
    assert list(left["gates"]) == [gate.name for gate in binary.decision.gates]
    assert list(left["top_features"]) == list(binary.importance)[:5]
    assert left["window"]["holdout_first"] == str(binary.window.holdout_first)
    met_again = found["head_to_head"]
    assert (met_again["newer"], met_again["older"], met_again["gain"]) == (2, 1, 0.1)
    differs = found["differs"]
    assert differs["specification"] == {"seed": [7, 8]}
    assert differs["data"] == {
        "dataset_fingerprint": [binary.dataset_fingerprint, "other rows"],
        "feature_table_version": ["17", "18"],
    }
    assert differs["code"] == {"seed": ["7", "8"]}
    assert differs["libraries"] == {}
    swapped = compare(registry, "pair", (2, 1))
    assert [side["version"] for side in swapped["versions"]] == [2, 1]
    assert swapped["differs"]["specification"] == {"seed": [8, 7]}
    assert swapped["head_to_head"] == met_again


def test_a_champion_that_is_the_challenger_too_is_compared_with_the_newest_other(
    registry: ModelRegistry, binary: Candidate
) -> None:
    for week in range(3):
        publish(registry, renamed(binary, "same", key=str(week), as_of=MONDAYS[week]))
    assert [side["version"] for side in compare(registry, "same")["versions"]] == [3, 2]
    assert compare(registry, "same")["head_to_head"] is None


def test_features_gained_and_lost_are_named(registry: ModelRegistry, binary: Candidate) -> None:
    publish(registry, renamed(binary, "columns", key="a", as_of=MONDAYS[0]))
    other = renamed(binary, "columns", key="b", as_of=MONDAYS[1])
    spec = other.spec.model_copy(update={"features": ("load", "size", "speed")})
    registry.register(replace(other, spec=spec))
    differs = compare(registry, "columns", (1, 2))["differs"]
    assert differs["features_only_in_first"] == ["errors"]
    assert differs["features_only_in_second"] == ["speed"]
    assert differs["specification"] == {}


def test_there_must_be_something_to_tell(registry: ModelRegistry, binary: Candidate) -> None:
    with pytest.raises(RegistryError, match="nobody has no version yet"):
        history(registry, "nobody")
    publish(registry, renamed(binary, "lonely", key="a", as_of=MONDAYS[0]))
    with pytest.raises(RegistryError, match="has only version 1"):
        compare(registry, "lonely")
    with pytest.raises(RegistryError, match="no complete version 4"):
        compare(registry, "lonely", (1, 4))
