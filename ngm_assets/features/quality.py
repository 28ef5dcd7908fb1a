"""Rules for features beyond the contract: expected keys, no dead columns, usual null rates."""

from __future__ import annotations

from datetime import date, timedelta

from ngm_assets.engine.base import Engine, Query, Window
from ngm_assets.features.tables import FOLDER
from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.lakehouse.quality import SAMPLE, Finding
from ngm_assets.overlays import read_yaml

MEANINGS = {
    "one_row_per_key": "Keys in the feature table = keys in gold.",
    "no_constant_column": "No column is constant or empty over 30 days.",
    "null_rates_as_usual": "Null rates of the last 7 days are like those of the 28 days before.",
}
WARN_ONLY = {"no_constant_column", "null_rates_as_usual", "values_accepted"}
NULL_RATE_MARGIN = 0.2
FEW_ROWS = 30


def feature_findings(
    engine: Engine, contract: TableContract, start: date, end: date
) -> list[Finding]:
    """Judge the partitions `start..end` of a feature table."""
    return [
        _keys(engine, contract, start, end),
        _constants(engine, contract, end),
        _null_rates(engine, contract, end),
    ]


def expected_counts(
    engine: Engine, contract: TableContract, start: date, end: date
) -> dict[date, int]:
    """Count the keys per day that gold has for a feature table."""
    return _key_counts(engine, contract, "expected", start, end)


def _key_counts(
    engine: Engine, contract: TableContract, side: str, start: date, end: date
) -> dict[date, int]:
    sql = read_yaml(FOLDER / "expected_keys.yaml")[contract.name][side]
    rows = engine.rows(Query(sql, {}, Window(start, end)))
    return {row["day"]: row["keys"] for row in rows}


def _keys(engine: Engine, contract: TableContract, start: date, end: date) -> Finding:
    expected = expected_counts(engine, contract, start, end)
    actual = _key_counts(engine, contract, "actual", start, end)
    off = [
        f"{day}: {actual.get(day, 0)} of {expected.get(day, 0)}"
        for day in sorted(expected.keys() | actual.keys())
        if expected.get(day, 0) != actual.get(day, 0)
    ]
    return Finding(
        "one_row_per_key",
        not off,
        numbers={
            "keys_in_gold": sum(expected.values()),
            "rows_for_them": sum(actual.values()),
            "days_off": off[:SAMPLE],
        },
        detail="Keys in the feature table = keys in gold (calendar days without usage left out).",
    )


def _constants(engine: Engine, contract: TableContract, end: date) -> Finding:
    names = [c.name for c in contract.columns if c.name not in contract.key]
    counts = ", ".join(f"COUNT(DISTINCT {name}) AS {name}" for name in names)
    sql = f"SELECT COUNT(*) AS n_rows, {counts} FROM {contract.full_name}"
    row = engine.rows(Query(sql, {}, Window(end - timedelta(days=29), end)))[0]
    rows = row.pop("n_rows")
    if rows < FEW_ROWS:
        return Finding(
            "no_constant_column",
            False,
            warn=True,
            numbers={"rows_30d": rows},
            detail=f"Could not be evaluated: fewer than {FEW_ROWS} rows in 30 days.",
        )
    dead = [name for name, distinct in row.items() if distinct <= 1]
    return Finding(
        "no_constant_column",
        not dead,
        warn=True,
        numbers={"rows_30d": rows, "constant_columns": dead},
        detail=f"Constant or empty over 30 days: {', '.join(dead)}." if dead else "",
    )


def _null_rates(engine: Engine, contract: TableContract, end: date) -> Finding:
    names = [c.name for c in contract.columns if c.nullable]
    counts = ", ".join(f"COUNT(*) - COUNT({name}) AS {name}" for name in names)
    sql = f"SELECT COUNT(*) AS n_rows, {counts} FROM {contract.full_name}"
    week = Window(end - timedelta(days=6), end)
    month = Window(end - timedelta(days=34), end - timedelta(days=7))
    now, norm = (engine.rows(Query(sql, {}, window))[0] for window in (week, month))
    rows, rows_before = now.pop("n_rows"), norm.pop("n_rows")
    if min(rows, rows_before) < FEW_ROWS:
        return Finding(
            "null_rates_as_usual",
            False,
            warn=True,
            numbers={"rows_before": rows_before, "rows": rows},
            detail=f"Could not be evaluated: fewer than {FEW_ROWS} rows in the last 7 days or in "
            "the 28 days before.",
        )
    risen = {
        name: round(now[name] / rows, 4)
        for name in names
        if now[name] / rows > norm[name] / rows_before + NULL_RATE_MARGIN
    }
    return Finding(
        "null_rates_as_usual",
        not risen,
        warn=True,
        numbers={"rows_before": rows_before, "rows": rows, "risen": risen},
        detail=f"Null rate of the last 7 days more than {NULL_RATE_MARGIN:.0%} above the 28 days "
        f"before: {', '.join(risen) or 'none'}.",
    )
