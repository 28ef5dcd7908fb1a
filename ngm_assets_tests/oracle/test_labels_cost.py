"""Cost labels and the rules of thumb as a person would work them out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from ngm_assets_tests.oracle.labels_cost import Workspace, job_rows, row_of

Row = dict[str, Any]
START = date(2024, 2, 1)


def day(number: int) -> date:
    """Return a day counted from the first one."""
    return START + timedelta(days=number)


def workspace(costs: dict[int, float], *, last: int, **more: dict[int, float | None]) -> Workspace:
    """Return a workspace with the given cost by day number, used from day 0 on.

    Args:
        costs: Cost of the days that have a row.
        last: The last day of gold.
        more: Other columns by day number; 0 on the days not named.
    """
    names = ("tagged_cost", "potential_job_cluster_savings")
    rows = {
        day(n): {"daily_cost": cost, **{name: more.get(name, {}).get(n, 0.0) for name in names}}
        for n, cost in costs.items()
    }
    return Workspace(rows, START, day(last))


def every_day(cost: float, days: int) -> dict[int, float]:
    """Return the same cost for a number of days."""
    return dict.fromkeys(range(days), cost)


def test_the_cost_of_the_next_week_leaves_today_out_and_counts_days_without_a_row_as_zero() -> None:
    used = workspace({0: 100, 1: 1, 7: 2, 8: 50}, last=8)
    assert row_of(used, day(0))["cost_next_7d"] == 3
    assert row_of(used, day(1))["cost_next_7d"] == 52
    assert row_of(used, day(2))["cost_next_7d"] is None


def test_a_workspace_that_ended_costs_nothing_as_far_as_gold_is_known() -> None:
    assert row_of(workspace({0: 100}, last=7), day(0))["cost_next_7d"] == 0
    assert row_of(workspace({0: 100}, last=6), day(0))["cost_next_7d"] is None


def test_last_weeks_cost_is_unknown_before_a_week_is_over() -> None:
    used = workspace(every_day(2, 8), last=8)
    assert row_of(used, day(5))["rule_cost_last_7d"] is None
    assert row_of(used, day(6))["rule_cost_last_7d"] == 14


def test_savings_are_summed_over_four_weeks_and_unknown_if_one_day_is() -> None:
    saved: dict[int, float | None] = {0: 9.0, 1: 1.0, 28: 2.0, 29: 5.0}
    used = workspace(every_day(10, 60), last=60, potential_job_cluster_savings=saved)
    assert row_of(used, day(0))["savings_next_28d"] == 3
    assert row_of(used, day(28))["rule_savings_last_28d"] == 3
    assert row_of(used, day(26))["rule_savings_last_28d"] is None
    unknown = workspace(every_day(10, 60), last=60, potential_job_cluster_savings={28: None})
    assert row_of(unknown, day(0))["savings_next_28d"] is None
    assert row_of(unknown, day(28))["savings_next_28d"] == 0


def test_the_tagged_share_is_of_the_weeks_cost_and_not_a_mean_of_daily_shares() -> None:
    used = workspace({0: 1, 1: 90, 2: 10}, last=9, tagged_cost={0: 1.0, 2: 10.0})
    assert row_of(used, day(0))["tagged_share_next_7d"] == 0.1
    assert row_of(used, day(2))["tagged_share_next_7d"] is None
    assert row_of(used, day(0))["rule_tagged_share_last_7d"] == 1
    corrected = workspace({0: 1, 1: -5, 2: 10}, last=9, tagged_cost={2: 10.0})
    assert row_of(corrected, day(0))["tagged_share_next_7d"] is None


@pytest.mark.parametrize(("cost", "pays"), [(10.0, 1), (8.1, 1), (7.9, 0), (0.0, 0)])
def test_a_commitment_pays_if_what_is_used_of_it_costs_more_than_it(
    cost: float, pays: float
) -> None:
    """The level is 10 a day and costs 8 with the discount of 20 %."""
    used = workspace(every_day(10, 28) | dict.fromkeys(range(28, 60), cost), last=60)
    assert row_of(used, day(27))["commitment_pays_next_30d"] == pays


def test_a_commitment_gains_nothing_from_days_above_its_level() -> None:
    dear = dict.fromkeys(range(28, 51), 1000.0)
    used = workspace(every_day(10, 28) | dear | dict.fromkeys(range(51, 60), 0.0), last=60)
    assert row_of(used, day(27))["commitment_pays_next_30d"] == 0
    assert row_of(used, day(26))["commitment_pays_next_30d"] is None
    assert row_of(used, day(31))["commitment_pays_next_30d"] is None


def test_breaking_even_does_not_pay() -> None:
    after = dict.fromkeys(range(28, 52), 10.0) | dict.fromkeys(range(52, 58), 0.0)
    used = workspace(every_day(10, 28) | after, last=60)
    assert row_of(used, day(27))["commitment_pays_next_30d"] == 0


def test_the_rule_asks_whether_todays_level_would_have_paid_in_the_last_30_days() -> None:
    used = workspace(every_day(10, 60), last=60)
    assert row_of(used, day(28))["rule_commitment_paid_last_30d"] is None
    assert row_of(used, day(29))["rule_commitment_paid_last_30d"] == 1
    idle = workspace(every_day(0, 2) | dict.fromkeys(range(2, 30), 10.0), last=60)
    assert row_of(idle, day(29))["rule_commitment_paid_last_30d"] == 1


def job(number: int, tag: str | None, usual: str | None = None) -> Row:
    """Return what the labels read of a job's day."""
    return {
        "workspace_id": "w",
        "job_id": "1",
        "usage_date": day(number),
        "tag_value": tag,
        "workspace_tag_28d": usual,
    }


def test_a_jobs_tag_is_the_latest_it_carries_in_the_week_after() -> None:
    rows = [job(0, "risk", "sales"), job(1, "ops"), job(6, "it"), job(7, None), job(14, "x")]
    found = {row["usage_date"]: row for row in job_rows(rows)}
    assert found[day(0)]["tag_next_7d"] == "it"
    assert found[day(0)]["rule_workspace_tag"] == "sales"
    assert found[day(6)]["tag_next_7d"] is None
    assert found[day(7)]["tag_next_7d"] == "x"
    assert job_rows([job(0, "risk"), job(8, "risk")])[0]["tag_next_7d"] is None
