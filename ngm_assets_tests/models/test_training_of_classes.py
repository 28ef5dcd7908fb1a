"""Training of classes, quantiles and single entities: what is judged, counted and refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from ngm_assets.errors import DataError, InsufficientData
from ngm_assets.models.candidate import Candidate
from ngm_assets.models.catalog.spec import ModelSpec
from ngm_assets.models.data.frames import ModelFrame
from ngm_assets.models.estimators.xgboost_quantile import FittedQuantiles
from ngm_assets.models.evaluation.assessment import judge_rows
from ngm_assets.models.registry.loaded import LoadedModel
from ngm_assets.models.training import train
from ngm_assets_tests.models.making import (
    CLASSES,
    FIRST,
    as_of,
    context,
    frame_of,
    loaded_of,
    spec_of,
)


def _train(spec: ModelSpec, frame: ModelFrame, champion: LoadedModel | None = None) -> Candidate:
    return train(spec, frame, as_of=as_of(), champion=champion, context=context())


def _gates(candidate: Candidate) -> dict[str, bool | None]:
    return {gate.name: gate.passed for gate in candidate.decision.gates}


def _once_per_entity(days: int = 60, keys: int = 400) -> ModelFrame:
    """Return rows of many entities on few days each, every entity's last label its own."""
    frame = frame_of("multiclass", days=days, keys=keys)
    few = np.random.default_rng(2).random(len(frame)) < 0.05
    return frame.select(few)


def test_the_classes_are_counted_by_name(multiclass: Candidate) -> None:
    frame = frame_of("multiclass")
    assert frame.label is not None
    counts = np.bincount(frame.label.astype(int)).tolist()
    assert dict(multiclass.class_counts) == dict(zip(CLASSES, counts, strict=True))


def test_several_classes_are_judged_by_all_their_metrics(multiclass: Candidate) -> None:
    assert set(multiclass.secondary) == {"accuracy", "macro_f1", "calibration_error"}
    truth, probability = multiclass.holdout.calibrated or (np.empty(0), np.empty(0))
    hits = multiclass.holdout.truth == multiclass.holdout.prediction
    np.testing.assert_array_equal(truth, hits.astype(float))
    assert probability.mean() == pytest.approx(hits.mean(), abs=0.06)
    assert _gates(multiclass)["calibration"] is True


@pytest.mark.parametrize("place", [0, -1])
def test_a_class_the_specification_does_not_name_is_refused_in_training_and_holdout(
    place: int,
) -> None:
    frame = frame_of("multiclass")
    assert frame.label is not None
    label = frame.label.copy()
    label[place] = -1.0
    with pytest.raises(DataError, match="1 labels that are none of low, middle, high"):
        _train(spec_of("multiclass"), replace(frame, label=label))


@pytest.mark.parametrize(
    ("label", "needed", "message"),
    [
        (np.zeros, 1, "1350 low, 0 middle, 0 high in 1065|1065 low, 0 middle, 0 high"),
        (lambda n: (np.arange(n) % 500 == 0) * 1.0, 10, "1062 low, 3 middle, 0 high"),
    ],
)
def test_two_classes_with_enough_rows_are_needed(label: Any, needed: int, message: str) -> None:
    frame = frame_of("multiclass")
    spec = spec_of("multiclass", training={"min_positives": needed})
    with pytest.raises(InsufficientData, match=message):
        _train(spec, replace(frame, label=label(len(frame))))


def test_a_baseline_that_names_a_strange_class_is_merely_wrong() -> None:
    frame = frame_of("multiclass")
    candidate = _train(spec_of("multiclass"), replace(frame, baseline=np.full(len(frame), -1.0)))
    assert candidate.baseline.theirs == 0.0
    assert candidate.baseline.rows == len(candidate.holdout.truth)


def test_a_champion_with_other_classes_is_compared_by_their_names(multiclass: Candidate) -> None:
    frame = frame_of("multiclass")
    assert frame.label is not None and frame.baseline is not None
    early = frame.select(frame.dates < np.datetime64(FIRST + timedelta(days=70)))
    old = train(
        spec_of("multiclass"),
        early,
        as_of=FIRST + timedelta(days=72),
        champion=None,
        context=context(),
    )
    turned = replace(
        frame,
        label=2 - frame.label,
        baseline=2 - frame.baseline,
        classes=tuple(reversed(CLASSES)),
    )
    spec = spec_of("multiclass", classes=list(reversed(CLASSES)))
    candidate = _train(spec, turned, champion=loaded_of(old))
    straight = _train(spec_of("multiclass"), frame, champion=loaded_of(old))
    assert candidate.champion is not None and straight.champion is not None
    assert candidate.champion.theirs == straight.champion.theirs
    assert candidate.champion.theirs is not None and candidate.champion.theirs > 0.5


def test_a_quantile_model_is_judged_by_its_median_and_its_coverage(quantile: Candidate) -> None:
    coverage = quantile.secondary["coverage_p10_p90"]
    assert coverage is not None and 0.7 < coverage < 0.9
    gate = next(gate for gate in quantile.decision.gates if gate.name == "calibration")
    assert gate.value == pytest.approx(abs(coverage - 0.8))
    assert "coverage" in gate.detail
    assert quantile.class_counts == {}


def test_an_interval_that_covers_everything_is_as_wrong_as_one_that_covers_nothing() -> None:
    spec, frame = spec_of("quantile"), frame_of("quantile")
    candidate = _train(spec, frame)
    assert isinstance(candidate.fitted, FittedQuantiles)
    for widening, covered in ((1e9, 1.0), (-1e9, 0.0)):
        strange = replace(candidate.fitted, widening=widening)
        judged, _ = judge_rows(frame, strange)
        assert judged.covered is not None
        assert judged.covered.mean() == pytest.approx(covered, abs=0.01)
    strict = spec_of("quantile", max_calibration_error=1e-6)
    assert _gates(_train(strict, frame))["calibration"] is False


def test_by_entity_only_the_latest_row_of_each_counts_and_no_entity_is_judged_by_itself() -> None:
    frame = _once_per_entity()
    spec = spec_of("multiclass", training={"split": "entity", "holdout_share": 0.3})
    candidate = _train(spec, frame)
    entities = frame.keys["workspace_id"].nunique()
    assert candidate.rows["refit"] == entities
    assert candidate.rows["train"] + candidate.rows["holdout"] == entities
    assert candidate.rows["holdout"] / entities == pytest.approx(0.3, abs=0.08)
    newest = frame.keys.drop_duplicates("workspace_id", keep="last").index
    assert frame.label is not None
    counts = np.bincount(frame.label[newest].astype(int)).tolist()
    assert list(candidate.class_counts.values()) == counts


def test_by_entity_there_is_no_comparison_with_a_champion(multiclass: Candidate) -> None:
    spec = spec_of("multiclass", training={"split": "entity"})
    candidate = _train(spec, _once_per_entity(), champion=loaded_of(multiclass))
    assert candidate.champion is not None
    assert "entities stay the same" in candidate.champion.reason
    assert _gates(candidate)["not_worse_than_champion"] is None
