"""Rules for gold beyond the contract: completeness, prices, snapshots, freshness."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from ngm_assets.days import days_between
from ngm_assets.engine.base import Engine, Query, Window
from ngm_assets.gold.tables import FOLDER, UNDATED, rejects_contract
from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.lakehouse.quality import (
    SAMPLE,
    Facts,
    Finding,
    daily_counts,
    in_turn,
    volume_finding,
)
from ngm_assets.overlays import read_yaml

PRICE_MATCH_RATE = 0.99
MEANINGS = {
    "source_present": "Every raw table it is made from has files; a missing one reads as empty.",
    "complete_against_source": "Rows in gold = distinct keys in the source, but for rejects.",
    "row_count_as_usual": "At least half of the same weekday's median of 28 days, and never none.",
    "no_rows_rejected": "No row broke a hard rule; the rejects table holds those that did.",
    "fresh_for_due_partition": "The source has rows for the newest partition of the run.",
}
EXTRA_MEANINGS = {
    "fact_usage": {
        "price_match_rate": "At least 99 % of the records have a list price.",
        "prices_unambiguous": "One list price holds per record; of overlapping ones the newest.",
    },
    "info_schema": {"snapshots_stored": "Every day of the run has a stored snapshot."},
}
WARN_ONLY = {
    "source_present",
    "no_rows_rejected",
    "fresh_for_due_partition",
    "price_match_rate",
    "prices_unambiguous",
    "snapshots_stored",
    "values_accepted",
}


def source_counts(
    engine: Engine,
    contract: TableContract,
    start: date,
    end: date,
    rows: Mapping[date, int] | None = None,
) -> dict[date, int]:
    """Count the distinct keys the raw rows have per day.

    Args:
        engine: Reads the raw table.
        contract: The gold table.
        start: First day.
        end: Last day.
        rows: About how many rows the days have, where they should not be counted all at once.
    """
    sql = read_yaml(FOLDER / "source_counts.yaml")[contract.name]
    found: dict[date, int] = {}
    for first, last in in_turn(engine, rows or {}, start, end):
        counted = engine.rows(Query(sql, {"start_date": first, "end_date": last}))
        found |= {row["day"]: row["keys"] for row in counted}
    return found


def sound_counts(source: Mapping[date, int], rejects: Mapping[date, int]) -> dict[date, int]:
    """Return per day how many of the source's keys broke no hard rule."""
    return {day: keys - rejects.get(day, 0) for day, keys in source.items()}


def gold_findings(
    engine: Engine, contract: TableContract, facts: Facts, start: date, end: date
) -> list[Finding]:
    """Judge the partitions `start..end` of a gold table against the source."""
    days = days_between(start, end)
    source = source_counts(engine, contract, start, end, facts.rows)
    before = daily_counts(engine, contract, start - timedelta(days=28), end)
    rejects = daily_counts(engine, rejects_contract(contract), start, end)
    undated = daily_counts(engine, rejects_contract(contract), UNDATED, UNDATED)
    absent = [name for name in contract.sources if not engine.holds(name)]
    findings = [
        Finding(
            "source_present",
            not absent,
            warn=True,
            numbers={"missing_tables": absent},
            detail="Missing tables read as empty." if absent else "",
        ),
        _complete(facts, source, rejects, days),
        volume_finding(contract, before, sound_counts(source, rejects), days),
        _rejects(rejects, undated),
        _fresh(contract, source, end),
    ]
    if contract.name == "fact_usage":
        findings += _prices(engine, start, end)
    if contract.name == "info_schema":
        findings.append(_snapshots(facts, days))
    return findings


def _fresh(contract: TableContract, source: Mapping[date, int], due: date) -> Finding:
    rows = source.get(due, 0)
    detail = f"The source {'has' if rows else 'has no'} rows for {due}."
    if not contract.every_day:
        detail += " They are not due every day."
    return Finding(
        "fresh_for_due_partition",
        rows > 0 or not contract.every_day,
        warn=True,
        numbers={"due": due.isoformat(), "source_rows_on_due_day": rows},
        detail=detail,
    )


def _complete(
    facts: Facts, source: Mapping[date, int], rejects: Mapping[date, int], days: list[date]
) -> Finding:
    off = {
        day: source.get(day, 0) - facts.row_count(day)
        for day in days
        if not facts.row_count(day)
        <= source.get(day, 0)
        <= facts.row_count(day) + rejects.get(day, 0)
    }
    return Finding(
        "complete_against_source",
        not off,
        numbers={
            "rows": facts.total,
            "source_keys": sum(source.values()),
            "days_off": [f"{day}: {diff:+d}" for day, diff in sorted(off.items())][:SAMPLE],
        },
        detail="Rows in gold = distinct keys in the source, apart from rejected rows.",
    )


def _rejects(rejects: Mapping[date, int], undated: Mapping[date, int]) -> Finding:
    dated, loose = sum(rejects.values()), sum(undated.values())
    return Finding(
        "no_rows_rejected",
        dated + loose == 0,
        warn=True,
        numbers={"rejected": dated, "rejected_without_date": loose},
        detail="The rejects table holds the rows and reasons." if dated + loose else "",
    )


def _prices(engine: Engine, start: date, end: date) -> list[Finding]:
    sql = (
        "SELECT COUNT(*) AS records, COUNT(list_price) AS priced, "
        "COUNT(CASE WHEN matching_prices > 1 THEN 1 END) AS ambiguous FROM gold.fact_usage"
    )
    row = engine.rows(Query(sql, {}, Window(start, end)))[0]
    rate = row["priced"] / row["records"] if row["records"] else 1.0
    return [
        Finding(
            "price_match_rate",
            rate >= PRICE_MATCH_RATE,
            warn=True,
            numbers={"match_rate": rate, "unpriced": row["records"] - row["priced"]},
            detail=f"At least {PRICE_MATCH_RATE:.0%} of the records have a list price.",
        ),
        Finding(
            "prices_unambiguous",
            row["ambiguous"] == 0,
            warn=True,
            numbers={"records_with_overlapping_prices": row["ambiguous"]},
            detail="Where validity overlaps, the price that started last counts.",
        ),
    ]


def _snapshots(facts: Facts, days: list[date]) -> Finding:
    missing = [day.isoformat() for day in days if not facts.row_count(day)]
    return Finding(
        "snapshots_stored",
        not missing,
        warn=True,
        numbers={"days_without_snapshot": len(missing), "days": missing[:SAMPLE]},
        detail=f"A day without a stored snapshot cannot be made up: {', '.join(missing[:SAMPLE])}."
        if missing
        else "",
    )
