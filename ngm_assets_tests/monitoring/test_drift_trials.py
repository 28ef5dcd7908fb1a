"""Entities over days: what hardly changes is no alarm, what moves is found all the same."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ngm_assets.monitoring.drift.measure import Repeats, judge_counts
from ngm_assets.monitoring.drift.reference import ReferenceColumn
from ngm_assets.monitoring.drift.severity import TableDrift
from ngm_assets_tests.monitoring.test_trials import COLUMNS, POLICY, TRIALS, draw
from ngm_assets_tests.monitoring.windows import Values, counted, reference_of

TRAINED, WINDOW = 120, 7
"""Days."""
WEEK = Repeats(WINDOW, WINDOW)
KINDS = ("level", "mean", "cost", "zeros", "counts")


def panel(rng: np.random.Generator, entities: int, kind: str) -> Values:
    """Draw a column, shape (days, entities): levels that wander, and a weekly rhythm.

    mean is a trailing mean of 7 days, cost is skewed, zeros are costs that mostly are none, and
    counts follow a rate.
    """
    days, memory = TRAINED + WINDOW, 0.7
    steps = rng.normal(size=(days + 6, entities))
    for day in range(1, len(steps)):
        steps[day] = memory * steps[day - 1] + np.sqrt(1 - memory**2) * steps[day]
    rhythm = np.where(np.arange(days + 6) % 7 >= 5, -0.5, 0.2)[:, None]
    values = rng.normal(size=entities) + steps + rhythm
    if kind == "mean":
        return np.stack([values[day : day + 7].mean(axis=0) for day in range(days)])
    values = values[6:]
    if kind == "zeros":
        return np.where(values < 0.8, 0.0, np.exp(values))
    if kind == "counts":
        return rng.poisson(np.exp(values / 2)).astype(np.float64)
    return np.exp(values) if kind == "cost" else values


def references(before: dict[str, Values]) -> dict[str, ReferenceColumn]:
    """Return what training keeps of its rows."""
    return {name: reference_of(name, values) for name, values in before.items()}


def judged(
    reference: dict[str, ReferenceColumn], now: dict[str, Values], repeats: Repeats = WEEK
) -> TableDrift:
    """Judge a window of a week, as drift of stored tables is judged."""
    window = {name: counted(values, reference[name].bins) for name, values in now.items()}
    kinds = {name: column.distribution.kind for name, column in reference.items()}
    return judge_counts(reference, kinds, window, POLICY, None, repeats)


def trial(seed: int, entities: int, moved: float = 0.0) -> TableDrift:
    """Judge the last week of a table; the first column may be moved by standard deviations."""
    rng = np.random.default_rng(seed)
    before, now = {}, {}
    for number in range(COLUMNS):
        values = panel(rng, entities, KINDS[number % len(KINDS)])
        before[f"c{number}"] = values[:TRAINED].ravel()
        now[f"c{number}"] = values[TRAINED:].ravel()
    now["c0"] = now["c0"] + moved * before["c0"].std()
    return judged(references(before), now)


def test_stationary_entities_hardly_ever_alarm() -> None:
    found = Counter(trial(seed, entities=30).severity for seed in range(TRIALS))
    assert TRIALS - found["none"] <= 0.05 * TRIALS
    assert found["severe"] + found["critical"] <= 0.01 * TRIALS


def test_entities_that_move_by_a_standard_deviation_are_found() -> None:
    found = [trial(seed, entities=60, moved=1.0) for seed in range(10)]
    for each in found:
        assert [column.name for column in each.columns if column.status == "drifted"] == ["c0"]


@pytest.fixture(scope="module")
def many() -> tuple[dict[str, ReferenceColumn], dict[str, float]]:
    """Return the reference of 120 days with 2,000 rows a week, and standard deviations."""
    rows = draw(np.random.default_rng(0), 2000 * TRAINED // WINDOW)
    return references(rows), {n: float(v.std()) for n, v in rows.items() if v.dtype != object}


@pytest.mark.parametrize("shifted", ["normal_1", "skewed_2", "zeros_0"])
def test_half_a_standard_deviation_is_found_though_each_row_counts_a_seventh(
    shifted: str, many: tuple[dict[str, ReferenceColumn], dict[str, float]]
) -> None:
    reference, deviation = many
    hits = 0
    for seed in range(1, TRIALS + 1):
        now = draw(np.random.default_rng(seed), 2000)
        now[shifted] = now[shifted] + 0.5 * deviation[shifted]
        found = judged(reference, now)
        drifted = [column.name for column in found.columns if column.status == "drifted"]
        hits += found.severity != "none" and drifted == [shifted]
    assert hits >= 0.95 * TRIALS


def test_rows_that_all_count_hardly_ever_alarm_against_many(
    many: tuple[dict[str, ReferenceColumn], dict[str, float]],
) -> None:
    once = Repeats(1, 1)
    windows = (draw(np.random.default_rng(seed), 2000) for seed in range(1, TRIALS + 1))
    found = Counter(judged(many[0], now, once).severity for now in windows)
    assert TRIALS - found["none"] <= 0.05 * TRIALS
    assert found["severe"] + found["critical"] <= 0.01 * TRIALS


def test_a_tiny_shift_in_many_rows_stays_stable() -> None:
    """PSI 0.04 with a p-value below 1e-11 although each row counts a seventh."""
    values = np.tile(np.arange(10.0), 20_000)
    moved = np.where((values < 5) & (np.arange(len(values)) % 10_000 < 2_000), values + 5, values)
    found = judged(references({"x": values}), {"x": moved})
    (psi,) = [each for each in found.columns[0].measured if each.statistic == "psi"]
    assert psi.outcome.value == pytest.approx(0.04, abs=0.01)
    assert psi.adjusted_p is not None
    assert psi.adjusted_p < 1e-11
    assert (found.severity, found.status) == ("none", "stable")
