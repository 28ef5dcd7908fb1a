"""Every check of gold passes on a sound landing and fails on the fault it is there for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ngm_assets.engine.base import Query
from ngm_assets.gold.quality import EXTRA_MEANINGS, MEANINGS, WARN_ONLY, gold_findings
from ngm_assets.gold.tables import UNDATED, gold_contracts, rejects_contract
from ngm_assets.lakehouse.quality import Finding, measure
from ngm_assets_tests.estate import open_estate, write_gold
from ngm_assets_tests.raw.files import (
    COLUMNS,
    MOMENT,
    QUERIES,
    USAGE,
    WHEN,
    put,
    snapshot,
    statements,
)

DAY = date(2024, 3, 4)
MICROSECONDS = 86_400_000_000
PRICES = "system.billing.list_prices"


@dataclass
class Desk:
    """A landing, the gold made of it, and what the checks say of a day."""

    folder: Path

    def put(self, table: str, place: str, rows: pa.Table) -> None:
        """Write a raw file."""
        put(self.folder / "landing", table, place, rows)

    def judge(
        self, table: str, day: date = DAY, end: date | None = None, *, write: bool = True
    ) -> dict[str, Finding]:
        """Write a gold table for some days (or leave it) and return the findings by check."""
        platform = open_estate(self.folder / "landing", self.folder / "home")
        last = end or day
        if write:
            write_gold(platform, day, last, [table])
        contract = gold_contracts()[table]
        facts = measure(platform.engine, contract, day, last)
        found = gold_findings(platform.engine, contract, facts, day, last)
        return {finding.name: finding for finding in found}

    def tamper(self, table: str, sql: str, day: date = DAY) -> None:
        """Overwrite a day of gold by the rows of a query over it."""
        platform = open_estate(self.folder / "landing", self.folder / "home")
        platform.engine.overwrite(gold_contracts()[table], [Query(sql, {})], day, day)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return an empty desk."""
    return Desk(tmp_path)


def failed(findings: dict[str, Finding]) -> set[str]:
    """Return the checks that failed."""
    return {name for name, finding in findings.items() if not finding.passed}


def on(day: int, *ids: str, **columns: pa.Array) -> pa.Table:
    """Return statements so many days after the first."""
    shift = MOMENT + day * MICROSECONDS
    times = {
        "start_time": pa.array([shift] * len(ids), WHEN),
        "end_time": pa.array([shift + 1] * len(ids), WHEN),
    }
    return statements(*ids, **times | columns)


@pytest.mark.parametrize("table", sorted(gold_contracts()))
def test_the_checks_are_those_declared_and_warn_where_declared(desk: Desk, table: str) -> None:
    findings = desk.judge(table)
    assert tuple(findings) == (*MEANINGS, *EXTRA_MEANINGS.get(table, ()))
    warn_only = {name for name, finding in findings.items() if finding.warn and not finding.passed}
    assert warn_only <= WARN_ONLY | {"row_count_as_usual"}


def test_a_sound_day_passes(desk: Desk) -> None:
    desk.put(QUERIES, "a.parquet", on(0, "s", "t"))
    assert failed(desk.judge("fact_query_history")) == set()


def test_a_missing_table_warns_by_name(desk: Desk) -> None:
    finding = desk.judge("fact_query_history")["source_present"]
    assert (finding.passed, finding.warn) == (False, True)
    assert finding.numbers["missing_tables"] == [QUERIES]


LESS = "SELECT * FROM gold.fact_query_history WHERE statement_id <> 's'"
MORE = "SELECT * FROM gold.fact_query_history UNION ALL " + (
    "SELECT "
    + ", ".join(
        "CONCAT(statement_id, '2') AS statement_id" if name == "statement_id" else name
        for name in gold_contracts()["fact_query_history"].column_names
    )
    + " FROM gold.fact_query_history"
)


@pytest.mark.parametrize(("sql", "off"), [(LESS, "+1"), (MORE, "-2")], ids=["lost", "made up"])
def test_gold_that_is_not_complete_is_an_error(desk: Desk, sql: str, off: str) -> None:
    desk.put(QUERIES, "a.parquet", on(0, "s", "t"))
    desk.judge("fact_query_history")
    desk.tamper("fact_query_history", sql)
    finding = desk.judge("fact_query_history", write=False)["complete_against_source"]
    assert (finding.passed, finding.warn) == (False, False)
    assert finding.numbers["days_off"] == [f"2024-03-04: {off}"]


def test_late_rows_make_a_day_incomplete_until_it_is_run_again(desk: Desk) -> None:
    desk.put(QUERIES, "a.parquet", on(0, "s"))
    desk.judge("fact_query_history")
    desk.put(QUERIES, "late.parquet", on(0, "s", "t"))
    assert "complete_against_source" in failed(desk.judge("fact_query_history", write=False))
    assert failed(desk.judge("fact_query_history")) == set()


def test_rejected_rows_warn_and_are_no_loss(desk: Desk) -> None:
    bad = on(0, "bad", total_duration_ms=pa.array([-1]))
    desk.put(QUERIES, "a.parquet", on(0, "s"))
    desk.put(QUERIES, "b.parquet", bad)
    findings = desk.judge("fact_query_history")
    assert failed(findings) == {"no_rows_rejected"}
    assert findings["no_rows_rejected"].warn
    assert findings["no_rows_rejected"].numbers == {"rejected": 1, "rejected_without_date": 0}
    kept = open_estate(desk.folder / "landing", desk.folder / "home").engine.rows(
        Query("SELECT * FROM gold.fact_query_history_rejects", {})
    )
    assert [(r["statement_id"], r["reason"]) for r in kept] == [
        ("bad", "total_duration_ms is negative")
    ]


def test_rejected_rows_without_a_date_are_counted_apart(desk: Desk) -> None:
    desk.put(USAGE, "a.parquet", usage(usage_start_time=pa.array([None], WHEN)))
    findings = desk.judge("fact_usage")
    assert findings["no_rows_rejected"].numbers == {"rejected": 0, "rejected_without_date": 1}
    rejects = rejects_contract(gold_contracts()["fact_usage"])
    rows = open_estate(desk.folder / "landing", desk.folder / "home").engine.rows(
        Query(f"SELECT * FROM {rejects.full_name}", {})
    )
    assert [row["usage_date"] for row in rows] == [UNDATED]


def test_the_volume_is_held_against_the_weeks_before(desk: Desk) -> None:
    for week in range(3):
        desk.put(QUERIES, f"{week}.parquet", on(7 * week, *(f"{week}-{n}" for n in range(10))))
    desk.put(QUERIES, "low.parquet", on(21, "a", "b", "c", "d"))
    desk.judge("fact_query_history", DAY, DAY + timedelta(days=20))
    findings = desk.judge("fact_query_history", DAY + timedelta(days=21))
    assert failed(findings) == {"row_count_as_usual"}
    assert findings["row_count_as_usual"].warn


def test_a_day_that_lost_all_its_rows_is_an_error(desk: Desk) -> None:
    desk.put(QUERIES, "a.parquet", on(0, "s"))
    desk.judge("fact_query_history")
    desk.tamper("fact_query_history", "SELECT * FROM gold.fact_query_history WHERE FALSE")
    findings = desk.judge("fact_query_history", write=False)
    assert {"row_count_as_usual", "complete_against_source"} <= failed(findings)
    assert not findings["row_count_as_usual"].warn


def test_freshness_speaks_of_the_day_that_is_due(desk: Desk) -> None:
    desk.put(QUERIES, "a.parquet", on(0, "s"))
    assert desk.judge("fact_query_history")["fresh_for_due_partition"].passed
    stale = desk.judge("fact_query_history", DAY, DAY + timedelta(days=1))[
        "fresh_for_due_partition"
    ]
    assert (stale.passed, stale.warn) == (False, True)
    assert stale.numbers["due"] == "2024-03-05"


def test_a_table_of_changes_is_not_due_every_day(desk: Desk) -> None:
    quiet = [name for name, contract in gold_contracts().items() if not contract.every_day]
    assert "dim_cluster" in quiet
    assert desk.judge("dim_cluster")["fresh_for_due_partition"].passed


def usage(*ids: str, **columns: pa.Array) -> pa.Table:
    """Return usage records with the required columns only."""
    names = ids or ("r",)
    count = len(names)
    found: dict[str, Any] = {
        "record_id": pa.array(names),
        "workspace_id": pa.array(["1"] * count),
        "sku_name": pa.array(["SKU"] * count),
        "usage_start_time": pa.array([MOMENT] * count, WHEN),
        "usage_unit": pa.array(["DBU"] * count),
        "usage_quantity": pa.array([Decimal(1)] * count, pa.decimal128(38, 18)),
    }
    return pa.table(found | columns)


def price(start: int, end: int | None, amount: str, currency: str = "USD") -> pa.Table:
    """Return one list price, valid between two days counted from the first."""
    money = pa.decimal128(38, 18)
    return pa.table(
        {
            "sku_name": pa.array(["SKU"]),
            "usage_unit": pa.array(["DBU"]),
            "currency_code": pa.array([currency]),
            "price_start_time": pa.array([MOMENT + start * MICROSECONDS], WHEN),
            "price_end_time": pa.array(
                [None if end is None else MOMENT + end * MICROSECONDS], WHEN
            ),
            "pricing": pa.array(
                [{"default": Decimal(amount), "effective_list": None}],
                pa.struct(
                    [("default", money), ("effective_list", pa.struct([("default", money)]))]
                ),
            ),
        }
    )


PRICE_CHECKS = {"price_match_rate", "prices_unambiguous"}


def test_prices_that_match_pass(desk: Desk) -> None:
    desk.put(USAGE, "a.parquet", usage("r", "s"))
    desk.put(PRICES, "old.parquet", price(-9, 0, "3"))
    desk.put(PRICES, "a.parquet", price(0, None, "2"))
    desk.put(PRICES, "other.parquet", price(-9, None, "9", "EUR"))
    findings = desk.judge("fact_usage")
    assert not failed(findings) & PRICE_CHECKS
    assert findings["price_match_rate"].numbers == {"match_rate": 1.0, "unpriced": 0}


def test_a_record_without_a_price_warns_below_99_percent(desk: Desk) -> None:
    names = [str(n) for n in range(100)]
    one_off = pa.array(["OTHER", *["SKU"] * 99])
    desk.put(PRICES, "a.parquet", price(-1, None, "2"))
    desk.put(USAGE, "a.parquet", usage(*names, sku_name=one_off))
    assert not failed(desk.judge("fact_usage")) & PRICE_CHECKS
    desk.put(USAGE, "b.parquet", usage("another", sku_name=pa.array(["OTHER"])))
    finding = desk.judge("fact_usage")["price_match_rate"]
    assert (finding.passed, finding.warn) == (False, True)
    assert finding.numbers["unpriced"] == 2


def test_prices_that_overlap_warn_and_the_one_that_started_last_counts(desk: Desk) -> None:
    desk.put(USAGE, "a.parquet", usage())
    desk.put(PRICES, "a.parquet", price(-9, None, "9"))
    desk.put(PRICES, "b.parquet", price(-1, None, "2"))
    findings = desk.judge("fact_usage")
    assert failed(findings) & PRICE_CHECKS == {"prices_unambiguous"}
    assert findings["prices_unambiguous"].warn
    assert findings["prices_unambiguous"].numbers == {"records_with_overlapping_prices": 1}
    engine = open_estate(desk.folder / "landing", desk.folder / "home").engine
    assert engine.rows(Query("SELECT list_cost FROM gold.fact_usage", {})) == [{"list_cost": 2.0}]


def test_a_day_without_a_snapshot_is_named(desk: Desk) -> None:
    desk.put(COLUMNS, f"snapshot_date={DAY}/a.parquet", snapshot("t"))
    assert desk.judge("info_schema")["snapshots_stored"].passed
    finding = desk.judge("info_schema", DAY, DAY + timedelta(days=2))["snapshots_stored"]
    assert (finding.passed, finding.warn) == (False, True)
    assert finding.numbers == {"days_without_snapshot": 2, "days": ["2024-03-05", "2024-03-06"]}
