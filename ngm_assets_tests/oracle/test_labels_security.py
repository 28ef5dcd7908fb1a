"""Security labels and rules of thumb as a person would work them out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from ngm_assets_tests.oracle.labels_security import (
    distance,
    export_peak,
    hours_moved,
    new_grants,
    norm_before,
    twice_own_mean,
)

Row = dict[str, Any]
START = date(2024, 2, 1)


def day(number: int) -> date:
    """Return a day counted from the first one."""
    return START + timedelta(days=number)


def counts(column: str, values: dict[int, int]) -> dict[date, Row]:
    """Return rows with one count, by day."""
    return {day(n): {column: value} for n, value in values.items()}


def test_an_export_peak_lies_above_the_own_p99_and_passes_within_the_week() -> None:
    usual = {n: 1 for n in range(25)} | {25: 10}
    peak = usual | {28: 10}
    assert export_peak(counts("export_events", peak), day(28)) == 1
    assert export_peak(counts("export_events", usual | {28: 7}), day(28)) == 0
    assert export_peak(counts("export_events", peak | {35: 19}), day(28)) == 1
    assert export_peak(counts("export_events", peak | {31: 10, 35: 10}), day(28)) == 0
    assert export_peak(counts("export_events", peak | {36: 500}), day(28)) == 1
    assert export_peak(counts("export_events", {0: 1, 1: 1, 28: 99}), day(28)) is None
    assert export_peak(counts("export_events", {0: 0, 1: 0, 2: 0, 28: 0}), day(28)) == 0


def test_the_rule_asks_for_more_than_twice_the_own_mean() -> None:
    usual = {0: 1, 5: 3}
    assert twice_own_mean(counts("export_events", usual | {28: 4}), day(28)) == 0
    assert twice_own_mean(counts("export_events", usual | {28: 5}), day(28)) == 1
    assert twice_own_mean(counts("export_events", {28: 5}), day(28)) is None


def test_new_grants_follow_90_days_without_any_whatever_happens_on_the_day_itself() -> None:
    grants = {0: 1, 90: 0, 91: 2, 92: 1, 99: 1}
    rows = counts("grant_events", grants)
    assert new_grants(rows, day(90), START) == 0
    assert new_grants(rows, day(91), START) == 1
    assert new_grants(rows, day(92), START) == 0
    assert new_grants(rows, day(91), day(2)) is None
    assert new_grants(counts("grant_events", {91: 9, 99: 1}), day(91), START) == 0


@pytest.mark.parametrize(("later", "moved"), [(5, 0), (6, 1), (15, 1)])
def test_hours_move_when_the_pooled_share_moves_by_more_than_20_points(
    later: int, moved: int
) -> None:
    def row(events: int, off: int) -> Row:
        return {"event_count": events, "off_hours_events": off}

    rows = {day(0): row(19, 1), day(1): row(1, 0), day(28): row(9, 9)}
    rows |= {day(29): row(10, 0), day(35): row(10, 0) | {"off_hours_events": min(later, 10)}}
    rows[day(29)]["off_hours_events"] = max(later - 10, 0)
    assert hours_moved(rows, day(28)) == moved
    rows[day(35)]["event_count"] = 9
    assert hours_moved(rows, day(28)) is None


def test_the_global_norm_is_that_of_all_identities_days_before() -> None:
    everyone = {day(0): [1.0], day(1): [2.0, 4.0], day(28): [6.0], day(29): [100.0]}
    assert norm_before(everyone, day(29)) == (4.0, 2.0)
    assert distance(10.0, (4.0, 2.0)) == 3
    assert distance(10.0, norm_before(everyone, day(0))) is None
    assert distance(10.0, norm_before({day(0): [3.0, 3.0]}, day(1))) is None
