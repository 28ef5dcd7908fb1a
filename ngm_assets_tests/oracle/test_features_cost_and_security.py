"""Cost and security features as a person would work them out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ngm_assets_tests.oracle.features_cost import cost_rows
from ngm_assets_tests.oracle.features_security import burst, security_rows
from ngm_assets_tests.oracle.statistics import z_score

Row = dict[str, Any]
START = date(2024, 2, 1)


def day(number: int) -> date:
    """Return a day counted from the first one."""
    return START + timedelta(days=number)


def at(number: int, seconds: float = 0) -> datetime:
    """Return a moment of a day counted from the first one."""
    begun = day(number)
    return datetime(begun.year, begun.month, begun.day, tzinfo=UTC) + timedelta(seconds=seconds)


def usage(number: int, dbu: float, **more: Any) -> Row:
    """Return a gold usage record at a dollar a DBU."""
    return {
        "workspace_id": "w",
        "usage_date": day(number),
        "usage_unit": "DBU",
        "usage_quantity": dbu,
        "list_price": 1.0,
        "list_cost": dbu,
        "jobs_list_price": None,
        "sku_name": "PREMIUM_ALL_PURPOSE_COMPUTE",
        "product_family": "all_purpose",
        "is_serverless": None,
        "is_job_work": False,
        "owner_tag": None,
        "job_id": None,
    } | more


def costs(*records: Row) -> dict[int, Row]:
    """Return the cost features by day number."""
    return {(r["usage_date"] - START).days: r for r in cost_rows(list(records))}


def test_z_score_is_against_the_seven_days_before_only() -> None:
    rows = costs(*(usage(n, v) for n, v in enumerate([1, 2, 3, 10])))
    assert rows[3]["z_score_7d"] == 8
    assert rows[2]["z_score_7d"] is None
    assert z_score(5, [2, 2, 2]) is None


def test_a_workspace_is_followed_for_thirty_days_after_its_last_usage_and_no_longer() -> None:
    rows = costs(usage(0, 4), usage(40, 4))
    assert set(rows) == {*range(31), *range(40, 71)}
    assert (rows[1]["daily_cost"], rows[40]["days_since_first_usage"]) == (0, 40)
    assert rows[40]["cost_lag_1d"] is None
    assert rows[40]["avg_dbu_7d"] == 4


def test_windows_are_days_that_exist_and_zeros_count() -> None:
    rows = costs(usage(0, 8), usage(4, 8))
    assert rows[4]["avg_dbu_7d"] == 16 / 5
    assert (rows[4]["dbu_change_pct_1d"], rows[1]["dbu_change_pct_1d"]) == (None, -100)
    assert (rows[7]["dbu_change_pct_7d"], rows[6]["dbu_change_pct_7d"]) == (-100, None)


def test_the_weekday_norm_takes_the_same_weekday_of_four_weeks() -> None:
    rows = costs(*(usage(7 * week, value) for week, value in enumerate([1, 2, 4, 9, 8])))
    row = rows[28]
    assert (row["cost_weekday_median_28d"], row["cost_weekday_mad_28d"]) == (3, 1.5)
    assert row["cost_robust_z"] == 5 / (1.4826 * 1.5)
    assert row["cost_ratio_weekday"] == 8 / 3
    assert row["cost_ratio_weekday_mad_28d"] == pytest.approx(4 / 1.5 - 1)


def test_unpriced_records_add_nothing_and_are_counted() -> None:
    row = costs(usage(0, 4), usage(0, 6, list_price=None, list_cost=None, owner_tag="x"))[0]
    assert (row["daily_dbu"], row["daily_cost"], row["unpriced_records"]) == (10, 4, 1)
    assert row["tagged_cost_share"] == 0


def test_savings_are_the_price_difference_of_job_work_on_all_purpose_compute() -> None:
    work = {"is_job_work": True}
    row = costs(usage(0, 4, jobs_list_price=0.25, **work), usage(0, 1, **work), usage(0, 5))[0]
    assert row["jobs_on_all_purpose_cost"] == 5
    assert row["potential_job_cluster_savings"] == 3
    assert row["all_purpose_inefficiency_ratio"] == 0.5
    assert costs(usage(0, 1, **work))[0]["potential_job_cluster_savings"] is None
    assert costs(usage(0, 1))[0]["potential_job_cluster_savings"] == 0


def test_the_tagged_share_of_a_week_weighs_days_by_their_cost() -> None:
    rows = costs(usage(0, 9), usage(1, 1, owner_tag="x"), usage(8, 4, owner_tag="x"))
    assert (rows[1]["tagged_share_7d"], rows[1]["tagged_share_day_gap_7d"]) == (0.1, 0.4)
    assert rows[4]["tagged_share_change_3d_7d"] is None
    assert rows[8]["tagged_share_7d"] == 1
    assert rows[8]["tagged_share_change_7d_28d"] == 1 - 5 / 14


def test_savings_of_four_weeks_need_four_known_weeks() -> None:
    work = {"is_job_work": True, "jobs_list_price": 0.5}
    rows = costs(usage(0, 4, **work), usage(3, 8, **work))
    assert (rows[26]["potential_savings_28d"], rows[27]["potential_savings_28d"]) == (None, 6)
    assert rows[27]["potential_savings_usual_28d"] == 6
    assert rows[33]["potential_savings_28d"] == 0
    assert rows[33]["potential_savings_ratio_28d"] == 0
    unknown = costs(usage(0, 4, **work), usage(3, 8, is_job_work=True))
    assert unknown[27]["potential_savings_28d"] is None
    assert unknown[32]["potential_savings_28d"] == 0
    assert unknown[32]["potential_savings_usual_28d"] is None


def test_the_commitment_level_is_the_p20_of_four_weeks_with_idle_days() -> None:
    rows = costs(*(usage(n, 10) for n in range(40) if n % 7 < 5))
    assert rows[26]["commitment_level_usd"] is None
    assert (rows[27]["commitment_level_usd"], rows[27]["cost_p50_28d"]) == (0, 10)
    assert rows[35]["commitment_use_30d"] is None
    steady = costs(*(usage(n, 10 if n % 7 else 5) for n in range(40)))
    assert steady[29]["commitment_level_usd"] == 10
    assert steady[29]["commitment_use_30d"] == (25 * 10 + 5 * 5) / 300
    assert steady[28]["commitment_use_30d"] is None
    assert steady[27]["cost_momentum_7d_28d"] == 1


def event(number: int, service: str, workspace: str, **more: Any) -> Row:
    """Return a gold audit event at noon."""
    flags = ("auth_failure", "denied", "failed_action", "read_action", "export_action")
    return {
        "user_id": "ana",
        "identity_type": "human",
        "event_date": day(number),
        "event_time": at(number, 12 * 3600),
        "table_full_name": None,
        "source_ip_address": "10.0.0.1",
        "service_name": service,
        "action_name": "get",
        "workspace_id": workspace,
        "is_permission_action": False,
        "is_token_action": False,
        **{f"is_{flag}": False for flag in flags},
    } | more


def users(*events: Row) -> dict[int, Row]:
    """Return the security features by day number."""
    return {(r["event_date"] - START).days: r for r in security_rows(list(events))}


def test_lateral_movement_is_the_share_of_services_and_workspaces_not_touched_before() -> None:
    rows = users(
        event(0, "sql", "1"), event(5, "sql", "1"), event(5, "jobs", "0"), event(5, "jobs", "2")
    )
    assert rows[0]["lateral_movement_risk"] == 1
    assert rows[5]["lateral_movement_risk"] == 3 / 5


def test_what_was_touched_29_days_ago_is_new_again() -> None:
    assert users(event(0, "sql", "1"), event(28, "sql", "1"))[28]["lateral_movement_risk"] == 0
    assert users(event(0, "sql", "1"), event(29, "sql", "1"))[29]["lateral_movement_risk"] == 1


def test_counter_norms_are_over_active_days_before_today() -> None:
    numbers = [1, 2, 3]
    events = [event(3 * d, "sql", "1") for d, n in enumerate(numbers) for _ in range(n)]
    row = users(*events, *[event(20, "sql", "1")] * 5)[20]
    assert (row["event_count_mean_28d"], row["event_count_std_28d"]) == (2, 1)
    assert (row["event_count_max_28d"], row["event_count_z_28d"]) == (3, 3)
    assert (row["days_active_28d"], row["export_events_z_28d"]) == (3, None)


def test_a_burst_needs_more_than_100_events_and_an_unusual_day() -> None:
    assert [burst(100, None), burst(101, None), burst(101, 3.1), burst(101, 3.0)] == [
        False,
        None,
        True,
        False,
    ]


def test_off_hours_end_at_six_and_begin_at_twenty() -> None:
    hours = (0, 5.99, 6, 19.99, 20)
    row = users(*(event(0, "s", "1", event_time=at(0, h * 3600)) for h in hours))[0]
    assert row["off_hours_events"] == 3
