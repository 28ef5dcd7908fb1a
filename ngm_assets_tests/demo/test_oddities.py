"""The raw rows are as awkward as the real ones: repeats, corrections, gaps, odd spellings."""

from __future__ import annotations

import pytest

from ngm_assets_tests.demo.conftest import DAYS, Landing

REPEATS = {
    "usage": "record_id",
    "audit": "event_id",
    "job_run_timeline": "workspace_id, run_id, period_start_time, period_end_time",
}


@pytest.mark.parametrize("view", REPEATS)
def test_some_rows_occur_twice_equal_in_every_column(landing: Landing, view: str) -> None:
    keys = REPEATS[view]
    twice = f"select {keys} from {view} group by {keys} having count(*) > 1"
    found = landing.ask(f"select t.* from {view} t join ({twice}) using ({keys})")
    shapes = {repr(row) for row in found}
    assert len(found) >= 10
    assert len(shapes) * 2 == len(found)


def test_usage_is_corrected_by_retraction_and_restatement(landing: Landing) -> None:
    counts = dict(landing.ask("select record_type, count(*) from usage group by 1"))
    assert set(counts) == {"ORIGINAL", "RETRACTION", "RESTATEMENT"}
    assert counts["RETRACTION"] + counts["RESTATEMENT"] < 0.05 * counts["ORIGINAL"]
    wrong = "record_type = 'RETRACTION' and usage_quantity >= 0"
    assert landing.one(f"select count(*) from usage where {wrong}") == 0
    whole = """
        select count(*) from usage r where record_type = 'RETRACTION' and not exists (
            select 1 from usage o where o.record_type = 'ORIGINAL'
            and o.workspace_id = r.workspace_id and o.usage_start_time = r.usage_start_time
            and o.sku_name = r.sku_name and o.usage_quantity = -r.usage_quantity)
    """
    assert landing.one(whole) == 0


def test_usage_arrives_late_now_and_then_but_not_after_the_landing_was_read(
    landing: Landing,
) -> None:
    delays = dict(
        landing.ask("select ingestion_date - usage_date d, count(*) from usage group by 1")
    )
    assert delays[0] > delays[1] > delays[3] > 0
    assert {2, 3, 4, 5} <= set(delays)
    last = landing.one("select max(ingestion_date - date '2026-06-28') from usage")
    assert last == 1


def test_tags_are_full_partial_empty_or_null(landing: Landing) -> None:
    found = landing.ask(
        "select custom_tags is null, cardinality(custom_tags), count(*) from usage group by 1, 2"
    )
    assert {(null, size) for null, size, _ in found} >= {
        (True, None),
        (False, 0),
        (False, 1),
        (False, 3),
    }


def test_one_sku_has_no_price_and_prices_overlap_change_and_lack_effective_lists(
    landing: Landing,
) -> None:
    unpriced = landing.ask(
        "select distinct sku_name from usage anti join list_prices using (sku_name)"
    )
    assert unpriced == [("PREMIUM_SERVERLESS_GPU_COMPUTE_US_EAST",)]
    overlaps = """
        select distinct a.sku_name from list_prices a join list_prices b
        using (sku_name, cloud, currency_code, usage_unit)
        where a.price_start_time < b.price_start_time
        and (a.price_end_time is null or a.price_end_time > b.price_start_time)
    """
    assert landing.ask(overlaps) == [("PREMIUM_DLT_ADVANCED_COMPUTE",)]
    changed = "price_end_time in (select price_start_time from list_prices)"
    assert landing.one(f"select count(*) from list_prices where {changed}") > 0
    for gap in ("pricing.effective_list is null", "pricing.promotional is not null"):
        assert landing.one(f"select count(*) from list_prices where {gap}") > 0
    currencies = landing.ask("select distinct currency_code from list_prices order by 1")
    assert currencies == [("EUR",), ("USD",)]


def test_jobs_on_all_purpose_clusters_are_found_through_compute_ids_only(landing: Landing) -> None:
    hosted = """
        with used as (
            select distinct usage_metadata.cluster_id id, usage_date from usage
            where billing_origin_product = 'ALL_PURPOSE' and usage_metadata.job_id is null),
        ran as (select distinct unnest(compute_ids) id, period_start_time::date d
                from job_run_timeline where job_id is not null)
        select count(*) from ran join used on used.id = ran.id and used.usage_date = ran.d
    """
    assert landing.one(hosted) > 20
    named = "billing_origin_product = 'ALL_PURPOSE' and usage_metadata.job_id is not null"
    assert landing.one(f"select count(*) from usage where {named}") > 0


def test_usage_names_runs_that_the_timeline_knows(landing: Landing) -> None:
    lost = """
        select count(distinct usage_metadata.job_run_id), count(distinct r.run_id)
        from usage left join job_run_timeline r
        on r.run_id = usage_metadata.job_run_id and r.workspace_id = usage.workspace_id
        where usage_metadata.job_run_id is not null
    """
    named, known = landing.ask(lost)[0]
    assert named > 100
    assert known == named


def test_job_ids_repeat_between_workspaces(landing: Landing) -> None:
    many = "select count(distinct workspace_id) from job_run_timeline where job_id = '101'"
    assert landing.one(many) > 1


def test_long_runs_are_cut_from_their_start_at_first_and_on_the_clock_hour_later(
    landing: Landing,
) -> None:
    inner = """
        with s as (select distinct * exclude (job_parameters) from job_run_timeline),
        o as (select run_id, period_start_time p, period_end_time e, result_state r,
              min(period_start_time) over (partition by workspace_id, run_id) b from s)
        select count(*) filter (minute(e) = 0 and second(e) = 0), count(*) from o
        where r is null and b::date {} date '2026-06-05'
    """
    clock, cuts = landing.ask(inner.format(">="))[0]
    assert clock == cuts > 30
    clock, cuts = landing.ask(inner.format("<"))[0]
    assert cuts > 30
    assert clock < 0.3 * cuts


def test_only_the_slice_that_ends_an_attempt_has_a_result_and_repairs_make_more(
    landing: Landing,
) -> None:
    results = landing.ask("""
        select count(distinct period_start_time) n from job_run_timeline
        where result_state is not null group by workspace_id, run_id
    """)
    assert {1, 2} <= {n for (n,) in results}
    longest = (
        "select max(period_end_time - period_start_time) <= interval 1 hour from job_run_timeline"
    )
    assert landing.one(longest)
    known = {"SUCCEEDED", "FAILED", "ERROR", "TIMED_OUT", "CANCELLED", "SKIPPED", None}
    assert {
        s for (s,) in landing.ask("select distinct result_state from job_run_timeline")
    } == known


def test_some_runs_go_on_at_the_end_have_no_job_cross_midnight_or_take_exact_hours(
    landing: Landing,
) -> None:
    runs = """
        with r as (select workspace_id, run_id, min(period_start_time) b, max(period_end_time) e,
                   max(result_state) s, max(job_id) j from job_run_timeline group by 1, 2)
        select count(*) from r where {}
    """
    assert landing.one(runs.format("s is null and e = '2026-06-29 00:00:00'")) >= 1
    assert landing.one(runs.format("j is null")) > 30
    assert landing.one(runs.format("b::date < e::date and s is not null")) > 3
    exact = "epoch(e - b) > 0 and epoch(e - b) % 3600 = 0 and minute(b) = 0 and second(b) = 0"
    assert landing.one(runs.format(exact)) >= 1
    assert landing.one("select max(period_end_time) from job_run_timeline").isoformat() == (
        "2026-06-29T00:00:00+00:00"
    )


def test_every_cluster_a_run_names_has_a_history_with_runtime_upgrades(landing: Landing) -> None:
    strangers = """
        select count(*) from (select distinct unnest(compute_ids) id from job_run_timeline)
        where id not in (select cluster_id from clusters)
    """
    assert landing.one(strangers) == 0
    upgraded = """
        select count(*) from (select cluster_id from clusters group by 1
        having count(distinct dbr_version) > 1 and max(change_date) > '2026-05-01')
    """
    assert landing.one(upgraded) > 2


def test_statements_run_get_updated_cross_midnight_and_lack_warehouses(landing: Landing) -> None:
    count = "select count(*) from history where {}"
    assert landing.one(count.format("end_time is null")) > 5
    later = """
        select count(*) from history a join history b using (workspace_id, statement_id)
        where a.end_time is null and b.end_time is not null and a.update_time < b.update_time
    """
    assert landing.one(later) > 5
    lone = "compute.type = 'SERVERLESS_COMPUTE' and compute.warehouse_id is null"
    assert landing.one(count.format(lone)) > 50
    assert landing.one(count.format("start_time::date < end_time::date")) > 5
    states = {s for (s,) in landing.ask("select distinct execution_status from history")}
    assert states == {"FINISHED", "FAILED", "CANCELED", None}
    assert landing.one("select max(end_time) < '2026-06-29' from history")


def test_durations_of_statements_add_up(landing: Landing) -> None:
    wrong = """
        end_time is not null and (total_duration_ms != waiting_for_compute_duration_ms
        + waiting_at_capacity_duration_ms + execution_duration_ms + compilation_duration_ms
        or epoch_ms(end_time) - epoch_ms(start_time) != total_duration_ms)
    """
    assert landing.one(f"select count(*) from history where {wrong}") == 0


def test_identities_are_spelled_as_people_type_them(landing: Landing) -> None:
    spelled = "select count(*) from audit where user_identity.email {}"
    assert landing.one(spelled.format("!= lower(user_identity.email)")) > 20
    assert landing.one(spelled.format("!= trim(user_identity.email)")) > 20
    assert landing.one(spelled.format("is null")) > 20
    assert landing.one(spelled.format("= 'System-User'")) > 20
    assert landing.one(spelled.format("like '%gserviceaccount.com'")) > 20
    bare = "similar to '[0-9a-f]{8}-[0-9a-f-]{27}'"
    assert landing.one(spelled.format(bare)) > 20


def test_account_events_have_workspace_0_and_refusals_are_rare(landing: Landing) -> None:
    levels = landing.ask("select distinct audit_level, workspace_id = '0' from audit order by 1")
    assert levels == [("ACCOUNT_LEVEL", True), ("WORKSPACE_LEVEL", False)]
    codes = {c for (c,) in landing.ask("select distinct response.status_code from audit")}
    assert codes == {200, 400, 401, 403, 404, 500}
    share = "select avg((response.status_code in (401, 403))::int) from audit"
    assert 0.002 < landing.one(share) < 0.05


def test_workspaces_start_and_stop_part_way(landing: Landing) -> None:
    spans = landing.ask("select min(usage_date), max(usage_date) from usage group by workspace_id")
    assert any(first > landing.summary.start for first, _ in spans)
    assert any(last < landing.summary.end for _, last in spans)
    assert any(span == (landing.summary.start, landing.summary.end) for span in spans)


def test_snapshots_skip_days_evolve_and_hold_catalogs_to_leave_out(landing: Landing) -> None:
    days = landing.one("select count(distinct snapshot_date) from columns")
    assert DAYS - 3 <= days < DAYS
    assert landing.one("select count(*) from columns where table_catalog = 'system'") > 0
    assert landing.one("select count(*) from tables where table_schema = 'information_schema'") > 0
    sizes = landing.ask("""
        select count(distinct n) from (select table_catalog c, snapshot_date, count(*) n
        from columns where table_schema != 'information_schema' group by 1, 2)
        where c != 'system' group by c
    """)
    assert all(n > 1 for (n,) in sizes)


def test_last_altered_lies_between_creation_and_the_snapshot(landing: Landing) -> None:
    wrong = "last_altered < created or last_altered::date > snapshot_date::date"
    assert landing.one(f"select count(*) from tables where {wrong}") == 0
    assert landing.one("select count(distinct last_altered) from tables") > DAYS
