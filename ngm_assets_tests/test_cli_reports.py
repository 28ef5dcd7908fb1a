"""`ngm evaluate`, `ngm predictions` and `ngm explain` as their users meet them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ngm_assets.cli.app import main
from ngm_assets.models.catalog.spec import SEVERITIES, ModelSpec
from ngm_assets.models.data.dataset import catalog, model_spec
from ngm_assets.predictions.tables import prediction_contract
from ngm_assets_tests.whole import Whole

Answer = tuple[int, str, str]
Ngm = Callable[..., Answer]
DETECTOR = "security_threat_detector"


@pytest.fixture
def ngm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], whole: Whole) -> Ngm:
    """Return a function that runs a command on the home of the whole pipeline."""
    monkeypatch.setenv("NGM_DEBUG", "0")
    monkeypatch.setenv("NGM_HOME", str(whole.settings.home))
    monkeypatch.setenv("COLUMNS", "400")

    def run(*words: str) -> Answer:
        capsys.readouterr()
        code = main(list(words))
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, said.out, said.err

    return run


def scored(whole: Whole) -> ModelSpec:
    """Return a supervised model that has predictions."""
    return next(
        spec
        for spec in catalog()
        if spec.problem == "binary" and len(whole.tables_again[prediction_contract(spec).full_name])
    )


def refused(answer: Answer, *texts: str) -> None:
    """Assert that a command failed with a named error and its remedy."""
    code, _, err = answer
    assert code == 1
    for text in ("ConfigError: ", *texts, "mend:"):
        assert text in err


def test_an_evaluation_is_printed_and_kept(ngm: Ngm, tmp_path: Path) -> None:
    words = ["evaluate", "--models", DETECTOR, "--origins", "3", "--out", str(tmp_path / "kept")]
    code, out, _ = ngm(*words)
    assert code == 0
    assert f"| {DETECTOR} | average_precision" in out
    assert (tmp_path / "kept" / "evaluation.md").read_text(encoding="utf-8") == out
    code, printed, _ = ngm(*words, "--json")
    assert code == 0
    (row,) = json.loads(printed)
    assert row["model"] == DETECTOR
    assert len(row["folds"]) == 3
    assert json.loads((tmp_path / "kept" / "evaluation.json").read_text(encoding="utf-8")) == [row]


def test_an_evaluation_of_an_unknown_model_or_of_too_few_origins(ngm: Ngm, tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "none")]
    refused(
        ngm("evaluate", "--models", f"{DETECTOR},cost_anomaly_detecter", *out),
        "cost_anomaly_detector",
    )
    code, _, err = ngm("evaluate", "--origins", "2", *out)
    assert code == 2
    assert "--origins" in err
    assert not (tmp_path / "none").exists()


def test_an_evaluation_before_any_training(ngm: Ngm, tmp_path: Path) -> None:
    refused(ngm("evaluate", "--home", str(tmp_path)), "ngm run")


def test_predictions_of_a_day_are_those_stored(ngm: Ngm, whole: Whole) -> None:
    spec = scored(whole)
    contract = prediction_contract(spec)
    stored = whole.tables_again[contract.full_name]
    day = stored[contract.partition].max().date()
    of_day = stored[stored[contract.partition].dt.date == day]
    code, out, _ = ngm(
        "predictions", spec.name, "--date", day.isoformat(), "--top", "9999", "--json"
    )
    rows: list[dict[str, Any]] = json.loads(out)
    assert code == 0
    found = {tuple(str(row[name]) for name in contract.entity_key): row for row in rows}
    assert len(found) == len(rows) == len(of_day) > 0
    for kept in of_day.to_dict("records"):
        row = found[tuple(str(kept[name]) for name in contract.entity_key)]
        assert row["prediction"] == kept["prediction"]
        assert row[contract.partition] == day.isoformat()
    order = [SEVERITIES.index(row["severity"]) for row in rows if row["severity"]]
    assert order == sorted(order, reverse=True)


def test_the_newest_predictions_are_printed_for_people(ngm: Ngm, whole: Whole) -> None:
    spec = scored(whole)
    code, out, _ = ngm("predictions", spec.name, "--top", "2")
    assert code == 0
    assert f"{spec.name}, newest row of each key" in out
    assert len(json.loads(ngm("predictions", spec.name, "--top", "2", "--json")[1])) == 2


def test_predictions_that_cannot_be_shown(ngm: Ngm) -> None:
    refused(ngm("predictions", "budget_forcaster"), "budget_forecaster")
    refused(ngm("predictions", "budget_forecaster", "--date", "soon"), "--date", "YYYY-MM-DD")
    assert ngm("predictions", "budget_forecaster", "--top", "0")[0] == 2
    assert ngm("predictions")[0] == 2


def test_a_prediction_is_explained(ngm: Ngm, whole: Whole) -> None:
    spec = scored(whole)
    contract = prediction_contract(spec)
    row = whole.tables_again[contract.full_name].iloc[-1]
    keys = [str(row[name]) for name in contract.entity_key]
    words = ["explain", spec.name, *keys, "--date", row[contract.partition].date().isoformat()]
    code, out, _ = ngm(*words, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["entity"] == dict(zip(contract.entity_key, keys, strict=True))
    assert told["prediction"]["prediction"] == row["prediction"]
    assert {one["feature"] for one in told["inputs"]} == set(spec.features)
    code, people, _ = ngm(*words)
    assert code == 0
    hidden = len(spec.features) - 12
    assert (f"{hidden} further inputs" in people) == (hidden > 0)
    code, everything, _ = ngm(*words, "--all")
    assert code == 0
    assert all(name in everything for name in spec.features)
    assert "further inputs" not in everything


def test_an_explanation_of_what_is_not_there_names_what_is(ngm: Ngm, whole: Whole) -> None:
    spec = scored(whole)
    day = whole.plan.end.isoformat()
    names = " and ".join(prediction_contract(spec).entity_key)
    refused(ngm("explain", spec.name, "a", "b", "c", "--date", day), names)
    refused(ngm("explain", f"{spec.name}s", "a", "--date", day), spec.name)
    keys = ["0"] * len(prediction_contract(spec).entity_key)
    refused(ngm("explain", spec.name, *keys, "--date", day), "Keys with predictions: ")
    refused(ngm("explain", spec.name, *keys, "--date", "1 May"), "YYYY-MM-DD")
    code, _, err = ngm("explain", spec.name, *keys)
    assert code == 2
    assert "--date" in err
    assert model_spec(spec.name) == spec
