"""Works out quality features: one catalog at a time, snapshot against snapshot."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from ngm_assets_tests.oracle.calendar import days_before, weekday_columns
from ngm_assets_tests.oracle.frames import Row
from ngm_assets_tests.oracle.statistics import (
    known,
    mean,
    median,
    percentile,
    ratio,
    sample_std,
    total,
    z_score,
)

OLDEST_PREVIOUS = 28
GAP_WINDOW, LEAST_GAPS = 56, 3
CHANGES = (
    "tables_added",
    "tables_dropped",
    "columns_added",
    "columns_dropped",
    "columns_retyped",
)
COLUMN_CHANGES = CHANGES[2:]

Snapshots = dict[date, list[Row]]
Table = tuple[str, str]


def quality_rows(columns: list[Row]) -> list[Row]:
    """Return the quality features of every catalog and snapshot."""
    by_catalog: dict[str, Snapshots] = {}
    for column in columns:
        if column["schema_name"].lower() != "information_schema":
            snapshots = by_catalog.setdefault(column["catalog_name"], {})
            snapshots.setdefault(column["snapshot_date"], []).append(column)
    found = []
    for catalog, snapshots in by_catalog.items():
        moves = {day: moved(snapshots, day) for day in snapshots}
        altered = {day: altered_at(snapshots[day]) for day in snapshots}
        shapes = {day: shape(snapshots[day]) for day in snapshots}
        shares = {day: changed_shares(snapshots, day) for day in snapshots}
        for day in snapshots:
            row: Row = {"catalog_name": catalog, "snapshot_date": day}
            row |= shapes[day] | freshness(altered, day)
            row |= against_past(shapes, day) | beyond_past(shares, day)
            row |= {f"{name}_1d": moves[day].get(name) for name in CHANGES}
            found.append(row | windows(moves, day) | weekday_columns(day))
    return found


def table_of(column: Row) -> Table:
    """Return the table a column belongs to."""
    return column["schema_name"], column["table_name"]


def share(flags: Any) -> float | None:
    """Return the share of true flags, or None without any flag."""
    return mean([float(flag) for flag in flags])


def shape(columns: list[Row]) -> Row:
    """Return the shape of one snapshot."""
    tables = {table_of(c): c for c in columns}
    formats = [t["data_source_format"] for t in tables.values()]
    kinds = [t["table_type"] for t in tables.values()]
    return {
        "schema_count": len({c["schema_name"] for c in columns}),
        "table_count": len(tables),
        "column_count": len(columns),
        "nullable_column_ratio": sum(c["is_nullable"] is True for c in columns) / len(columns),
        "avg_columns_per_table": len(columns) / len(tables),
        "comment_coverage": sum(bool(c["comment"]) for c in columns) / len(columns),
        "delta_table_share": share(f == "DELTA" for f in formats if f is not None),
        "view_share": share("VIEW" in k for k in kinds if k is not None),
    }


def moved(snapshots: Snapshots, day: date) -> dict[str, int]:
    """Return what changed since the previous snapshot; empty when there is none to compare."""
    earlier = [d for d in days_before(day, OLDEST_PREVIOUS, 1) if d in snapshots]
    if not earlier:
        return {}
    then, now = typed_columns(snapshots[earlier[-1]]), typed_columns(snapshots[day])
    tables_then, tables_now = {key[:2] for key in then}, {key[:2] for key in now}
    return {
        "tables_added": len(tables_now - tables_then),
        "tables_dropped": len(tables_then - tables_now),
        "columns_added": len(now.keys() - then.keys()),
        "columns_dropped": len(then.keys() - now.keys()),
        "columns_retyped": sum(then[key] != now[key] for key in then.keys() & now.keys()),
    }


def typed_columns(columns: list[Row]) -> dict[tuple[str, str, str], str | None]:
    """Return the type of every column of a snapshot."""
    return {(*table_of(c), c["column_name"]): c["full_data_type"] for c in columns}


def windows(moves: dict[date, dict[str, int]], day: date) -> Row:
    """Return the changes up to a day, over its week and its four weeks."""
    week = [moves[d] for d in days_before(day, 6, 0) if moves.get(d)]
    month = {d: moves[d] for d in days_before(day, 27, 0) if moves.get(d)}
    changed = [d for d, move in month.items() if column_moves(move)]
    row: Row = {f"{name}_7d": total(move[name] for move in week) for name in CHANGES}
    row |= {f"{name}_28d": total(move[name] for move in month.values()) for name in CHANGES}
    steps = len(changed) - 1
    return row | {
        "column_changes_1d": column_moves(moves[day]) if moves[day] else None,
        "column_changes_7d": total(map(column_moves, week)),
        "change_days_28d": len(changed) if month else None,
        "days_since_last_change": (day - changed[-1]).days if changed else None,
        "days_between_changes_28d": (changed[-1] - changed[0]).days / steps if steps > 0 else None,
    }


def changed_shares(snapshots: Snapshots, day: date) -> Row:
    """Return the shares of columns and of tables that changed since the previous snapshot."""
    earlier = [d for d in days_before(day, OLDEST_PREVIOUS, 1) if d in snapshots]
    if not earlier:
        return {"column_change_share": None, "changed_table_share": None}
    then, now = typed_columns(snapshots[earlier[-1]]), typed_columns(snapshots[day])
    either = then.keys() | now.keys()
    changed = {c for c in either if c not in then or c not in now or then[c] != now[c]}
    tables = len({c[:2] for c in changed}) / len({c[:2] for c in either})
    return {
        "column_change_share": len(changed) / len(either),
        "changed_table_share": tables,
    }


def beyond_past(shares: dict[date, Row], day: date) -> Row:
    """Return the shares that changed on a day, and how far they exceed those of four weeks."""
    row: Row = {}
    for name, share_1d in shares[day].items():
        past = known(shares[d][name] for d in days_before(day, 28, 1) if d in shares)
        most = max(past, default=None)
        unknown = share_1d is None or most is None
        row[f"{name}_1d"] = share_1d
        row[f"{name}_max_28d"] = most
        row[f"{name.removesuffix('_share')}_excess_28d"] = None if unknown else share_1d - most
    return row


def against_past(shapes: dict[date, Row], day: date) -> Row:
    """Return the counts of a snapshot against those of the four weeks before it."""
    row: Row = {}
    for name in ("table_count", "column_count"):
        past = [shapes[d][name] for d in days_before(day, 28, 1) if d in shapes]
        today = shapes[day][name]
        row[f"{name}_mean_28d"] = mean(past)
        row[f"{name}_std_28d"] = sample_std(past)
        row[f"{name}_z_28d"] = z_score(today, past)
        row[f"{name}_ratio_28d"] = ratio(today, mean(past))
    return row


def column_moves(move: dict[str, int]) -> int:
    """Return the columns added, dropped and retyped."""
    return sum(move[name] for name in COLUMN_CHANGES)


def altered_at(columns: list[Row]) -> dict[Table, datetime]:
    """Return when each table of a snapshot was last altered, where known."""
    return {table_of(c): c["last_altered"] for c in columns if c["last_altered"] is not None}


def freshness(altered: dict[date, dict[Table, datetime]], day: date) -> Row:
    """Return how long ago the tables of a snapshot were altered, and which are overdue."""
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)
    ages = {table: max(0.0, hours(end - at)) for table, at in altered[day].items()}
    judged = []
    for table, age in ages.items():
        seen = {altered[d][table] for d in altered if in_gap_window(d, day) and table in altered[d]}
        gaps = gaps_between(sorted(seen))
        usual = percentile(gaps, 0.95)
        if usual is not None and len(gaps) >= LEAST_GAPS:
            rests = max(0.0, 1 - 24 / (sum(gaps) / len(gaps)))
            judged.append((age > usual, age + 24 > usual, rests))
    return {
        "tables_altered_share_1d": share(age <= 24 for age in ages.values()),
        "tables_altered_share_7d": share(age <= 24 * 7 for age in ages.values()),
        "tables_altered_share_30d": share(age <= 24 * 30 for age in ages.values()),
        "median_hours_since_alter": median(ages.values()),
        "overdue_table_share": share(late for late, _, _ in judged),
        "due_table_share_1d": share(due for _, due, _ in judged),
        "staying_overdue_share_1d": mean(late * rests for late, _, rests in judged),
        "turning_overdue_share_1d": mean((due - late) * rests for late, due, rests in judged),
    }


def in_gap_window(snapshot: date, day: date) -> bool:
    """Return whether a snapshot tells of the gaps known on a day."""
    return 0 <= (day - snapshot).days <= GAP_WINDOW


def gaps_between(moments: list[datetime]) -> list[float]:
    """Return the hours between neighbouring moments."""
    return [hours(after - before) for before, after in itertools.pairwise(moments)]


def hours(span: timedelta) -> float:
    """Return a span in hours."""
    return span.total_seconds() / 3600
