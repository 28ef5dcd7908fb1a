"""Awkward statements."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from ngm_assets_tests.landing_rows.dice import (
    Row,
    at,
    copied,
    dice,
    home,
    quiet_days,
    second_of_day,
)

if TYPE_CHECKING:
    import random

PLACES = (("1001", "w-1"), ("1001", "w-1"), ("1002", "w-1"), ("1002", "w 2 ü"), ("1001", None))
PEOPLE = ("ana@example.com", " ANA@example.com ", "ö.müller@exämple.org", "o'neil@x.com", None)
STATES = ("FINISHED",) * 6 + ("FAILED", "CANCELED")


def statements(seed: int, span: list[date]) -> list[Row]:
    """Return statements: tied, instant, running, updated, across midnight and broken ones too."""
    rng = dice(seed, "queries")
    quiet = quiet_days(rng, span)
    rows: list[Row] = []
    for number, day in enumerate(span):
        crowd = 0 if day in quiet else rng.randrange(5, 14)
        begun = at(day, second_of_day(rng))
        for i in range(crowd):
            if rng.random() < 0.6:
                begun = at(day, second_of_day(rng))
            rows.append(statement(rng, begun, f"s-{number}-{i}"))
    rows += still_running(rng, rows) + later_versions(rng, rows)
    return copied(rng, rows, 0.06) + broken(rng, span)


def statement(rng: random.Random, begun: datetime, ident: str) -> Row:
    """Return one ended statement that began at a moment."""
    workspace, warehouse = rng.choice(PLACES)
    seconds = rng.choice((0, 0, 1, 7, 30, 60, 61, 300, 3600, 7200))
    total = rng.choice((seconds * 1000, seconds * 1000, None))
    known = rng.random() < 0.8
    return {
        "account_id": "acc",
        "workspace_id": workspace,
        "statement_id": ident,
        "executed_by": rng.choice(PEOPLE),
        "execution_status": rng.choice(STATES),
        "compute": {
            "type": "WAREHOUSE" if warehouse else "SERVERLESS_COMPUTE",
            "warehouse_id": warehouse,
        }
        if warehouse or rng.random() < 0.5
        else None,
        "statement_text": "SELECT 'ü' -- \"x\"",
        "statement_type": rng.choice(("SELECT", "INSERT", None)),
        "total_duration_ms": total,
        "waiting_for_compute_duration_ms": rng.choice((None, 0, 5)),
        "waiting_at_capacity_duration_ms": rng.choice((None, 0, 100, 6000, 6001, 30000)),
        "execution_duration_ms": total,
        "compilation_duration_ms": rng.choice((None, 3)),
        "start_time": begun,
        "end_time": begun + timedelta(seconds=seconds),
        "update_time": begun + timedelta(seconds=seconds + 5),
        "pruned_files": rng.choice((0, 10)) if known else None,
        "read_files": rng.choice((0, 30)) if known else None,
        "read_rows": rng.choice((None, 1000)),
        "produced_rows": rng.choice((None, 0, 1000)),
        "read_bytes": rng.choice((None, 0, 123456789)),
        "read_io_cache_percent": rng.choice((None, 0, 40, 100)),
        "from_result_cache": rng.choice((None, True, False)),
        "spilled_local_bytes": rng.choice((None, 0, 0, 4096)),
        "written_bytes": rng.choice((None, 0, 1024)),
        "_home": home(rng),
    }


def still_running(rng: random.Random, rows: list[Row]) -> list[Row]:
    """Return first rows of statements that ended later, and of some that never did."""
    more = []
    for row in rng.sample(rows, len(rows) // 20):
        open_row = {"end_time": None, "total_duration_ms": None, "execution_status": "RUNNING"}
        earlier = {"update_time": row["start_time"] - timedelta(seconds=1)}
        more.append(row | open_row | earlier)
        more.append(row | open_row | {"statement_id": f"{row['statement_id']}-open"})
    return more


def later_versions(rng: random.Random, rows: list[Row]) -> list[Row]:
    """Return ended statements sent again, updated later, and one that ended a day later too."""
    ended = [row for row in rows if row["end_time"] is not None]
    more = []
    for row in rng.sample(ended, len(ended) // 12):
        change = {"update_time": row["update_time"] + timedelta(hours=1), "_home": home(rng)}
        more.append(row | change | {"execution_status": "FAILED", "read_bytes": 7})
    for row in rng.sample(ended, 2):
        more.append(row | {"end_time": row["end_time"] + timedelta(days=1)})
    for row in rng.sample(ended, 3):
        more.append(row | {"statement_id": f"{row['statement_id']}-never", "update_time": None})
    return more


def broken(rng: random.Random, span: list[date]) -> list[Row]:
    """Return an ended statement for every hard rule, breaking just that one."""
    rows = [statement(rng, at(rng.choice(span), 3600), f"broken-{i}") for i in range(5)]
    rows[0] |= {"workspace_id": None}
    rows[1] |= {"statement_id": None}
    rows[2] |= {"start_time": None}
    rows[3] |= {"end_time": rows[3]["start_time"] - timedelta(seconds=1)}
    rows[4] |= {"total_duration_ms": -1}
    return rows
