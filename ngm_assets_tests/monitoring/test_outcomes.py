"""Awkward windows have an outcome with a name, never a number that is none, never a quiet pass."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ngm_assets.errors import DataError
from ngm_assets.monitoring.drift.distribution import Distribution, combined
from ngm_assets.monitoring.drift.judgement import judge
from ngm_assets.monitoring.drift.policy import Policy
from ngm_assets.monitoring.drift.reference import reference_column, reference_columns
from ngm_assets.monitoring.drift.severity import ColumnDrift, TableDrift
from ngm_assets.monitoring.drift.statistics.base import Outcome, Statistic
from ngm_assets_tests.monitoring.windows import Values, counted, judged, reference_of

POLICY = Policy()
STATISTICS = {statistic.name: statistic for statistic in POLICY.resolved()}
VALUES = np.random.default_rng(5).normal(size=1000)


def column(reference: Values, current: Values) -> ColumnDrift:
    """Return the judgement of a table of one column."""
    return table(reference, current).columns[0]


def table(reference: Values, current: Values) -> TableDrift:
    """Return the judgement of a table of one column, as a table."""
    return judged({"x": reference}, {"x": current}, POLICY)


def texts(*values: str | None) -> Values:
    """Return a column of texts."""
    return np.array(values, dtype=object)


def outcome(found: ColumnDrift, statistic: str) -> Outcome:
    """Return what one statistic said."""
    (one,) = [each.outcome for each in found.measured if each.statistic == statistic]
    return one


@pytest.mark.parametrize(
    ("reference", "current", "reason"),
    [
        (np.full(500, np.nan), VALUES, "empty_reference"),
        (VALUES, np.full(500, np.nan), "empty_current"),
        (VALUES, VALUES[:0], "empty_current"),
        (VALUES[:0], VALUES, "empty_reference"),
        (VALUES, VALUES[:19], "too_few_rows"),
        (VALUES[:19], VALUES, "too_few_rows"),
        (np.array([f"text {n}" for n in range(500)], dtype=object), texts("a"), "reference_in_one"),
    ],
)
def test_what_cannot_be_evaluated_says_why_and_does_not_pass(
    reference: Values, current: Values, reason: str
) -> None:
    found = table(reference, current)
    assert reason in found.columns[0].reason
    assert outcome(found.columns[0], "psi").status == "could_not_evaluate"
    assert not found.passed
    assert found.reasons


def test_a_column_that_becomes_empty_drifts_by_its_missing_rate() -> None:
    found = column(VALUES, np.full(500, np.nan))
    assert (found.severity, found.status, found.reason) == ("critical", "drifted", "empty_current")


def test_a_constant_that_stays_is_stable_by_name() -> None:
    found = table(np.full(900, 4.0), np.full(300, 4.0))
    assert found.passed
    assert outcome(found.columns[0], "psi").reason == "constant_reference"
    assert outcome(found.columns[0], "psi").value == 0.0


@pytest.mark.parametrize("now", [3.0, 5.0, -1e12])
@pytest.mark.parametrize("rows", [30, 3000])
def test_a_constant_that_becomes_another_is_critical_by_name(now: float, rows: int) -> None:
    found = column(np.full(900, 4.0), np.full(rows, now))
    assert (found.severity, found.reason) == ("critical", "")
    assert outcome(found, "psi").reason == "constant_reference"
    assert outcome(found, "ks").value == 1.0


def test_a_constant_text_that_becomes_another_is_critical_and_unseen() -> None:
    found = column(texts(*["a"] * 100), texts(*["b"] * 50))
    assert found.severity == "critical"
    assert outcome(found, "unseen_categories").value == 1.0


def test_values_below_a_frequent_minimum_show() -> None:
    reference = np.concatenate([np.zeros(800), np.linspace(0.1, 1.0, 200)])
    moved = np.concatenate([np.full(400, -7.0), np.zeros(400), np.linspace(0.1, 1.0, 200)])
    assert column(reference, reference).severity == "none"
    assert column(reference, moved).severity == "critical"


def test_values_that_leave_a_frequent_maximum_show() -> None:
    """Where 9 of 10 values are the greatest there is, all deciles are that very value."""
    reference = np.repeat([1.0, 9.0], [50, 950])
    fallen = np.repeat([1.0, 5.0, 9.0], [50, 350, 600])
    assert column(reference, reference).severity == "none"
    assert column(reference, fallen).severity == "critical"


def test_an_older_reference_without_that_bin_says_so() -> None:
    """Its versions had no edge below a value that is several deciles at once."""
    stored = {"rows": 1000, "min": 1.0, "max": 9.0, "edges": [9.0], "counts": [1000, 0]}
    found = reference_column("x", stored)
    now = counted(np.repeat([1.0, 9.0], [500, 500]), found.bins)
    told = judge({"x": found}, {"x": now}, POLICY).columns[0]
    assert (told.status, told.reason) == ("could_not_evaluate", "reference_in_one_cell")


def test_rare_categories_of_training_are_not_told_apart() -> None:
    stored = {"rows": 1000, "texts": {"a": 900, "b": 50, "c": 9, "d": 1}, "other": 10}
    found = reference_column("x", stored)
    assert found.distribution == Distribution("categorical", (900, 50, 20), 30)


@pytest.mark.parametrize(
    "broken",
    [
        {"rows": 10},
        {"rows": 10, "edges": [1.0], "counts": [5], "min": 0.0, "max": 2.0},
        {"rows": 10, "edges": [2.0, 1.0], "counts": [5, 2, 3], "min": 0.0, "max": 3.0},
        {"rows": 3, "edges": [1.0], "counts": [5, 5], "min": 0.0, "max": 2.0},
        {"rows": 10, "texts": {"a": 30}, "other": 0},
    ],
)
def test_a_reference_that_contradicts_itself_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(DataError, match="cannot be used"):
        reference_columns({"features": {"x": broken}})


@pytest.mark.parametrize("name", STATISTICS)
@given(counts=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_no_counts_whatsoever_give_a_number_that_is_none(
    name: str, counts: list[tuple[int, int]]
) -> None:
    statistic: Statistic = STATISTICS[name]
    one, other = zip(*counts, strict=True)
    for kind in statistic.kinds:
        found = statistic.evaluate(Distribution(kind, one, 3), Distribution(kind, other, 0))
        numbers = [found.value, found.effect, found.p_value]
        assert all(number is None or math.isfinite(number) for number in numbers)
        assert found.status != "could_not_evaluate" or found.reason


@pytest.mark.parametrize(
    "broken",
    [
        (math.nan, 1.0, None, "stable", ""),
        (1.0, 1.0, 1.5, "stable", ""),
        (None, None, None, "stable", ""),
        (None, None, None, "could_not_evaluate", ""),
    ],
)
def test_an_outcome_is_an_answer_or_a_reason(broken: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match=r"finite|probability|reason"):
        Outcome(*broken)  # type: ignore[arg-type]


def test_windows_over_other_cells_are_not_compared() -> None:
    one, other = Distribution("numeric", (30, 30)), Distribution("numeric", (30, 30, 30))
    with pytest.raises(ValueError, match="cells"):
        STATISTICS["psi"].evaluate(one, other)
    with pytest.raises(ValueError, match="cells"):
        combined([one, other])


def test_stored_bins_count_the_training_rows_as_training_did() -> None:
    for values in (VALUES, np.round(VALUES), np.maximum(VALUES, 0.0), np.full(30, 7.0)):
        found = reference_of("x", values)
        assert counted(values, found.bins) == found.distribution
