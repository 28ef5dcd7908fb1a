"""Out of time: at each origin only what was known by then, tested on the days up to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.errors import InsufficientData
from ngm_assets.models.catalog.spec import ModelSpec
from ngm_assets.models.data.frames import ModelFrame
from ngm_assets.models.estimators.base import Outputs
from ngm_assets.models.evaluation import backtest as bt
from ngm_assets.models.evaluation.backtest import backtest, origins_of
from ngm_assets_tests.models.making import frame_of, spec_of

HORIZON = 5
COUNT = 4


@dataclass
class Asked:
    """A stand-in for an estimator that says the greatest label it has seen, and keeps what it saw.

    Attributes:
        trained: The rows of every fit.
        tested: The features of every prediction.
    """

    trained: list[ModelFrame] = field(default_factory=list)
    tested: list[pd.DataFrame] = field(default_factory=list)

    def fit(self, frame: ModelFrame, *, spec: ModelSpec, seed: int) -> Asked:
        """Keep the rows."""
        assert frame.label is not None
        self.trained.append(frame)
        return self

    def predict(self, features: pd.DataFrame) -> Outputs:
        """Say the greatest label of the last fit."""
        self.tested.append(features)
        label = self.trained[-1].label
        assert label is not None
        return Outputs(np.full(len(features), label.max()))

    def importance(self) -> Mapping[str, float]:
        """Say that the day counts."""
        return {"load": 1.0}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Return the stand-in, which is what every estimator's name leads to."""
    made = Asked()
    monkeypatch.setattr(bt, "resolve_estimator", lambda _name: made)
    return made


def days_of(dates: np.ndarray) -> np.ndarray:
    """Return days as numbers."""
    return dates.astype("datetime64[D]").astype(np.float64)


def number_of(day: date) -> float:
    """Return a day as a number."""
    return float(np.datetime64(day, "D").astype(np.int64))


def told_by_its_label(days: int = 90) -> ModelFrame:
    """Return rows whose label is the day on which it is known, load their day, size their key."""
    rows = frame_of("regression", days=days)
    key = rows.keys["workspace_id"].str.removeprefix("w").astype(np.float64)
    features = pd.DataFrame({"load": days_of(rows.dates), "size": key, "errors": 0.0})
    label = days_of(rows.dates) + HORIZON
    return replace(rows, features=features, label=label, baseline=label + 3.0)


def spec_with(problem: str = "regression", **changes: Any) -> ModelSpec:
    """Return a specification with a horizon of several days and MAE."""
    target = {"column": "outcome", "horizon_days": HORIZON, "unit": "day", "description": "When."}
    base: dict[str, Any] = {"label": target, "metric": {"name": "mae"}}
    return spec_of(problem, **(base | changes))


@given(
    first=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    days=st.integers(1, 400),
    count=st.integers(3, 12),
)
def test_origins_tile_the_last_half_of_the_days(first: date, days: int, count: int) -> None:
    last = first + timedelta(days=days - 1)
    if days // 2 < 2 * count:
        with pytest.raises(InsufficientData, match=f"{days} labelled days .* {count} origins"):
            origins_of(first, last, count)
        return
    spans = origins_of(first, last, count)
    tested = [a + timedelta(days=n) for a, b in spans for n in range((b - a).days + 1)]
    half = days // 2
    assert tested == [last - timedelta(days=n) for n in reversed(range(half))]
    assert len(spans) == count
    lengths = [(b - a).days + 1 for a, b in spans]
    assert max(lengths) - min(lengths) <= 1


def test_a_training_label_is_ripe_at_its_origin_and_no_ripe_one_is_left_out(asked: Asked) -> None:
    found = backtest(spec_with(), told_by_its_label(), count=COUNT)
    assert len(found.folds) == len(asked.trained) == len(asked.tested) == COUNT
    for fold, trained, tested in zip(found.folds, asked.trained, asked.tested, strict=True):
        assert trained.label is not None
        assert trained.label.max() == number_of(fold.origin) - 1
        assert fold.train_rows == len(trained)
        assert tested["load"].min() == number_of(fold.origin)
        assert tested["load"].max() == number_of(fold.until)


def test_no_row_is_tested_twice_and_none_of_the_last_half_is_left_out(asked: Asked) -> None:
    frame = told_by_its_label()
    found = backtest(spec_with(), frame, count=COUNT)
    tested = np.concatenate([features["load"] for features in asked.tested])
    expected = days_of(frame.dates)[days_of(frame.dates) >= number_of(found.folds[0].origin)]
    np.testing.assert_array_equal(np.sort(tested), np.sort(expected))
    assert found.rows == len(tested) == 45 * 15


@pytest.mark.usefixtures("asked")
def test_the_pooled_metric_is_the_metric_of_all_tested_rows() -> None:
    frame = told_by_its_label(91)
    thinned = frame.select((days_of(frame.dates) < days_of(frame.dates).max() - 5) | _first(frame))
    found = backtest(spec_with(), thinned, count=COUNT)
    assert thinned.label is not None
    errors, values = [], []
    for fold in found.folds:
        days = days_of(thinned.dates)
        of_fold = (days >= number_of(fold.origin)) & (days <= number_of(fold.until))
        errors.append(thinned.label[of_fold] - (number_of(fold.origin) - 1))
        assert fold.measured is not None and fold.measured.value is not None
        assert fold.measured.value == pytest.approx(errors[-1].mean())
        assert fold.measured.rows == of_fold.sum()
        values.append(fold.measured.value)
    pooled = np.concatenate(errors).mean()
    assert found.measured.value == pytest.approx(pooled)
    assert abs(pooled - np.mean(values)) > 0.01
    assert found.baseline.theirs == pytest.approx(3.0)
    assert found.baseline.gain == pytest.approx(3.0 - pooled)


def _first(frame: ModelFrame) -> np.ndarray:
    return (frame.keys["workspace_id"] == "w00").to_numpy()


def test_with_a_split_by_entity_the_tested_ones_are_held_out(asked: Asked) -> None:
    training = {"split": "entity", "holdout_share": 0.4, "min_rows": 1, "min_positives": 1}
    frame = told_by_its_label()
    label = days_of(frame.dates) + HORIZON - frame.features["size"].to_numpy() / 100
    found = backtest(spec_with(training=training), replace(frame, label=label), count=COUNT)
    drawn = set()
    for fold, trained, tested in zip(found.folds, asked.trained, asked.tested, strict=True):
        assert trained.label is not None and trained.label.max() < number_of(fold.origin)
        assert not set(trained.features["size"]) & set(tested["size"])
        assert set(trained.features["size"]) | set(tested["size"]) == set(range(15))
        for rows in (trained.features, tested):
            assert rows["size"].is_unique
        assert (tested["load"] == number_of(fold.until)).all()
        drawn.add(frozenset(tested["size"]))
    assert len(drawn) > 1


def test_of_anomalies_every_tested_row_has_a_score_whether_its_proxy_is_known_or_not() -> None:
    frame = frame_of("anomaly")
    assert frame.label is not None
    found = backtest(spec_of("anomaly"), frame, count=COUNT)
    assert found.scored is not None and found.scores is not None
    tested = frame.dates >= np.datetime64(found.folds[0].origin, "D")
    pd.testing.assert_frame_equal(
        found.scored.keys.reset_index(drop=True),
        frame.keys[tested].reset_index(drop=True),
    )
    assert len(found.scores) == tested.sum() > found.rows
    assert found.rows == np.isfinite(frame.label[tested]).sum()
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    assert found.lift is not None and found.lift > 10


def test_supervised_models_have_no_scores_and_quantities_no_lift() -> None:
    found = backtest(spec_of("binary"), frame_of("binary"), count=3)
    assert (found.scored, found.scores) == (None, None)
    assert found.lift is not None and found.calibration is not None
    found = backtest(spec_of("regression"), frame_of("regression"), count=3)
    assert (found.lift, found.calibration) == (None, None)


def test_fewer_than_three_origins_are_three(asked: Asked) -> None:
    assert len(backtest(spec_with(), told_by_its_label(), count=1).folds) == 3
    assert len(asked.trained) == 3


def test_a_history_that_is_too_short_is_refused() -> None:
    with pytest.raises(InsufficientData, match=r"11 labelled days .* too few for 3 origins"):
        backtest(spec_of("binary"), frame_of("binary", days=11), count=3)
    nothing = frame_of("binary").select(np.zeros(90 * 15, dtype=bool))
    with pytest.raises(InsufficientData, match="no rows to test on"):
        backtest(spec_of("binary"), nothing, count=3)


def test_an_origin_that_could_not_be_trained_says_why_and_the_others_count() -> None:
    frame = frame_of("binary")
    assert frame.label is not None
    late = frame.dates >= frame.dates.min() + np.timedelta64(60, "D")
    found = backtest(spec_of("binary"), replace(frame, label=frame.label * late), count=COUNT)
    assert "0 positives" in found.folds[0].reason
    assert found.folds[0].measured is None
    assert found.folds[-1].reason == ""
    tested = [fold.measured.rows for fold in found.folds if fold.measured is not None]
    assert found.rows == sum(tested) < 45 * 15


def test_if_no_origin_could_be_trained_that_of_the_newest_is_the_reason() -> None:
    frame = frame_of("binary")
    assert frame.label is not None
    ones = replace(frame, label=np.ones(len(frame)))
    with pytest.raises(InsufficientData) as refused:
        backtest(spec_of("binary"), ones, count=3)
    origin = origins_of(frame.dates.min().item(), frame.dates.max().item(), 3)[-1][0]
    rows = int((frame.dates + np.timedelta64(1, "D") < np.datetime64(origin, "D")).sum())
    assert refused.value.what.startswith(f"binary_model has {rows} positives in {rows} ")
