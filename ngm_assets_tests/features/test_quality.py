"""Every check of features passes on sound rows and fails on the fault it is there for."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from ngm_assets.engine.base import Query
from ngm_assets.features.quality import FEW_ROWS, NAMES, WARN_ONLY, feature_findings
from ngm_assets.features.tables import feature_contracts
from ngm_assets.lakehouse.quality import Finding
from ngm_assets.platform import Platform
from ngm_assets_tests.estate import open_estate, write_features, write_gold
from ngm_assets_tests.landings import awkward_landing

START = date(2024, 1, 1)
DAYS = 42
END = START + timedelta(days=DAYS - 1)
TABLE = "security_features"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Return gold and features of an awkward landing."""
    folder: Path = tmp_path_factory.mktemp("estate")
    awkward_landing(folder / "landing", seed=2, days=DAYS, start=START)
    platform = open_estate(folder / "landing", folder / "home")
    write_gold(platform, START, END)
    write_features(platform, START, END)
    return platform


def judge(platform: Platform, table: str, start: date = START, end: date = END) -> dict[str, Finding]:
    """Return what the checks say of a feature table, by check."""
    found = feature_findings(platform.engine, feature_contracts()[table], start, end)
    return {finding.name: finding for finding in found}


def rewrite(platform: Platform, select: str, start: date = START, end: date = END) -> None:
    """Overwrite days of the security features by columns and a condition over them."""
    contract = feature_contracts()[TABLE]
    sql = f"SELECT {select}"
    platform.engine.overwrite(contract, Query(sql, {}), start, end)


def columns(**changed: str) -> str:
    """Return the columns of the security features, some of them replaced by an expression."""
    names = feature_contracts()[TABLE].column_names
    return ", ".join(f"{changed[name]} AS {name}" if name in changed else name for name in names)


@pytest.fixture
def tampered(whole: Platform) -> Platform:
    """Return the platform with its security features as they should be."""
    write_features(whole, START, END, [TABLE])
    return whole


@pytest.mark.parametrize("table", sorted(feature_contracts()))
def test_sound_features_have_one_row_per_key(whole: Platform, table: str) -> None:
    findings = judge(whole, table)
    assert tuple(findings) == NAMES
    assert findings["one_row_per_key"].passed, findings["one_row_per_key"].numbers
    assert findings["one_row_per_key"].numbers["expected_keys"] > 0
    assert not findings["one_row_per_key"].warn
    assert {name for name, finding in findings.items() if finding.warn} <= WARN_ONLY


def test_a_key_that_is_missing_is_an_error_that_names_the_day(tampered: Platform) -> None:
    day = START + timedelta(days=3)
    table = f"features.{TABLE}"
    one = f"SELECT MIN(user_id) FROM {table} WHERE event_date = DATE '{day}'"  # noqa: S608
    rewrite(
        tampered,
        f"{columns()} FROM {table} WHERE event_date = DATE '{day}' AND user_id <> ({one})",
        day,
        day,
    )
    finding = judge(tampered, TABLE)["one_row_per_key"]
    assert (finding.passed, finding.warn) == (False, False)
    (off,) = finding.numbers["days_off"]
    assert off.startswith(f"{day}: ")
    written, expected = map(int, off.removeprefix(f"{day}: ").split(" of "))
    assert written == expected - 1


def test_features_of_a_day_without_gold_are_an_error(tampered: Platform) -> None:
    after = END + timedelta(days=1)
    moved = columns(event_date=f"DATE '{after}'")
    rewrite(tampered, f"{moved} FROM features.{TABLE} WHERE event_date = DATE '{END}'", after, after)
    finding = judge(tampered, TABLE, START, after)["one_row_per_key"]
    rewrite(tampered, f"{columns()} FROM features.{TABLE} WHERE FALSE", after, after)
    assert not finding.passed
    assert finding.numbers["days_off"][0].endswith(" of 0")


@pytest.mark.parametrize("value", ["CAST(7 AS DOUBLE)", "CAST(NULL AS DOUBLE)"])
def test_a_column_that_is_constant_or_empty_for_30_days_warns_by_name(
    tampered: Platform, value: str
) -> None:
    dead = columns(failed_ratio=value)
    recent = END - timedelta(days=29)
    rewrite(tampered, f"{dead} FROM features.{TABLE} WHERE event_date >= DATE '{recent}'", recent, END)
    finding = judge(tampered, TABLE)["no_constant_column"]
    assert (finding.passed, finding.warn) == (False, True)
    assert "failed_ratio" in finding.numbers["constant_columns"]


def test_a_column_that_varied_once_in_30_days_is_not_constant(tampered: Platform) -> None:
    first = END - timedelta(days=29)
    once = columns(failed_ratio=f"CASE WHEN event_date <= DATE '{first}' THEN 0.5 ELSE 0.25 END")
    rewrite(tampered, f"{once} FROM features.{TABLE}")
    assert "failed_ratio" not in judge(tampered, TABLE)["no_constant_column"].numbers["constant_columns"]


def test_few_rows_have_no_constant_columns(tampered: Platform) -> None:
    rewrite(tampered, f"{columns()} FROM features.{TABLE} WHERE event_date = DATE '{END}'")
    finding = judge(tampered, TABLE)["no_constant_column"]
    assert finding.numbers["rows_30d"] < FEW_ROWS
    assert finding.passed


@pytest.mark.parametrize(("filled", "risen"), [(0.75, False), (0.85, False), (0.3, True)])
def test_null_rates_that_rise_by_more_than_a_fifth_warn_by_name(
    tampered: Platform, filled: float, risen: bool
) -> None:
    week = END - timedelta(days=6)
    share = f"MOD(ROW_NUMBER() OVER (ORDER BY event_date, user_id), 100) < {100 * filled}"
    value = f"CASE WHEN event_date < DATE '{week}' OR {share} THEN 0.5 END"
    fresh = f"WHERE event_date >= DATE '{week}'"
    rewrite(tampered, f"{columns(lateral_movement_risk='0.5')} FROM features.{TABLE}")
    rewrite(tampered, f"{columns(lateral_movement_risk=value)} FROM features.{TABLE} {fresh}", week, END)
    finding = judge(tampered, TABLE)["null_rates_as_usual"]
    assert ("lateral_movement_risk" in finding.numbers["risen"]) is risen
    assert finding.warn
    if risen:
        assert not finding.passed
        assert "lateral_movement_risk" in finding.detail


def test_null_rates_that_cannot_be_judged_say_so(whole: Platform) -> None:
    finding = judge(whole, TABLE, START, START)["null_rates_as_usual"]
    assert (finding.passed, finding.warn) == (False, True)
    assert "Could not be evaluated" in finding.detail
