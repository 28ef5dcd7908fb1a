"""Works out what quality rows are judged by: a catalog's snapshots after t, and rules of thumb."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

from ngm_assets_tests.oracle.calendar import days_before
from ngm_assets_tests.oracle.frames import Row, as_date, frame_of, rows_of
from ngm_assets_tests.oracle.statistics import known, mean, sample_std, total

if TYPE_CHECKING:
    import pandas as pd

KEY = {"catalog_name": "string", "snapshot_date": "date"}
COLUMNS = (
    "schema_changes_next_7d",
    "rule_changed_last_7d",
    "overdue_share_next_day",
    "rule_overdue_share_today",
    "shape_stays_changed_next_7d",
    "rule_count_beyond_3_deviations",
)
MOVES = ("columns_added_1d", "columns_dropped_1d", "columns_retyped_1d")
DEVIATIONS = 3

Snapshots = Mapping[date, Row]


def quality_labels(features: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the labels and rules of every quality row, by the label SQL's column.

    Args:
        features: The feature tables by name.

    Returns:
        Column name to a frame of the feature table's key columns and a column of that name:
        shares 0..1, events 0 or 1; missing where unknown.
    """
    catalogs: dict[str, dict[date, Row]] = {}
    for row in rows_of(features["quality_features"]):
        catalogs.setdefault(row["catalog_name"], {})[as_date(row["snapshot_date"])] = row
    rows = [
        {"catalog_name": catalog, "snapshot_date": day} | labels_of(snapshots, day)
        for catalog, snapshots in catalogs.items()
        for day in snapshots
    ]
    return {
        name: frame_of([{k: row[k] for k in (*KEY, name)} for row in rows], KEY | {name: "double"})
        for name in COLUMNS
    }


def labels_of(snapshots: Snapshots, day: date) -> Row:
    """Return all labels and rules of one catalog and snapshot."""
    week = [day + timedelta(days=n) for n in range(1, 8)]
    return {
        "schema_changes_next_7d": changed(snapshots, week),
        "rule_changed_last_7d": changed(snapshots, days_before(day, 6, 0)),
        "overdue_share_next_day": snapshots.get(week[0], {}).get("overdue_table_share"),
        "rule_overdue_share_today": snapshots[day]["overdue_table_share"],
        "shape_stays_changed_next_7d": stays_changed(snapshots, day, week),
        "rule_count_beyond_3_deviations": counts_stand_out(snapshots, day),
    }


def changed(snapshots: Snapshots, days: list[date]) -> float | None:
    """Return whether a snapshot of some days changed a column; None when none was compared."""
    moves = total(snapshots[d][name] for d in days if d in snapshots for name in MOVES)
    return None if moves is None else float(moves > 0)


def stays_changed(snapshots: Snapshots, day: date, week: list[date]) -> float | None:
    """Return whether the next week keeps a tenth more, or fewer, columns than yesterday had.

    All its snapshots must, on the same side. None without yesterday's snapshot or any after today.
    """
    yesterday = snapshots.get(day - timedelta(days=1))
    counts = [snapshots[d]["column_count"] for d in week if d in snapshots]
    if yesterday is None or not counts:
        return None
    tenths = [10 * (count - yesterday["column_count"]) for count in counts]
    grew = all(by >= yesterday["column_count"] for by in tenths)
    return float(grew or all(-by >= yesterday["column_count"] for by in tenths))


def counts_stand_out(snapshots: Snapshots, day: date) -> float | None:
    """Return whether tables or columns are more than 3 deviations from their four weeks before.

    Any difference stands out where they never varied; None below 2 earlier snapshots.
    """
    past = [snapshots[d] for d in days_before(day, 28, 1) if d in snapshots]
    if len(past) < 2:
        return None
    found = []
    for name in ("table_count", "column_count"):
        earlier = known(row[name] for row in past)
        centre, spread = mean(earlier) or 0.0, sample_std(earlier) or 0.0
        found.append(abs(snapshots[day][name] - centre) > DEVIATIONS * spread)
    return float(any(found))
