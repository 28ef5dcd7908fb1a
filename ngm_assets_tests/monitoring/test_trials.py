"""Drift is found where it is, and hardly ever where it is not: trials with seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ngm_assets.monitoring.drift.judgement import judge
from ngm_assets.monitoring.drift.policy import Policy
from ngm_assets.monitoring.drift.severity import TableDrift
from ngm_assets_tests.monitoring.windows import Values, counted, judged, reference_of

TRIALS = 100
COLUMNS = 20
POLICY = Policy()
WORDS = np.array([f"word {n}" for n in range(200)], dtype=object)


def draw(rng: np.random.Generator, rows: int) -> dict[str, Values]:
    """Draw 20 columns: normal, skewed, mostly zero, counts with gaps, texts with a long tail."""
    zipf = 1.0 / np.arange(1, 201) ** 1.3
    zipf /= zipf.sum()
    kinds: dict[str, Callable[[], Values]] = {
        "normal": lambda: rng.normal(size=rows),
        "skewed": lambda: rng.exponential(size=rows),
        "zeros": lambda: np.where(rng.random(rows) < 0.7, 0.0, rng.lognormal(size=rows)),
        "counts": lambda: np.where(rng.random(rows) < 0.1, np.nan, rng.poisson(2.0, rows)),
        "texts": lambda: WORDS[rng.choice(200, rows, p=zipf)],
    }
    return {f"{kind}_{n}": make() for n in range(COLUMNS // 5) for kind, make in kinds.items()}


def trial(seed: int, trained: int, rows: int, shifted: str = "") -> TableDrift:
    """Judge a window; one column may be shifted by half a standard deviation."""
    rng = np.random.default_rng(seed)
    reference, current = draw(rng, trained), draw(rng, rows)
    if shifted:
        current[shifted] = current[shifted] + 0.5 * reference[shifted].std()
    return judged(reference, current, POLICY)


@pytest.mark.parametrize(("trained", "rows"), [(5000, 30), (300, 30), (100, 100), (2000, 2000)])
def test_without_drift_there_is_hardly_an_alarm(trained: int, rows: int) -> None:
    found = Counter(trial(seed, trained, rows).severity for seed in range(TRIALS))
    assert TRIALS - found["none"] <= 0.05 * TRIALS
    assert found["severe"] + found["critical"] <= 0.01 * TRIALS


@pytest.mark.parametrize("shifted", ["normal_1", "skewed_2", "zeros_0"])
def test_half_a_standard_deviation_in_one_of_twenty_columns_is_found(shifted: str) -> None:
    hits = 0
    for seed in range(TRIALS):
        found = trial(seed, 2000, 2000, shifted)
        drifted = [column.name for column in found.columns if column.status == "drifted"]
        hits += found.severity != "none" and drifted == [shifted]
    assert hits >= 0.95 * TRIALS


def test_entities_that_hardly_change_from_day_to_day_are_not_taken_for_new_ones() -> None:
    """20 entities over 60 days, then 7: counted 7 times each, hardly observed more than once."""

    def panel(seed: int, repeats: float) -> TableDrift:
        rng = np.random.default_rng(seed)
        references, current = {}, {}
        for name in map(str, range(COLUMNS)):
            level, steps = rng.normal(size=20), rng.normal(size=(67, 20))
            for day in range(1, 67):
                steps[day] = 0.9 * steps[day - 1] + np.sqrt(1 - 0.9**2) * steps[day]
            values = level + steps
            found = reference_of(name, values[:60].ravel())
            now = counted(values[60:].ravel(), found.bins)
            before = replace(found.distribution, repeats=repeats)
            references[name] = replace(found, distribution=before)
            current[name] = replace(now, repeats=repeats)
        return judge(references, current, POLICY)

    assert sum(panel(seed, 1.0).severity != "none" for seed in range(20)) > 5
    assert sum(panel(seed, 7.0).severity != "none" for seed in range(20)) <= 1
