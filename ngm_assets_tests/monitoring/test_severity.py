"""Effects become severities of columns and tables; p-values alone become nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from scipy import stats

from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.drift.distribution import Distribution, NumericBins
from ngm_assets.monitoring.drift.judgement import Found, benjamini_hochberg, judge
from ngm_assets.monitoring.drift.policy import Policy, policy_of
from ngm_assets.monitoring.drift.reference import ReferenceColumn
from ngm_assets.monitoring.drift.severity import TableDrift
from ngm_assets.monitoring.drift.statistics.base import Bands

POLICY = Policy()
EVEN = (10_000,) * 10
SHIFTS = {"none": 0.1, "moderate": 0.38, "severe": 0.5, "critical": 0.65}
"""Part of five bins that goes to the other five, for each severity: s/2 ln((1+s) / (1-s))."""


def moved(share: float, rows: int = 100_000) -> Distribution:
    """Return ten bins, even but for a part of five of them that went to the other five."""
    one, other = round(rows / 10 * (1 - share)), round(rows / 10 * (1 + share))
    return Distribution("numeric", (one,) * 5 + (other,) * 5)


def reference(*names: str) -> dict[str, ReferenceColumn]:
    """Return columns of ten even bins."""
    bins = NumericBins(tuple(float(edge) for edge in range(9)))
    return {name: ReferenceColumn(name, bins, Distribution("numeric", EVEN)) for name in names}


def table(importance: Mapping[str, float] | None = None, /, **current: Found) -> TableDrift:
    """Judge columns of ten even bins."""
    return judge(reference(*current), current, POLICY, importance)


def psi(found: TableDrift) -> float:
    """Return the index of the first column."""
    value = found.columns[0].measured[0].outcome.value
    assert value is not None
    return value


@pytest.mark.parametrize("severity", SHIFTS)
def test_a_column_is_as_bad_as_its_index(severity: str) -> None:
    found = table(x=moved(SHIFTS[severity]))
    low, high = {
        "none": (-1.0, 0.1),
        "moderate": (0.1, 0.2),
        "severe": (0.2, 0.35),
        "critical": (0.35, 9.0),
    }[severity]
    assert low <= psi(found) < high
    assert found.columns[0].severity == severity
    assert found.passed == (severity == "none")


def test_a_tiny_shift_in_a_large_sample_is_no_alarm() -> None:
    found = table(x=moved(0.2))
    (measured,) = [each for each in found.columns[0].measured if each.statistic == "psi"]
    assert measured.adjusted_p is not None
    assert measured.adjusted_p < 1e-11
    assert 0.03 < psi(found) < 0.1
    assert found.passed


def test_a_large_effect_in_few_rows_is_no_alarm_by_itself() -> None:
    found = table(x=Distribution("numeric", (5, 1, 4, 2, 3, 1, 5, 2, 6, 1)))
    assert psi(found) > 0.2
    assert found.passed


def test_one_column_of_many_is_moderate_however_far_it_moved() -> None:
    stable: dict[str, Found] = {f"s{n}": moved(0.0) for n in range(19)}
    assert table(None, x=moved(0.65), **stable).severity == "moderate"


def test_an_important_column_counts_in_full() -> None:
    stable: dict[str, Found] = {f"s{n}": moved(0.0) for n in range(19)}
    weights = {"x": 1.0, **dict.fromkeys(stable, 0.1)}
    assert table(weights, x=moved(0.65), **stable).severity == "critical"
    assert table(weights, x=moved(0.5), **stable).severity == "severe"
    assert table(weights, x=moved(0.38), **stable).severity == "moderate"


def test_drift_of_half_the_importance_is_severe_even_if_moderate() -> None:
    assert table(a=moved(0.38), b=moved(0.38), c=moved(0), d=moved(0)).severity == "severe"


@pytest.mark.parametrize("reason", ["missing_column", "changed_type"])
def test_a_broken_column_is_critical_whatever_its_importance(reason: str) -> None:
    stable: dict[str, Found] = {f"s{n}": moved(0.0) for n in range(40)}
    found = table({"x": 0.0, "s1": 1.0}, x=reason, **stable)
    assert (found.severity, found.columns[0].severity) == ("critical", "critical")
    assert found.reasons == (f"x: {reason}",)


def test_a_column_nobody_found_is_missing() -> None:
    found = judge(reference("gone"), {}, POLICY)
    assert (found.columns[0].reason, found.severity) == ("missing_column", "critical")


def test_missing_values_make_a_column_drift() -> None:
    found = table(x=Distribution("numeric", EVEN, missing=50_000))
    assert found.columns[0].severity == "severe"


def test_nothing_to_judge_is_no_pass() -> None:
    found = judge({}, {}, POLICY)
    assert (found.status, found.reasons, found.passed) == (
        "could_not_evaluate",
        ("no_columns",),
        False,
    )


def test_shares_of_importance_add_up() -> None:
    found = table({"a": 3.0, "b": 1.0}, a=moved(0.65), b=moved(0.0))
    assert found.drifted_share == pytest.approx(0.75)
    assert sum(column.importance for column in found.columns) == pytest.approx(1.0)


def test_benjamini_hochberg_is_scipys() -> None:
    p_values = np.random.default_rng(3).random(40) ** 3
    found = benjamini_hochberg(dict(enumerate(p_values.tolist())))
    expected = stats.false_discovery_control(p_values)
    assert [found[n] for n in range(40)] == pytest.approx(expected.tolist(), rel=1e-12)


def test_bands_can_be_set() -> None:
    lenient = Policy(bands={"psi": Bands(0.5, 0.6, 0.7)})
    current = {"x": moved(0.5)}
    assert judge(reference("x"), current, lenient).severity == "none"
    strict = Policy(bands={"psi": Bands(0.01, 0.02, 0.03)})
    assert judge(reference("x"), {"x": moved(0.2)}, strict).severity == "critical"


@pytest.mark.parametrize("bands", [(0.0, 0.1, 0.2), (0.2, 0.1, 0.3), (0.1, 0.2, float("nan"))])
def test_bands_rise(bands: tuple[float, float, float]) -> None:
    with pytest.raises(ConfigError, match="do not rise"):
        Bands(*bands)


def test_bands_and_statistics_can_stand_in_the_settings() -> None:
    found = policy_of({"bands": {"psi": {"moderate": 0.2, "severe": 0.3, "critical": 0.4}}})
    assert found.bands["psi"] == Bands(0.2, 0.3, 0.4)
    assert policy_of({}).model_dump() == POLICY.model_dump()


@pytest.mark.parametrize(
    "fields", [{"significanse": 0.1}, {"significance": 2}, {"bands": {"psi": {"moderate": 1}}}]
)
def test_settings_that_do_not_do_are_named(fields: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(fields))) as refused:
        policy_of(fields)
    assert "significance" in refused.value.mend
