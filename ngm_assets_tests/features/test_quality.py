"""Every check of features passes on sound rows and fails on the fault it is there for."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from ngm_assets.engine.base import Query
from ngm_assets.features.quality import FEW_ROWS, MEANINGS, WARN_ONLY, feature_findings
from ngm_assets.features.tables import feature_contracts
from ngm_assets.gold.tables import gold_contracts
from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.lakehouse.quality import Finding
from ngm_assets.platform import Platform
from ngm_assets_tests.estate import open_estate

END = date(2024, 3, 31)
START = END - timedelta(days=34)
FEATURES = feature_contracts()["security_features"]
GOLD = gold_contracts()["fact_audit_logs"]
VARIED = {
    "string": "CONCAT('x', CAST(n AS STRING))",
    "bigint": "CAST(n AS BIGINT)",
    "int": "n",
    "double": "CAST(n AS DOUBLE) / 100",
    "boolean": "MOD(n, 2) = 0",
    "date": "d",
    "timestamp": "CAST(d AS TIMESTAMP)",
}


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """Return a platform without any rows."""
    return open_estate(tmp_path / "landing", tmp_path / "home")


def fill(
    platform: Platform,
    contract: TableContract = FEATURES,
    start: date = START,
    end: date = END,
    users: int = 20,
    **columns: str,
) -> None:
    """Overwrite days with a row for each of so many users, every column varied by the user `n`.

    Keyword columns are SQL expressions over `n` and the day `d` that take a column's place.
    """
    select = ", ".join(
        f"{columns.get(c.name, VARIED.get(c.type, 'NULL'))} AS {c.name}" for c in contract.columns
    )
    sql = (
        f"SELECT {select} FROM (SELECT EXPLODE(SEQUENCE(1, {users})) AS n) AS a CROSS JOIN "
        f"(SELECT EXPLODE(SEQUENCE(DATE '{start}', DATE '{end}', INTERVAL 1 DAY)) AS d) AS b"
    )
    platform.engine.overwrite(contract, [Query(sql, {})], start, end)


def judge(platform: Platform, start: date = START, end: date = END) -> dict[str, Finding]:
    """Return what the checks say of the security features, by check."""
    found = feature_findings(platform.engine, FEATURES, start, end)
    return {finding.name: finding for finding in found}


def test_sound_features_pass(platform: Platform) -> None:
    fill(platform)
    fill(platform, GOLD)
    findings = judge(platform)
    assert tuple(findings) == tuple(MEANINGS)
    assert {name for name, finding in findings.items() if not finding.passed} == set()
    assert {name for name, finding in findings.items() if finding.warn} <= WARN_ONLY
    assert findings["one_row_per_key"].numbers["keys_in_gold"] == 35 * 20


@pytest.mark.parametrize(
    ("table", "users", "said"),
    [(FEATURES, 19, "19 of 20"), (FEATURES, 21, "21 of 20"), (GOLD, 21, "20 of 21")],
)
def test_keys_that_differ_from_gold_are_an_error_that_names_the_day(
    platform: Platform, table: TableContract, users: int, said: str
) -> None:
    day = END - timedelta(days=1)
    for contract in (FEATURES, GOLD):
        fill(platform, contract, day, END)
    fill(platform, table, day, day, users)
    finding = judge(platform, day, END)["one_row_per_key"]
    assert (finding.passed, finding.warn) == (False, False)
    assert finding.numbers["days_off"] == [f"{day}: {said}"]


@pytest.mark.parametrize(("table", "said"), [(FEATURES, "20 of 0"), (GOLD, "0 of 20")])
def test_a_day_on_one_side_only_is_an_error(
    platform: Platform, table: TableContract, said: str
) -> None:
    fill(platform, table, END, END)
    finding = judge(platform, END, END)["one_row_per_key"]
    assert finding.numbers["days_off"] == [f"{END}: {said}"]


def test_users_without_a_name_are_no_keys(platform: Platform) -> None:
    fill(platform, FEATURES, END, END, 19)
    fill(
        platform,
        GOLD,
        END,
        END,
        20,
        user_id="CASE WHEN n < 20 THEN CONCAT('x', CAST(n AS STRING)) END",
    )
    assert judge(platform, END, END)["one_row_per_key"].passed


@pytest.mark.parametrize("value", ["CAST(7 AS DOUBLE)", "CAST(NULL AS DOUBLE)"])
def test_a_column_that_is_constant_or_empty_for_30_days_warns_by_name(
    platform: Platform, value: str
) -> None:
    recent = END - timedelta(days=29)
    fill(platform, FEATURES, START, recent - timedelta(days=1))
    fill(platform, FEATURES, recent, END, lateral_movement_risk=value)
    finding = judge(platform)["no_constant_column"]
    assert (finding.passed, finding.warn) == (False, True)
    assert finding.numbers["constant_columns"] == ["lateral_movement_risk"]
    assert "lateral_movement_risk" in finding.detail


def test_a_column_that_had_another_value_within_30_days_is_not_constant(platform: Platform) -> None:
    first = END - timedelta(days=29)
    once = f"CASE WHEN d = DATE '{first}' THEN 0.5 ELSE 0.25 END"
    fill(platform, lateral_movement_risk=once)
    assert judge(platform)["no_constant_column"].passed


def test_a_few_rows_are_not_enough_to_call_a_column_constant(platform: Platform) -> None:
    fill(platform, FEATURES, END, END, FEW_ROWS - 1, lateral_movement_risk="0.5")
    few = judge(platform)["no_constant_column"]
    assert not few.passed
    assert few.warn
    assert "Could not be evaluated" in few.detail
    fill(platform, FEATURES, END, END, FEW_ROWS, lateral_movement_risk="0.5")
    enough = judge(platform)["no_constant_column"]
    assert "lateral_movement_risk" in enough.numbers["constant_columns"]


@pytest.mark.parametrize(
    ("filled", "risen"), [(15, {}), (16, {}), (14, {"lateral_movement_risk": 0.3})]
)
def test_null_rates_that_rise_by_more_than_a_fifth_warn_by_name(
    platform: Platform, filled: int, risen: dict[str, float]
) -> None:
    week = END - timedelta(days=6)
    norm = "CASE WHEN n > 1 THEN 0.5 END"
    fresh = f"CASE WHEN n <= {filled} THEN 0.5 END"
    fill(platform, FEATURES, START, week - timedelta(days=1), lateral_movement_risk=norm)
    fill(platform, FEATURES, week, END, lateral_movement_risk=fresh)
    finding = judge(platform)["null_rates_as_usual"]
    assert finding.numbers["risen"] == risen
    assert (finding.passed, finding.warn) == (not risen, True)
    assert all(name in finding.detail for name in risen)


@pytest.mark.parametrize(("start", "users"), [(END - timedelta(days=6), 20), (START, 1)])
def test_null_rates_that_cannot_be_judged_say_so(
    platform: Platform, start: date, users: int
) -> None:
    fill(platform, FEATURES, start, END, users)
    finding = judge(platform)["null_rates_as_usual"]
    assert (finding.passed, finding.warn) == (False, True)
    assert "Could not be evaluated" in finding.detail
