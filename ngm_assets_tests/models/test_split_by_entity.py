"""The split by entity: nobody is on both sides, and nobody's side depends on the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.errors import InsufficientData
from ngm_assets.models.data.split import latest_per_entity, split_by_entity

DAY = np.datetime64("2026-01-01", "ns")
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
"""Keys without NUL, up to which pandas compares texts."""
entities = st.lists(
    st.tuples(NAMES, NAMES, st.integers(0, 50)),
    min_size=2,
    max_size=60,
)


def _keys(rows: list[tuple[str, str, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["workspace_id", "job_id", "day"])
    frame["usage_date"] = DAY + frame.pop("day").to_numpy() * np.timedelta64(1, "D")
    return frame.sort_values("usage_date", kind="stable", ignore_index=True)


def _many(count: int) -> pd.DataFrame:
    return _keys([(f"w{i % 7}", f"job{i}", i % 30) for i in range(count)])


def _sides(keys: pd.DataFrame, held: np.ndarray) -> dict[tuple[str, str], set[bool]]:
    sides: dict[tuple[str, str], set[bool]] = {}
    for workspace, job, side in zip(keys["workspace_id"], keys["job_id"], held, strict=True):
        sides.setdefault((workspace, job), set()).add(bool(side))
    return sides


@given(rows=entities, share=st.floats(0.1, 0.8), seed=st.integers(0, 100))
def test_no_entity_is_on_both_sides_and_no_row_on_neither(
    rows: list[tuple[str, str, int]], share: float, seed: int
) -> None:
    keys = _keys(rows + rows[:3])
    try:
        split = split_by_entity(keys, "usage_date", share=share, seed=seed)
    except InsufficientData:
        return
    assert (split.train ^ split.holdout).all()
    assert all(len(sides) == 1 for sides in _sides(keys, split.holdout).values())
    days = keys["usage_date"].to_numpy().astype("datetime64[D]")
    assert (split.train_start, split.train_end) == (
        days[split.train].min(),
        days[split.train].max(),
    )
    assert (split.holdout_start, split.holdout_end) == (
        days[split.holdout].min(),
        days[split.holdout].max(),
    )


def test_an_entitys_side_does_not_depend_on_the_others_the_order_or_the_day() -> None:
    keys = _many(400)
    whole = _sides(keys, split_by_entity(keys, "usage_date").holdout)
    part = keys.iloc[::3][::-1].assign(usage_date=DAY + np.timedelta64(99, "D"))
    for entity, side in _sides(part, split_by_entity(part, "usage_date").holdout).items():
        assert whole[entity] == side


def test_the_same_seed_draws_the_same_entities_and_another_one_others() -> None:
    keys = _many(300)
    first, again, other = (
        split_by_entity(keys, "usage_date", seed=seed).holdout for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.15


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_the_share_is_met_on_average(share: float) -> None:
    held = split_by_entity(_many(4000), "usage_date", share=share).holdout
    assert held.mean() == pytest.approx(share, abs=0.03)


def test_parts_of_a_key_are_not_run_together() -> None:
    """("a", "bc") and ("ab", "c") are two entities: some seed must part them."""
    keys = _keys([("a", "bc", 0), ("ab", "c", 0), ("x", "y", 1), ("z", "y", 1)])
    apart = 0
    for seed in range(40):
        try:
            held = split_by_entity(keys, "usage_date", share=0.5, seed=seed).holdout
        except InsufficientData:
            continue
        apart += bool(held[0] != held[1])
    assert apart > 5


def test_too_few_entities_are_refused_with_their_number() -> None:
    keys = _keys([("w", "j", day) for day in range(50)])
    with pytest.raises(InsufficientData, match="1 entities are too few"):
        split_by_entity(keys, "usage_date")


@given(rows=entities)
def test_the_latest_row_of_each_entity_counts_and_no_other(
    rows: list[tuple[str, str, int]],
) -> None:
    keys = _keys(rows)
    latest = keys[latest_per_entity(keys, "usage_date")]
    newest = keys.groupby(["workspace_id", "job_id"])["usage_date"].max()
    found = latest.set_index(["workspace_id", "job_id"])["usage_date"]
    assert found.index.is_unique
    assert found.to_dict() == newest.to_dict()
