"""Training: judged on days it never saw, refitted on all, refused when it cannot be honest."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from ngm_assets.errors import DataError, InsufficientData
from ngm_assets.models.candidate import Candidate
from ngm_assets.models.catalog.spec import ModelSpec
from ngm_assets.models.data.frames import ModelFrame
from ngm_assets.models.reference import settled_rows
from ngm_assets.models.registry.loaded import LoadedModel
from ngm_assets.models.training import key_for, train
from ngm_assets_tests.models.making import (
    FIRST,
    as_of,
    context,
    frame_of,
    loaded_of,
    spec_of,
)


def _train(
    spec: ModelSpec,
    frame: ModelFrame,
    *,
    day: date | None = None,
    champion: LoadedModel | None = None,
) -> Candidate:
    return train(spec, frame, as_of=day or as_of(), champion=champion, context=context())


def _passed(candidate: Candidate) -> dict[str, bool | None]:
    return {gate.name: gate.passed for gate in candidate.decision.gates}


@pytest.mark.parametrize(
    "name", ["binary", "regression", "quantile", "multiclass", "texts", "anomaly"]
)
def test_a_learnable_problem_beats_its_baseline(name: str, request: pytest.FixtureRequest) -> None:
    candidate: Candidate = request.getfixturevalue(name)
    assert candidate.decision.promote, candidate.decision.reason
    assert candidate.baseline.gain is not None and candidate.baseline.gain > 0


def test_the_windows_leave_the_gap_and_the_refit_uses_every_row(binary: Candidate) -> None:
    window, frame = binary.window, frame_of("binary")
    assert window.holdout_first == FIRST + timedelta(days=72)
    assert window.train_last + timedelta(days=1) < window.holdout_first
    assert window.trained_through == window.holdout_last == FIRST + timedelta(days=89)
    assert binary.rows == {"train": 71 * 15, "holdout": 18 * 15, "refit": len(frame)}
    assert sum(binary.class_counts.values()) == len(frame)
    assert binary.reference["rows"] == settled_rows(frame).sum() == 60 * 15


def test_the_holdout_is_judged_by_a_model_that_never_saw_it(binary: Candidate) -> None:
    """Labels of the holdout flipped: the same evaluated model now looks bad, not retrained."""
    frame = frame_of("binary")
    assert frame.label is not None
    late = frame.dates >= np.datetime64(binary.window.holdout_first)
    flipped = replace(frame, label=np.where(late, 1 - frame.label, frame.label))
    other = _train(spec_of("binary"), flipped)
    np.testing.assert_array_equal(other.holdout.prediction, binary.holdout.prediction)
    np.testing.assert_array_equal(other.holdout.truth, 1 - binary.holdout.truth)
    assert not other.decision.promote


def test_the_same_rows_give_the_same_candidate_and_key(binary: Candidate) -> None:
    again = _train(spec_of("binary"), frame_of("binary"))
    assert again.training_key == binary.training_key
    assert again.decision == binary.decision
    assert again.measured == binary.measured
    key = key_for(spec_of("binary"), frame_of("binary"), as_of=as_of(), context=context())
    assert key == binary.training_key


def test_the_key_follows_rows_day_specification_label_sql_and_libraries() -> None:
    spec, frame, base = spec_of("binary"), frame_of("binary"), context()
    variants = [
        (spec, frame, as_of(), base),
        (spec, frame_of("binary", seed=4), as_of(), base),
        (spec, frame, as_of() + timedelta(days=7), base),
        (spec_of("binary", seed=9), frame, as_of(), base),
        (spec, frame, as_of(), replace(base, label_sql_hash="other")),
        (spec, frame, as_of(), replace(base, library_versions={"xgboost": "4"})),
    ]
    keys = {key_for(s, f, as_of=day, context=c) for s, f, day, c in variants}
    assert len(keys) == len(variants)


def test_rows_that_look_at_the_day_or_later_are_refused() -> None:
    with pytest.raises(DataError, match="look at 2026-03-31 or later"):
        _train(spec_of("binary"), frame_of("binary"), day=date(2026, 3, 31))


def test_an_anomaly_row_may_be_as_late_as_the_day_before_if_its_proxy_is_open() -> None:
    frame = frame_of("anomaly")
    assert frame.label is not None and np.isnan(frame.label[-1])
    day = FIRST + timedelta(days=90)
    candidate = _train(spec_of("anomaly"), frame, day=day)
    assert candidate.window.trained_through == day - timedelta(days=1)
    with pytest.raises(DataError):
        _train(spec_of("anomaly"), replace(frame, label=np.zeros(len(frame))), day=day)


def test_infinite_features_are_refused_by_name() -> None:
    frame = frame_of("binary")
    features = frame.features.assign(size=np.inf)
    with pytest.raises(DataError, match="size holds infinite"):
        _train(spec_of("binary"), replace(frame, features=features))


def test_rows_older_than_the_window_are_not_used() -> None:
    spec = spec_of("binary", training={"window_days": 60})
    candidate = _train(spec, frame_of("binary"))
    assert candidate.window.first == as_of() - timedelta(days=60)


@pytest.mark.parametrize(
    ("training", "message"),
    [({"min_rows": 5000}, "1350 rows, needs 5000"), ({"min_positives": 900}, "positives in")],
)
def test_too_little_data_is_refused_with_numbers(training: dict[str, int], message: str) -> None:
    with pytest.raises(InsufficientData, match=message):
        _train(spec_of("binary", training=training), frame_of("binary"))


def test_one_class_is_refused() -> None:
    frame = frame_of("binary")
    with pytest.raises(InsufficientData, match="0 positives"):
        _train(spec_of("binary"), replace(frame, label=np.zeros(len(frame))))


def test_a_constant_quantity_is_refused() -> None:
    frame = frame_of("regression")
    with pytest.raises(InsufficientData, match="constant label 5"):
        _train(spec_of("regression"), replace(frame, label=np.full(len(frame), 5.0)))


def test_a_feature_that_is_the_answer_stops_the_candidate() -> None:
    frame = frame_of("binary")
    leaked = replace(frame, features=frame.features.assign(errors=frame.label))
    candidate = _train(spec_of("binary"), leaked)
    assert _passed(candidate)["leakage_scan"] is False
    assert not candidate.decision.promote


def test_a_holdout_without_positives_is_not_evaluated_and_not_promoted() -> None:
    frame = frame_of("binary")
    assert frame.label is not None
    early = frame.dates < np.datetime64(FIRST + timedelta(days=60))
    candidate = _train(spec_of("binary"), replace(frame, label=np.where(early, frame.label, 0.0)))
    assert candidate.measured.value is None
    assert "no positives" in candidate.measured.reason
    assert _passed(candidate)["beats_baseline"] is None
    assert not candidate.decision.promote


def test_a_detector_without_a_proxy_incident_in_the_holdout_is_promoted_and_says_so() -> None:
    frame = frame_of("anomaly")
    candidate = _train(spec_of("anomaly"), replace(frame, label=np.zeros(len(frame))))
    assert candidate.decision.promote
    assert "could not be evaluated" in candidate.decision.reason


def test_a_baseline_known_on_too_few_rows_is_no_baseline() -> None:
    frame = frame_of("binary")
    candidate = _train(spec_of("binary"), replace(frame, baseline=np.full(len(frame), np.nan)))
    assert _passed(candidate)["beats_baseline"] is None
    assert not candidate.decision.promote


def test_the_champion_is_compared_only_on_days_it_was_not_trained_on() -> None:
    old = _train(spec_of("binary"), frame_of("binary", days=80), day=as_of(80))
    candidate = _train(spec_of("binary"), frame_of("binary"), champion=loaded_of(old, version=4))
    assert candidate.champion is not None
    assert candidate.champion_version == 4
    assert candidate.champion.rows == 10 * 15
    assert candidate.champion.theirs is not None


def test_a_champion_that_saw_nearly_all_of_the_holdout_is_not_compared(binary: Candidate) -> None:
    candidate = _train(spec_of("binary"), frame_of("binary"), champion=loaded_of(binary))
    assert _passed(candidate)["not_worse_than_champion"] is None
    assert candidate.champion is not None
    assert "0 labelled rows after 2026-03-31" in candidate.champion.reason
    assert "not_worse_than_champion" in candidate.decision.reason
    assert candidate.decision.promote


def test_a_clearly_better_champion_stays() -> None:
    """The candidate's training days lost the feature that matters; the champion's had it."""
    good = _train(spec_of("binary"), frame_of("binary", days=70), day=as_of(70))
    frame = frame_of("binary")
    early = frame.dates < np.datetime64(FIRST + timedelta(days=72))
    load = frame.features["load"].to_numpy()
    shuffled = np.where(early, np.random.default_rng(0).permutation(load), load)
    blinded = replace(frame, features=frame.features.assign(load=shuffled))
    candidate = _train(spec_of("binary"), blinded, champion=loaded_of(good))
    assert _passed(candidate)["not_worse_than_champion"] is False
    assert not candidate.decision.promote


def test_a_champion_that_answers_another_question_is_not_compared(binary: Candidate) -> None:
    label = {"column": "other", "horizon_days": 1, "unit": "share", "description": "Other."}
    champion = replace(loaded_of(binary), spec=spec_of("binary", label=label))
    candidate = _train(spec_of("binary"), frame_of("binary"), champion=champion)
    assert candidate.champion is not None
    assert "another question" in candidate.champion.reason
