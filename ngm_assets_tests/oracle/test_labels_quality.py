"""Labels of catalogs, and the features they rest on, as a person would work them out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ngm_assets_tests.oracle.features_quality import quality_rows
from ngm_assets_tests.oracle.labels_quality import labels_of

Row = dict[str, Any]
START = date(2024, 2, 1)


def snapshots(counts: dict[int, int | None]) -> dict[date, Row]:
    """Return what the labels read of snapshots, by number of day and columns."""
    still = {"columns_added_1d": 0, "columns_dropped_1d": 0, "columns_retyped_1d": 0}
    return {
        START + timedelta(days=n): still
        | {"column_count": count, "table_count": 9, "overdue_table_share": n / 100}
        for n, count in counts.items()
    }


def stays_changed(counts: dict[int, int | None], day: int = 1) -> float | None:
    """Return the proxy of a day."""
    found: float | None = labels_of(snapshots(counts), START + timedelta(days=day))[
        "shape_stays_changed_next_7d"
    ]
    return found


def test_a_shape_stays_changed_when_the_whole_next_week_differs_from_yesterday() -> None:
    assert stays_changed({0: 100, 1: 100, 2: 110, 8: 110}) == 1
    assert stays_changed({0: 100, 1: 100, 2: 90, 8: 80}) == 1
    assert stays_changed({0: 100, 1: 500, 2: 109}) == 0
    assert stays_changed({0: 100, 1: 100, 2: 110, 3: 90}) == 0
    assert stays_changed({0: 100, 1: 100, 2: 110, 8: 100}) == 0


def test_a_shape_is_unknown_without_yesterday_or_the_week_after() -> None:
    assert stays_changed({1: 100, 2: 110}) is None
    assert stays_changed({0: 100, 1: 110, 9: 110}) is None


def test_tomorrow_is_the_next_calendar_day() -> None:
    found = labels_of(snapshots({0: 9, 1: 9}), START)
    assert (found["overdue_share_next_day"], found["rule_overdue_share_today"]) == (0.01, 0)
    assert labels_of(snapshots({0: 9, 2: 9}), START)["overdue_share_next_day"] is None


def test_any_difference_stands_out_where_a_count_never_varied() -> None:
    def stands_out(*counts: int) -> float | None:
        rows = snapshots(dict(enumerate(counts)))
        found: float | None = labels_of(rows, max(rows))["rule_count_beyond_3_deviations"]
        return found

    assert stands_out(50, 50, 51) == 1
    assert stands_out(50, 50, 50) == 0
    assert stands_out(49, 51, 50, 53) == 0
    assert stands_out(49, 51, 50, 46) == 1
    assert stands_out(50, 51) is None


def column(number: int, table: str, name: str, altered: float = 0) -> Row:
    """Return a gold column of a snapshot; `altered` counts days from the first one."""
    begun = datetime(START.year, START.month, START.day, tzinfo=UTC)
    return {
        "catalog_name": "main",
        "snapshot_date": START + timedelta(days=number),
        "schema_name": "s",
        "table_name": table,
        "column_name": name,
        "full_data_type": "int",
        "is_nullable": True,
        "comment": None,
        "table_type": "MANAGED",
        "data_source_format": "DELTA",
        "last_altered": begun + timedelta(days=altered),
    }


def catalog(*columns: Row) -> dict[int, Row]:
    """Return the quality features by day number."""
    return {(r["snapshot_date"] - START).days: r for r in quality_rows(list(columns))}


def test_changes_are_a_share_of_both_snapshots_and_stand_against_the_weeks_before() -> None:
    rows = catalog(
        *(column(0, "a", name) for name in "xy"),
        *(column(1, "a", name) for name in "xyz"),
        *(column(2, table, name) for table in "ab" for name in "xyz"),
    )
    assert rows[0]["column_change_share_1d"] is None
    assert (rows[1]["column_change_share_1d"], rows[1]["changed_table_share_1d"]) == (1 / 3, 1)
    assert (rows[1]["column_change_excess_28d"], rows[1]["column_change_share_max_28d"]) == (
        None,
        None,
    )
    assert (rows[2]["column_changes_1d"], rows[2]["column_change_share_1d"]) == (3, 0.5)
    assert rows[2]["column_change_excess_28d"] == pytest.approx(0.5 - 1 / 3)
    assert rows[2]["changed_table_excess_28d"] == pytest.approx(0.5 - 1)


def test_counts_stand_against_the_four_weeks_before() -> None:
    names = {0: "x", 1: "xy", 2: "xyz", 3: "vwxyz"}
    rows = catalog(*(column(n, "a", name) for n, text in names.items() for name in text))
    assert (rows[3]["column_count_mean_28d"], rows[3]["column_count_std_28d"]) == (2, 1)
    assert (rows[3]["column_count_z_28d"], rows[3]["column_count_ratio_28d"]) == (3, 2.5)
    assert (rows[3]["table_count_std_28d"], rows[3]["table_count_z_28d"]) == (0, None)
    assert (rows[2]["column_count_z_28d"], rows[1]["column_count_std_28d"]) == (None, None)


def test_a_table_is_due_when_a_day_of_rest_makes_it_overdue() -> None:
    altered = {1: 0.5, 2: 1.5, 3: 2.5, 5: 4.5, 6: 4.5, 7: 7.25, 8: 7.25}
    rows = catalog(*(column(n, "a", "x", altered=when) for n, when in altered.items()))
    found = [(rows[n]["overdue_table_share"], rows[n]["due_table_share_1d"]) for n in altered]
    assert found[2:] == [(None, None), (0, 1), (1, 1), (0, 0), (0, 1)]
    names = ("turning_overdue_share_1d", "staying_overdue_share_1d")
    shares = [[rows[n][name] for name in names] for n in (6, 7, 8)]
    rests = [1 - 1 / ((1 + 1 + 2) / 3), 1 - 1 / ((1 + 1 + 2 + 2.75) / 4)]
    assert shares == [[0, pytest.approx(rests[0])], [0, 0], [pytest.approx(rests[1]), 0]]
