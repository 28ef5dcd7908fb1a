"""Every rule a contract implies passes on good rows and fails on bad ones, with its numbers."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ngm_assets.engine.base import Engine
from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets.lakehouse.contract import Column, TableContract
from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.lakehouse.quality import Finding, contract_findings, measure, volume_finding
from ngm_assets.raw.landing import Landing
from ngm_assets_tests.lakehouse.tables import DATED, DAY, ID, NEXT_DAY, batches

Row = tuple[Any, ...]

# What is stored may break what is judged: the stored table has no limits and no duties.
STORED = TableContract(
    name="thing",
    schema_name="some",
    description="As stored.",
    key=("id", "day"),
    partition="day",
    columns=(
        ID.model_copy(update={"nullable": True}),
        DATED.model_copy(update={"nullable": True}),
        Column(name="share", type="double", doc="Share."),
        Column(name="kind", type="string", doc="Kind."),
    ),
)
JUDGED = STORED.model_copy(
    update={
        "columns": (
            ID,
            DATED,
            Column(name="share", type="double", min=0, max=1, doc="Share."),
            Column(name="kind", type="string", accepted=("good", "bad"), doc="Kind."),
        )
    }
)
GOOD: list[Row] = [("a", DAY, 0.0, "good"), ("b", DAY, 1.0, "bad"), ("a", NEXT_DAY, None, None)]


def judge(folder: Path, rows: list[Row], contract: TableContract = JUDGED) -> dict[str, Finding]:
    """Store rows and return what the rules say of them, by check."""
    lake = DeltaLakehouse(folder / "lake")
    lake.overwrite(STORED, batches(rows, STORED), DAY, NEXT_DAY)
    engine: Engine = DuckDBEngine(lake, Landing(folder), {"some.thing": STORED}, folder / "scratch")
    facts = measure(engine, contract, DAY, NEXT_DAY)
    stored = lake.column_types("some.thing")
    return {finding.name: finding for finding in contract_findings(contract, facts, stored)}


def test_good_rows_pass_every_rule(tmp_path: Path) -> None:
    found = judge(tmp_path, GOOD)
    assert list(found) == [
        "schema_matches_contract",
        "key_is_unique",
        "required_columns_filled",
        "values_in_range",
        "values_accepted",
    ]
    assert all(finding.passed for finding in found.values())
    assert found["values_in_range"].numbers["rows"] == 3


def test_no_rows_at_all_pass_every_rule(tmp_path: Path) -> None:
    assert all(finding.passed for finding in judge(tmp_path, []).values())


@pytest.mark.parametrize(
    ("row", "check", "numbers", "warn"),
    [
        (
            ("a", DAY, 0.5, "good"),
            "key_is_unique",
            {"duplicates": 1, "days": ["2024-03-04"]},
            False,
        ),
        ((None, DAY, 0.5, "good"), "required_columns_filled", {"offending_rows": {"id": 1}}, False),
        (("c", DAY, -0.1, "good"), "values_in_range", {"offending_rows": {"share": 1}}, False),
        (("c", NEXT_DAY, 1.1, "good"), "values_in_range", {"offending_rows": {"share": 1}}, False),
        (("c", DAY, 0.5, "ugly"), "values_accepted", {"offending_rows": {"kind": 1}}, True),
    ],
)
def test_a_bad_row_fails_its_rule(
    tmp_path: Path, row: Row, check: str, numbers: dict[str, Any], warn: bool
) -> None:
    finding = judge(tmp_path, [*GOOD, row])[check]
    assert not finding.passed
    assert finding.warn is warn
    assert numbers.items() <= finding.numbers.items()


def test_keys_of_several_columns_are_unique_together(tmp_path: Path) -> None:
    wide = JUDGED.model_copy(update={"key": ("id", "kind", "day")})
    rows: list[Row] = [("a", DAY, 0.1, "good"), ("a", DAY, 0.1, "bad"), ("b", DAY, 0.1, "good")]
    assert judge(tmp_path, rows, wide)["key_is_unique"].passed
    assert not judge(tmp_path, [*rows, ("b", DAY, 0.2, "good")], wide)["key_is_unique"].passed


def test_the_same_key_on_two_days_is_no_duplicate(tmp_path: Path) -> None:
    assert judge(tmp_path, [("a", DAY, 0.1, "good"), ("a", NEXT_DAY, 0.1, "good")])[
        "key_is_unique"
    ].passed


@pytest.mark.parametrize(
    ("column", "numbers"),
    [
        (Column(name="more", type="int", doc="Not stored."), {"missing": ["more"]}),
        (Column(name="share", type="bigint", doc="Stored as double."), {"changed": ["share"]}),
    ],
)
def test_a_stored_table_that_does_not_fit_its_contract_fails(
    tmp_path: Path, column: Column, numbers: dict[str, Any]
) -> None:
    judge(tmp_path, GOOD)
    others = tuple(c for c in JUDGED.columns if c.name != column.name)
    contract = JUDGED.model_copy(update={"columns": (*others, column)})
    engine = DuckDBEngine(
        DeltaLakehouse(tmp_path / "lake"), Landing(tmp_path), {"some.thing": STORED}, tmp_path
    )
    facts = measure(engine, JUDGED, DAY, NEXT_DAY)
    stored = DeltaLakehouse(tmp_path / "lake").column_types("some.thing")
    finding = contract_findings(contract, facts, stored)[0]
    assert not finding.passed
    assert numbers.items() <= finding.numbers.items()


USUAL = {DAY - timedelta(days=7 * n): 100 for n in (1, 2, 3, 4)}


def volume(
    rows: int, source: int = 100, before: dict[date, int] | None = None, **changes: Any
) -> Finding:
    """Judge the rows of one day."""
    counts = (USUAL if before is None else before) | ({DAY: rows} if rows else {})
    contract = JUDGED.model_copy(update=changes)
    return volume_finding(contract, counts, {DAY: source} if source else {}, [DAY])


def test_usual_volumes_pass() -> None:
    assert volume(100).passed
    assert volume(50).passed
    assert volume(1000).passed
    assert volume(1, before={}).passed
    assert volume(0, source=0, before={}).passed


def test_less_than_half_of_the_same_weekday_warns() -> None:
    finding = volume(49)
    assert not finding.passed
    assert finding.warn
    assert finding.numbers["days"] == ["2024-03-04"]


def test_other_weekdays_and_older_weeks_do_not_count() -> None:
    other = {DAY - timedelta(days=n): 1000 for n in (1, 2, 6, 8, 35)}
    assert volume(49, before=other).passed
    assert not volume(49, before=other | USUAL).passed


def test_a_day_that_is_low_because_the_source_is_empty_warns() -> None:
    finding = volume(0, source=0)
    assert (finding.passed, finding.warn) == (False, True)


@pytest.mark.parametrize("every_day", [True, False])
def test_no_rows_although_the_source_has_some_is_an_error(every_day: bool) -> None:
    finding = volume(0, source=1, every_day=every_day)
    assert (finding.passed, finding.warn) == (False, False)
    assert finding.numbers["days_without_rows_though_source_has"] == 1


def test_tables_of_changes_may_be_quiet() -> None:
    assert volume(1, every_day=False).passed
