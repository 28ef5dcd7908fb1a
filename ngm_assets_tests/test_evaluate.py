"""The evaluation report: what a row holds, how it reads, and what it says when there is nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from ngm_assets.errors import ConfigError
from ngm_assets.evaluate import COLUMNS, champion_of, evaluate, markdown
from ngm_assets.models.data.dataset import catalog, model_spec
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets.platform import Platform
from ngm_assets_tests.estate import open_estate
from ngm_assets_tests.whole import Whole

LEARNT, DETECTOR = "job_duration_forecaster", "security_threat_detector"
ORIGINS = 3


@dataclass(frozen=True)
class Version:
    """What the report asks of a version."""

    version: int
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Registry:
    """A registry with given versions of one model."""

    crowned: Version | None
    all: tuple[Version, ...]

    def champion(self, _model: str) -> Version | None:
        """Return the given champion."""
        return self.crowned

    def versions(self, _model: str) -> tuple[Version, ...]:
        """Return the given versions."""
        return self.all


@pytest.fixture(scope="module")
def rows(whole: Whole) -> dict[str, dict[str, Any]]:
    """Return the report's rows of a supervised model and a detector."""
    found = evaluate(whole.platform, whole.registry, [LEARNT, DETECTOR], origins=ORIGINS)
    assert [row["model"] for row in found] == [LEARNT, DETECTOR]
    return {row["model"]: row for row in found}


def test_a_row_says_what_was_asked_of_the_model(rows: dict[str, dict[str, Any]]) -> None:
    for name, row in rows.items():
        spec = model_spec(name)
        assert row["problem"] == spec.problem
        assert row["supervised"] == (spec.problem != "anomaly")
        assert (row["target"], row["unit"]) == (spec.target.column, spec.target.unit)
        assert (row["horizon_days"], row["metric"]) == (spec.horizon_days, spec.metric.name)
        assert row["baseline_rule"] == spec.baseline.description
    assert (rows[LEARNT]["better"], rows[DETECTOR]["better"]) == ("lower", "higher")


def test_a_gain_is_positive_where_the_model_is_better(rows: dict[str, dict[str, Any]]) -> None:
    for row in rows.values():
        sign = 1 if row["better"] == "higher" else -1
        gain = sign * (row["model_on_baseline_rows"] - row["baseline"])
        assert row["gain"] == pytest.approx(gain)
        assert row["gain_low"] <= row["gain"] <= row["gain_high"]
        assert row["low"] <= row["value"] <= row["high"]
        assert row["beats_baseline"] is (gain > 0)


def test_the_origins_follow_each_other_and_their_rows_add_up(
    rows: dict[str, dict[str, Any]],
) -> None:
    for row in rows.values():
        folds = row["folds"]
        assert len(folds) == ORIGINS
        assert row["rows"] == sum(fold["test_rows"] for fold in folds) > 0
        trained = [fold["train_rows"] for fold in folds]
        assert trained == sorted(trained) and trained[0] > 0
        for before, after in pairwise(folds):
            assert before["origin"] <= before["tested_until"] < after["origin"]


def test_only_detectors_are_held_against_planted_incidents(
    rows: dict[str, dict[str, Any]],
) -> None:
    assert "incidents" not in rows[LEARNT]
    found = rows[DETECTOR]["incidents"]
    assert 0 < found["recalled"] <= found["incidents"]
    assert found["flagged_days"] <= found["days"]
    share = found["quiet_flagged"] / found["quiet_rows"]
    assert rows[DETECTOR]["quiet_flagged_share"] == pytest.approx(share)


def test_without_a_list_of_planted_incidents_none_are_counted(whole: Whole, tmp_path: Path) -> None:
    settings = whole.settings.model_copy(update={"landing": tmp_path})
    platform = replace(whole.platform, settings=settings)
    (row,) = evaluate(platform, whole.registry, [DETECTOR], origins=ORIGINS)
    assert "incidents" not in row
    assert row["rows"] > 0


def test_too_little_data_is_a_reason_in_the_row(whole: Whole) -> None:
    (row,) = evaluate(whole.platform, whole.registry, [LEARNT], origins=40)
    assert "too few for 40 origins" in row["reason"]
    assert (row["beats_baseline"], row["folds"]) == (None, [])
    assert "value" not in row


def test_rows_are_plain_values_that_json_can_hold(rows: dict[str, dict[str, Any]]) -> None:
    assert json.loads(json.dumps(list(rows.values()))) == list(rows.values())


def test_the_models_are_told_one_by_one(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, int, int]] = []
    monkeypatch.setattr("ngm_assets.evaluate.evaluate_model", lambda *_, **__: {})
    tell: Callable[[str, int, int], None] = lambda *said: told.append(said)  # noqa: E731
    assert len(evaluate(whole.platform, whole.registry, told=tell)) == len(catalog())
    count = len(catalog())
    assert told == [(spec.name, number, count) for number, spec in enumerate(catalog())]


def test_an_unknown_model_is_answered_with_the_nearest(whole: Whole) -> None:
    with pytest.raises(ConfigError) as refused:
        evaluate(whole.platform, whole.registry, [LEARNT, "job_duration_forcaster"])
    assert "job_duration_forecaster" in str(refused.value.mend)


def test_a_home_without_features_is_refused(whole: Whole, tmp_path: Path) -> None:
    empty: Platform = open_estate(tmp_path / "landing", tmp_path / "home")
    with pytest.raises(ConfigError, match=r"features\.reliability_features is empty"):
        evaluate(empty, whole.registry, [LEARNT])


@pytest.mark.parametrize(
    ("registry", "said"),
    [
        (Registry(Version(2), (Version(1), Version(2))), "v2"),
        (Registry(None, ()), "none: never trained, or too little data"),
        (
            Registry(
                None, (Version(1, {"gates_reason": "old"}), Version(2, {"gates_reason": "x"}))
            ),
            "none: x",
        ),
        (Registry(None, (Version(1),)), "none: not promoted"),
    ],
)
def test_the_champion_or_why_there_is_none(registry: Registry, said: str) -> None:
    assert champion_of(cast(ModelRegistry, registry), LEARNT) == said


def made(**changes: Any) -> dict[str, Any]:
    """Return a row of the report with round numbers."""
    fold = {"train_rows": 9, "reason": ""}
    row = {
        "model": "planner",
        "supervised": True,
        "metric": "mae",
        "unit": "USD",
        "better": "lower",
        "alert_budget": 0.02,
        "champion": "v3",
        "reason": "",
        "value": 12.3456,
        "low": 11.0,
        "high": 14.0,
        "baseline": 15.0,
        "gain": 2.6544,
        "gain_low": -0.5,
        "gain_high": 4.0,
        "beats_baseline": True,
        "lift_at_budget": None,
        "calibration_error": 0.05,
        "rows": 80,
        "folds": [fold, fold, {"train_rows": 0, "reason": "too few"}],
    }
    return row | changes


def cells(text: str, line: int) -> list[str]:
    """Return the cells of a line of a Markdown table."""
    return [cell.strip() for cell in text.splitlines()[line].strip("|").split("|")]


def test_the_table_as_markdown() -> None:
    detector = made(
        model="detector",
        supervised=False,
        metric="average_precision",
        better="higher",
        champion="none: too few rows",
        incidents={"incidents": 4, "recalled": 3, "days": 9, "flagged_days": 5},
        quiet_flagged_share=0.0123,
        lift_at_budget=7.89,
        calibration_error=None,
    )
    text = markdown([made(), detector])
    assert cells(text, 0) == list(COLUMNS)
    planner = "planner|mae, USD (lower is better)|12.3 [11, 14]|15|2.65 [-0.5, 4]||0.05|||80, 2|v3"
    assert cells(text, 2) == planner.split("|")
    assert cells(text, 3)[5:] == [
        "7.89",
        "",
        "3 of 4 (5 of 9 days)",
        "1.23% / 2.00%",
        "80, 2",
        "none",
    ]
    assert "1 of 1 supervised models beat their baseline" in text
    assert "- " not in text.split("baseline.")[-1]


def test_what_could_not_be_evaluated_stands_below_the_table_with_its_reason() -> None:
    bare = {"value": None, "low": None, "baseline": None, "gain": None, "gain_low": None}
    poor = made(model="poor", beats_baseline=None, reason="7 rows, needs 9.", folds=[], **bare)
    worse = made(model="worse", beats_baseline=False, gain=-1.0)
    text = markdown([made(), worse, poor])
    assert cells(text, 4)[2:5] == ["", "", ""]
    assert "- poor: 7 rows, needs 9." in text.splitlines()
    assert "1 of 3 supervised models beat their baseline" in text


def test_origins_without_a_value_say_why(whole: Whole) -> None:
    """A detector without a proxy that came true in a span is trained there, but has no value."""
    name = "privilege_escalation_detector"
    (row,) = evaluate(whole.platform, whole.registry, [name], origins=ORIGINS)
    for fold in row["folds"]:
        assert (fold["value"] is None) == bool(fold["reason"])
