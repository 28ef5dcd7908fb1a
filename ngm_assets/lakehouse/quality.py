"""Data-quality rules that every contract implies, evaluated on the partitions just written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median
from typing import Any

from ngm_assets.days import spans
from ngm_assets.engine.base import Engine, Query, Window
from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.lakehouse.delta import expected_types
from ngm_assets.lakehouse.statements import text

SAMPLE = 10
"""Most days or columns a finding names."""


@dataclass(frozen=True)
class Finding:
    """Outcome of one check.

    Attributes:
        name: Name of the check.
        passed: Whether the rule holds.
        warn: A failure is a warning and stops nothing.
        numbers: What was measured.
        detail: One sentence for people.
    """

    name: str
    passed: bool
    warn: bool = False
    numbers: Mapping[str, Any] = field(default_factory=dict)
    detail: str = ""


@dataclass(frozen=True)
class Facts:
    """What one grouped scan of the written partitions found, per day."""

    rows: dict[date, int]
    keys: dict[date, int]
    nulls: dict[str, int]
    out_of_range: dict[str, int]
    not_accepted: dict[str, int]
    total: int

    def row_count(self, day: date) -> int:
        """Rows of a day; 0 when there are none."""
        return self.rows.get(day, 0)


def measure(engine: Engine, contract: TableContract, start: date, end: date) -> Facts:
    """Scan the partitions `start..end` of a table once and count what the rules need."""
    parts = in_turn(engine, daily_counts(engine, contract, start, end), start, end)
    return _facts([row for part in parts for row in _counted(engine, contract, *part)])


def in_turn(
    engine: Engine, rows: Mapping[date, int], start: date, end: date
) -> list[tuple[date, date]]:
    """Divide `start..end` into ranges of days with no more rows than the engine takes at once.

    Args:
        engine: Which will read the rows.
        rows: Rows per day.
        start: First day.
        end: Last day.
    """
    most = engine.rows_at_once
    return [(start, end)] if most is None else spans(rows, start, end, most)


def measure_days(
    engine: Engine, contract: TableContract, start: date, end: date
) -> dict[date, Facts]:
    """Scan them once and count for each day by itself; days without rows are left out."""
    return {row["day"]: _facts([row]) for row in _counted(engine, contract, start, end)}


def _counted(
    engine: Engine, contract: TableContract, start: date, end: date
) -> list[dict[str, Any]]:
    day = contract.partition
    counts = ["COUNT(*) AS n_rows", f"COUNT(DISTINCT {_key(contract)}) AS n_keys"]
    for column in contract.columns:
        name = column.name
        counts.append(f"COUNT(*) - COUNT({name}) AS null__{name}")
        limits = [f"{name} < {column.min!r}"] * (column.min is not None)
        limits += [f"{name} > {column.max!r}"] * (column.max is not None)
        if limits:
            counts.append(f"COUNT(CASE WHEN {' OR '.join(limits)} THEN 1 END) AS range__{name}")
        if column.accepted:
            allowed = ", ".join(text(value) for value in column.accepted)
            counts.append(f"COUNT(CASE WHEN {name} NOT IN ({allowed}) THEN 1 END) AS other__{name}")
    sql = (
        f"SELECT {day} AS day, {', '.join(counts)} FROM {contract.full_name} "
        f"WHERE {day} BETWEEN :start_date AND :end_date GROUP BY {day}"
    )
    return engine.rows(Query(sql, {"start_date": start, "end_date": end}, Window(start, end)))


def _facts(rows: Sequence[Mapping[str, Any]]) -> Facts:
    return Facts(
        rows={row["day"]: row["n_rows"] for row in rows},
        keys={row["day"]: row["n_keys"] for row in rows},
        nulls=_summed(rows, "null__"),
        out_of_range=_summed(rows, "range__"),
        not_accepted=_summed(rows, "other__"),
        total=sum(row["n_rows"] for row in rows),
    )


def daily_counts(
    engine: Engine, contract: TableContract, start: date | None, end: date
) -> dict[date, int]:
    """Count the stored rows per day; without a first day from the table's first on."""
    day = contract.partition
    sql = f"SELECT {day} AS day, COUNT(*) AS n FROM {contract.full_name} GROUP BY {day}"
    return {row["day"]: row["n"] for row in engine.rows(Query(sql, {}, Window(start, end)))}


def _key(contract: TableContract) -> str:
    names = [name for name in contract.key if name != contract.partition]
    if len(names) == 1:
        return names[0]
    parts = ", ".join(f"COALESCE(CAST({name} AS STRING), '')" for name in names)
    return f"STRUCT({parts})"


def _summed(rows: Iterable[Mapping[str, Any]], prefix: str) -> dict[str, int]:
    total: dict[str, int] = {}
    for row in rows:
        for name, value in row.items():
            if name.startswith(prefix):
                short = name.removeprefix(prefix)
                total[short] = total.get(short, 0) + value
    return total


def contract_findings(
    contract: TableContract, facts: Facts, stored: Mapping[str, str]
) -> list[Finding]:
    """Judge names, types, nullability, key, ranges and accepted values.

    Args:
        contract: The table.
        facts: The scan of the written partitions.
        stored: Type of every stored column, as Delta spells it.
    """
    expected = expected_types(contract)
    missing = sorted(set(expected) - set(stored))
    changed = sorted(name for name, kind in expected.items() if stored.get(name, kind) != kind)
    duplicates = {day: facts.rows[day] - facts.keys[day] for day in facts.rows}
    empty = {c.name: facts.nulls.get(c.name, 0) for c in contract.columns if not c.nullable}
    return [
        Finding(
            "schema_matches_contract",
            not missing and not changed,
            numbers={"columns": len(stored), "missing": missing, "changed": changed},
        ),
        Finding(
            "key_is_unique",
            not any(duplicates.values()),
            numbers={
                "duplicates": sum(duplicates.values()),
                "days": _days(d for d, n in duplicates.items() if n),
            },
            detail=f"Key: {', '.join(contract.key)}.",
        ),
        _columns("required_columns_filled", empty, facts.total),
        _columns("values_in_range", facts.out_of_range, facts.total),
        _columns("values_accepted", facts.not_accepted, facts.total, warn=True),
    ]


def _columns(name: str, counts: Mapping[str, int], rows: int, *, warn: bool = False) -> Finding:
    bad = {column: count for column, count in sorted(counts.items()) if count}
    return Finding(
        name,
        not bad,
        warn=warn,
        numbers={"rows": rows, "columns_checked": len(counts), "offending_rows": bad},
        detail="" if not bad else "Columns: " + ", ".join(list(bad)[:SAMPLE]) + ".",
    )


def volume_finding(
    contract: TableContract,
    counts: Mapping[date, int],
    source: Mapping[date, int],
    days: Iterable[date],
) -> Finding:
    """Compare each day's rows with the median of the same weekday in the 28 days before.

    Below half of it is a warning (not for tables whose rows are not due every day); no rows
    although the source has some is an error.

    Args:
        contract: The table.
        counts: Rows per day of the table, from 28 days before the first day on.
        source: Rows the source has for the day.
        days: Days to judge.
    """
    low: list[date] = []
    lost: list[date] = []
    for day in days:
        usual = usual_counts(counts, day)
        rows = counts.get(day, 0)
        if rows == 0 and source.get(day, 0) > 0:
            lost.append(day)
        elif contract.every_day and usual and rows < 0.5 * median(usual):
            low.append(day)
    return Finding(
        "row_count_as_usual",
        not low and not lost,
        warn=not lost,
        numbers={
            "days_below_half_of_usual": len(low),
            "days_without_rows_though_source_has": len(lost),
            "days": _days(lost or low),
        },
        detail=_volume_detail(low, lost),
    )


def usual_counts(counts: Mapping[date, int], day: date) -> list[int]:
    """Return the rows of the same weekday in the 28 days before, where there are any."""
    past = (day - timedelta(days=n) for n in (7, 14, 21, 28))
    return [counts[d] for d in past if d in counts]


def _volume_detail(low: list[date], lost: list[date]) -> str:
    if lost:
        return f"No rows although the source has some: {', '.join(_days(lost))}."
    if low:
        return f"Below half of the same weekday's median of 28 days: {', '.join(_days(low))}."
    return "Against the median of the same weekday in the 28 days before."


def _days(found: Iterable[date]) -> list[str]:
    return [day.isoformat() for day in sorted(found)][:SAMPLE]
