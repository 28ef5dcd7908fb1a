"""The building blocks: named streams, weighted draws, decimals, slices."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.demo import arrow
from ngm_assets.demo.draws import ar1, expand, pick_rows, stream, two_state, with_repeats
from ngm_assets.demo.jobs import cut

HOUR = arrow.HOUR_US


def test_a_stream_depends_on_seed_and_name_only() -> None:
    draws = {
        (seed, name): tuple(stream(seed, name).integers(0, 2**60, 4).tolist())
        for seed in (0, 7, 8)
        for name in ("access/audit", "billing/usage")
    }
    assert len(set(draws.values())) == 6
    assert (
        tuple(stream(7, "access/audit").integers(0, 2**60, 4).tolist()) == draws[7, "access/audit"]
    )


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(2, 9))
def test_weighted_draws_never_take_what_has_no_weight(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 3, (rows, columns)).astype(float)
    weights[:, 0] += weights.sum(axis=1) == 0
    which = rng.integers(0, rows, 300)
    drawn = pick_rows(rng, weights, which)
    assert (weights[which, drawn] > 0).all()


def test_weighted_draws_follow_the_weights() -> None:
    drawn = pick_rows(stream(1, "x"), np.asarray([[1.0, 3.0], [1.0, 0.0]]), np.zeros(40_000, int))
    assert abs(drawn.mean() - 0.75) < 0.02


def test_ar1_has_the_asked_spread_and_memory() -> None:
    series = ar1(stream(1, "x"), (400, 200), phi=0.7, sd=0.5)
    assert abs(series.std() - 0.5) < 0.02
    assert abs(np.corrcoef(series[:, :-1].ravel(), series[:, 1:].ravel())[0, 1] - 0.7) < 0.02


def test_two_states_are_held_as_long_as_asked() -> None:
    states = two_state(stream(1, "x"), (500, 300), enter=0.05, leave=0.2)
    assert abs(states.mean() - 0.05 / 0.25) < 0.02


def test_expand_names_row_and_day_of_every_event() -> None:
    rows, days = expand(np.asarray([[0, 2], [1, 0]]))
    assert list(zip(rows.tolist(), days.tolist(), strict=True)) == [(0, 1), (0, 1), (1, 0)]


@given(st.integers(0, 2**32), st.integers(1, 400), st.floats(0.0, 1.0))
def test_repeats_keep_every_row_and_the_order(seed: int, n: int, share: float) -> None:
    rows = with_repeats(np.random.default_rng(seed), n, share)
    counts = np.bincount(rows, minlength=n)
    assert (np.diff(rows) >= 0).all()
    assert set(counts.tolist()) <= {1, 2}


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=20))
def test_decimals_are_exact_to_the_millionth(micros: list[int]) -> None:
    made = arrow.decimals(np.asarray(micros) / 1e6).to_pylist()
    assert made == [Decimal(m).scaleb(-6) for m in micros]


def test_decimals_can_be_null() -> None:
    made = arrow.decimals(np.asarray([1.5, 2.0]), np.asarray([False, True])).to_pylist()
    assert made == [Decimal("1.5"), None]


def test_uuids_look_like_uuids_and_differ() -> None:
    made = arrow.uuids(stream(1, "x"), 1000).to_pylist()
    assert len(set(made)) == 1000
    assert all(len(u) == 36 and u[8] == u[13] == u[18] == u[23] == "-" for u in made)


@given(st.integers(0, 10**12), st.integers(0, 40 * HOUR), st.booleans())
def test_slices_cover_the_span_without_gap_or_overlap(start: int, length: int, clock: bool) -> None:
    end = start + length
    span, lower, upper, last = cut(np.asarray([start]), np.asarray([end]), np.asarray([clock]))
    assert lower[0] == start
    assert upper[-1] == end
    assert (lower[1:] == upper[:-1]).all()
    assert (upper - lower <= HOUR).all()
    assert (span == 0).all()
    assert last.tolist() == [False] * (len(last) - 1) + [True]
    offset = 0 if clock else start % HOUR
    assert (upper[:-1] % HOUR == offset).all()
