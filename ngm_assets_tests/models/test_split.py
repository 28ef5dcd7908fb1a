"""The split by time: nothing learnt from may look into what judges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.errors import InsufficientData
from ngm_assets.models.data.split import split_by_time

DAY = np.datetime64("2026-01-01", "D")


@given(
    offsets=st.lists(st.integers(0, 400), min_size=1, max_size=60),
    horizon=st.integers(1, 40),
    share=st.floats(0.05, 0.5),
    least=st.integers(1, 30),
)
def test_no_training_label_reaches_into_the_holdout(
    offsets: list[int], horizon: int, share: float, least: int
) -> None:
    dates = DAY + np.array(offsets)
    try:
        split = split_by_time(dates, horizon_days=horizon, share=share, min_days=least)
    except InsufficientData:
        first, last = min(offsets), max(offsets)
        length = max(math.ceil(share * (last - first + 1)), least)
        assert first + horizon >= last - length + 1
        return
    assert (dates[split.train] + horizon < dates[split.holdout].min()).all()
    assert (dates[split.train] + horizon < split.holdout_start).all()
    assert not (split.train & split.holdout).any()
    assert (dates[split.holdout] >= split.holdout_start).all()
    between = ~split.train & ~split.holdout
    assert (dates[between] < split.holdout_start).all()
    assert (dates[between] + horizon >= split.holdout_start).all()


@pytest.mark.parametrize(("days", "held_out"), [(100, 20), (60, 14), (71, 15)])
def test_the_holdout_is_a_fifth_of_the_days_but_at_least_fourteen(days: int, held_out: int) -> None:
    split = split_by_time(DAY + np.arange(days), horizon_days=7)
    assert split.holdout.sum() == held_out
    assert split.train.sum() == days - held_out - 7


def test_days_are_split_not_rows() -> None:
    crowded = np.r_[np.repeat(DAY, 1000), DAY + np.arange(1, 100)]
    assert split_by_time(crowded, horizon_days=1).holdout.sum() == 20


def test_too_short_a_history_is_refused_with_numbers() -> None:
    with pytest.raises(InsufficientData, match=r"20 days.*takes 14 and the gap 7.*at least 22"):
        split_by_time(DAY + np.arange(20), horizon_days=7)


def test_no_rows_are_refused() -> None:
    with pytest.raises(InsufficientData, match="No rows"):
        split_by_time(np.array([], dtype="datetime64[D]"), horizon_days=1)
