"""Job cost features as a person would work them out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from ngm_assets_tests.oracle.features_job_cost import job_cost_rows

Row = dict[str, Any]
START = date(2024, 2, 1)


def usage(number: int, job: str | None, team: str | None = None, **more: Any) -> Row:
    """Return a gold usage record of a job on jobs compute, at a dollar."""
    begun = START + timedelta(days=number)
    return {
        "workspace_id": "w",
        "job_id": job,
        "usage_date": begun,
        "usage_start_time": datetime(begun.year, begun.month, begun.day, tzinfo=UTC),
        "job_name": None,
        "job_run_id": None,
        "is_serverless": None,
        "is_photon": None,
        "product_family": "jobs",
        "usage_unit": "DBU",
        "usage_quantity": 2,
        "list_cost": 1.0,
        "custom_tags": None if team is None else {"team": team, "owner": "ana"},
    } | more


def jobs(*records: Row) -> dict[tuple[str, int], Row]:
    """Return the features by job and day number."""
    rows = job_cost_rows(list(records))
    return {(r["job_id"], (r["usage_date"] - START).days): r for r in rows}


def test_only_days_on_which_usage_names_the_job_have_a_row() -> None:
    assert set(jobs(usage(0, "a"), usage(2, "a"), usage(1, None))) == {("a", 0), ("a", 2)}


def test_a_jobs_tag_is_the_one_on_most_records_and_never_its_clusters() -> None:
    records = [usage(0, "a", team) for team in ("risk", "ops", "ops", "risk", " ")]
    shared = [usage(0, "a", "risk", product_family="all_purpose")] * 3
    assert jobs(*records)["a", 0]["tag_value"] == "ops"
    assert jobs(*records, *shared)["a", 0]["tag_value"] == "ops"
    assert jobs(*records, usage(0, "a", " risk "))["a", 0]["tag_value"] == "risk"
    assert jobs(*shared)["a", 0]["tag_value"] is None


def test_the_usual_tag_of_a_workspaces_jobs_leaves_the_job_itself_out() -> None:
    rows = jobs(
        usage(0, "a", "ops"),
        usage(0, "b", "risk"),
        usage(1, "b", "risk"),
        usage(0, "c", "it"),
        usage(0, "d", "ops", workspace_id="elsewhere"),
        usage(1, "a"),
    )
    assert rows["a", 1]["workspace_job_tag_28d"] == "risk"
    assert rows["a", 0]["workspace_job_tag_28d"] == "it"
    assert rows["b", 1]["workspace_job_tag_28d"] == "it"
    assert rows["a", 1]["workspace_job_tag_share_28d"] == 0.5
    assert rows["d", 0]["workspace_job_tag_28d"] is None


def test_the_usual_tag_of_a_workspace_counts_all_its_records_but_the_jobs() -> None:
    rows = jobs(
        usage(0, None, "it", product_family="sql"),
        usage(0, None, "it", product_family="all_purpose"),
        *[usage(0, "a", "ops")] * 3,
        usage(0, "b", "risk"),
        usage(0, "d", "risk", workspace_id="elsewhere"),
    )
    assert rows["a", 0]["workspace_tag_28d"] == "it"
    assert rows["b", 0]["workspace_tag_28d"] == "ops"
    assert rows["d", 0]["workspace_tag_28d"] is None


def test_a_name_suggests_the_longest_value_it_contains_that_others_carry() -> None:
    others = [usage(0, None, team, workspace_id="elsewhere") for team in ("risk", "risk-eu", "it")]
    found = {
        name: jobs(usage(0, None, "ops"), *others, usage(0, "a", "mine", job_name=name))["a", 0]
        for name in ("load_RISK-EU_daily", "AsteriskLoad", "items", "mine")
    }
    by_name = [row["name_tag_28d"] for row in found.values()]
    assert by_name == ["risk-eu", "risk", None, None]
    assert [row["suggested_tag_28d"] for row in found.values()] == ["risk-eu", "risk", "ops", "ops"]


def test_a_tag_is_forgotten_after_28_days() -> None:
    rows = jobs(usage(0, "a", "ops"), usage(27, "b"), usage(28, "b"))
    for name in ("workspace_tag_28d", "workspace_job_tag_28d"):
        assert (rows["b", 27][name], rows["b", 28][name]) == ("ops", None)


def test_the_name_is_the_latest_one_given_that_day() -> None:
    late = datetime(2024, 2, 1, 9, tzinfo=UTC)
    rows = jobs(
        usage(0, "a", job_name="old"),
        usage(0, "a", job_name="new", usage_start_time=late),
        usage(0, "a", usage_start_time=late + timedelta(hours=1)),
        usage(1, "a"),
    )
    assert (rows["a", 0]["job_name"], rows["a", 1]["job_name"]) == ("new", None)


def test_cost_is_unknown_only_without_any_price() -> None:
    rows = jobs(
        usage(0, "a", is_serverless=True), usage(0, "a", list_cost=None), usage(1, "a", list_cost=3)
    )
    assert (rows["a", 0]["daily_cost"], rows["a", 0]["serverless_share"]) == (1, 1)
    assert (rows["a", 1]["cost_sum_28d"], rows["a", 1]["days_active_28d"]) == (4, 2)
    free = jobs(usage(0, "a", list_cost=None))["a", 0]
    assert (free["daily_cost"], free["cost_sum_28d"], free["photon_share"]) == (None, None, None)
