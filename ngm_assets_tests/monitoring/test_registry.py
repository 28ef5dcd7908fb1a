"""Statistics are found by name, entry point or path, and tried before they are used."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.drift.distribution import Distribution, TextBins
from ngm_assets.monitoring.drift.judgement import judge
from ngm_assets.monitoring.drift.policy import Policy
from ngm_assets.monitoring.drift.reference import ReferenceColumn
from ngm_assets.monitoring.drift.statistics.registry import (
    GROUP,
    registered_statistics,
    resolve_statistics,
)
from ngm_assets_tests.monitoring.own_statistics import TotalVariation

OWN = "ngm_assets_tests.monitoring.own_statistics"
BEFORE = Distribution("categorical", (500, 400, 100))


def register(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, target: str) -> None:
    """Install a package that registers a statistic."""
    made = folder / "others-1.0.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (made / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {target}\n")
    monkeypatch.syspath_prepend(folder)


@pytest.mark.parametrize("name", registered_statistics())
def test_every_registered_statistic_has_its_name_and_a_source(name: str) -> None:
    (found,) = resolve_statistics([name])
    assert found.name == name
    assert len((type(found).__doc__ or "").splitlines()) > 2


def test_an_own_statistic_is_named_by_its_path_and_may_decide() -> None:
    policy = Policy(statistics=("psi", f"{OWN}:TotalVariation"), decisive=("total_variation",))
    reference = {"x": ReferenceColumn("x", TextBins(("a", "b")), BEFORE)}
    current = {"x": Distribution("categorical", (400, 350, 250))}
    (column,) = judge(reference, current, policy).columns
    assert (column.severity, column.status) == ("moderate", "drifted")


def test_an_own_statistic_is_named_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(tmp_path, monkeypatch, "total_variation", f"{OWN}:TotalVariation")
    (found,) = resolve_statistics(["total_variation"])
    assert isinstance(found, TotalVariation)


def test_an_entry_point_does_not_replace_a_statistic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(tmp_path, monkeypatch, "psi", f"{OWN}:Impostor")
    with pytest.raises(ConfigError, match="Two drift statistics are named 'psi'"):
        Policy()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (f"{OWN}:Nameless", "no `name`"),
        (f"{OWN}:Kindless", "no `kinds`"),
        (f"{OWN}:Boundless", "no `thresholds`"),
        (f"{OWN}:Impostor", "takes the name 'psi'"),
        (f"{OWN}:Number", "answers float"),
        (f"{OWN}:Undefined", "fails on .*ZeroDivisionError"),
        (f"{OWN}:Demanding", "Unknown drift statistic"),
        (f"{OWN}:Nobody", "Unknown drift statistic"),
        ("nowhere.at.all:Thing", "Unknown drift statistic"),
        ("psy", "Unknown drift statistic"),
    ],
)
def test_a_statistic_that_breaks_the_contract_is_refused_at_load(path: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        resolve_statistics([path])


def test_a_statistic_that_fails_later_is_a_reason_and_no_pass() -> None:
    policy = Policy(statistics=("psi", f"{OWN}:Moody"), decisive=("psi",))
    reference = {"x": ReferenceColumn("x", TextBins(("a", "b")), BEFORE)}
    found = judge(reference, {"x": Distribution("categorical", (500, 400, 100), 11)}, policy)
    assert found.columns[0].reason == "moody failed: RuntimeError: too many"
    assert (found.severity, found.status, found.passed) == ("none", "could_not_evaluate", False)


@pytest.mark.parametrize(
    "settings",
    [
        {"statistics": ("psi", "psi"), "decisive": ("psi",)},
        {"statistics": ("psi",), "decisive": ("ks",)},
        {"decisive": ()},
        {"bands": {"nobody": {"moderate": 0.1, "severe": 0.2, "critical": 0.3}}},
    ],
)
def test_a_policy_names_statistics_once_and_lets_some_decide(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="drift statistics"):
        Policy.model_validate(settings)


def test_a_policy_knows_its_fields() -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate({"significanse": 0.01})
