"""Every planted incident shows in the raw rows, at its place and of its size, and nowhere else."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

from ngm_assets.demo.write import MARK
from ngm_assets_tests.demo.conftest import Landing

KINDS = {
    "runaway_cluster": "cost",
    "credential_stuffing": "security",
    "exfiltration": "security",
    "privilege_escalation": "security",
    "behaviour_change": "security",
    "warehouse_regression": "performance",
    "broken_upgrade": "reliability",
    "mass_schema_change": "quality",
}
EXPORTS = (
    "'downloadQueryResult', 'downloadPreviewResults', 'downloadLargeResults', 'workspaceExport'"
)
GRANTS = "'updatePermissions', 'changeWorkspaceAcl', 'addPrincipalToGroup', 'generateDbToken'"
FAILED = "'FAILED', 'ERROR', 'TIMED_OUT'"


def days(incident: dict[str, Any]) -> list[date]:
    """Return the days of an incident."""
    first, last = (date.fromisoformat(incident[k]) for k in ("start", "end"))
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def per_day(landing: Landing, user: str, where: str) -> dict[date, int]:
    """Count a user's events by day."""
    query = f"""
        select event_date, count(distinct event_id) from audit
        where lower(trim(user_identity.email)) = '{user}' and {where} group by 1
    """
    return dict(landing.ask(query))


def test_the_list_is_complete_and_each_entity_is_hit_once(landing: Landing) -> None:
    planted = json.loads((landing.folder / MARK).read_text(encoding="utf-8"))
    assert len(planted) == landing.summary.incidents
    assert {i["kind"]: i["domain"] for i in planted} == KINDS
    assert len({i["id"] for i in planted}) == len(planted)
    hit = [(i["domain"], *sorted(i["entity"].items())) for i in planted]
    assert len(set(hit)) == len(hit)
    for incident in planted:
        inside = days(incident)
        assert landing.summary.start <= inside[0] <= inside[-1] <= landing.summary.end


def test_one_cost_incident_and_two_threats_lie_in_the_last_twelve_days(landing: Landing) -> None:
    recent = landing.summary.end - timedelta(days=11)
    for kind, wanted, longest in (("runaway_cluster", 1, 3), ("credential_stuffing", 2, 1)):
        late = [days(i) for i in landing.incidents(kind) if days(i)[0] >= recent]
        assert len(late) == wanted
        assert all(len(d) <= longest and d[-1] < landing.summary.end for d in late)
        assert len(landing.incidents(kind)) > wanted


def test_a_runaway_cluster_multiplies_the_cost_of_the_same_weekday(landing: Landing) -> None:
    for incident in landing.incidents("runaway_cluster"):
        workspace = incident["entity"]["workspace_id"]
        cost = dict(
            landing.ask(f"""
            with p as (select sku_name, cloud, min(pricing.default)::double usd from list_prices
                       where currency_code = 'USD' group by 1, 2),
            u as (select distinct record_id, usage_date, sku_name, cloud, usage_quantity q
                  from usage where workspace_id = '{workspace}')
            select usage_date, sum(q::double * usd) from u join p using (sku_name, cloud) group by 1
            """)
        )
        for day in days(incident):
            weeks = (cost.get(day - timedelta(days=7 * k)) for k in (1, 2, 3, 4))
            usual = sorted(w for w in weeks if w is not None)
            factor = cost[day] / usual[len(usual) // 2]
            assert 0.6 * incident["magnitude"] < factor < 1.7 * incident["magnitude"]
            hours = f"""
                select max(h) from (select usage_metadata.cluster_id,
                count(distinct usage_start_time) h from usage where usage_date = '{day}'
                and workspace_id = '{workspace}' and billing_origin_product = 'ALL_PURPOSE'
                group by 1)
            """
            assert landing.one(hours) == 24


def test_credential_stuffing_is_a_burst_of_refused_logins_from_new_addresses_at_night(
    landing: Landing,
) -> None:
    for incident in landing.incidents("credential_stuffing"):
        user = incident["entity"]["user_id"]
        refused = "action_name in ('login', 'tokenLogin') and response.status_code = 401"
        night = per_day(landing, user, f"{refused} and hour(event_time) < 6")
        reads = per_day(landing, user, "action_name = 'getTable' and hour(event_time) < 6")
        for day in days(incident):
            assert night[day] > 0.75 * incident["magnitude"]
            assert reads[day] >= 8
            new = f"""
                select count(distinct source_ip_address) from audit
                where lower(trim(user_identity.email)) = '{user}' and event_date = '{day}'
                and source_ip_address not in (select source_ip_address from audit
                where event_date < '{days(incident)[0]}')
            """
            assert landing.one(new) > 0.2 * incident["magnitude"]


def test_exfiltration_is_far_above_the_persons_own_norm(landing: Landing) -> None:
    for incident in landing.incidents("exfiltration"):
        exports = per_day(landing, incident["entity"]["user_id"], f"action_name in ({EXPORTS})")
        other = [n for day, n in exports.items() if day not in days(incident)]
        for day in days(incident):
            assert exports[day] > 0.9 * incident["magnitude"]
            assert exports[day] > 8 * max(other, default=1)


def test_privilege_is_escalated_by_people_who_never_granted_anything(landing: Landing) -> None:
    for incident in landing.incidents("privilege_escalation"):
        grants = per_day(landing, incident["entity"]["user_id"], f"action_name in ({GRANTS})")
        assert set(grants) == set(days(incident))
        assert all(n > 0.7 * incident["magnitude"] for n in grants.values())


def test_changed_behaviour_is_night_work_on_other_tables(landing: Landing) -> None:
    for incident in landing.incidents("behaviour_change"):
        user = incident["entity"]["user_id"]
        inside = days(incident)
        night = per_day(landing, user, "(hour(event_time) < 5 or hour(event_time) >= 21)")
        within = [night.get(day, 0) for day in inside]
        before = [n for day, n in night.items() if day < inside[0]]
        assert min(within) > 0.5 * incident["magnitude"]
        assert sum(before) < 0.2 * sum(within)
        tables = f"""
            select coalesce(request_params['full_name_arg'], request_params['table_full_name']) t,
            count(*) filter (event_date < '{inside[0]}') before,
            count(*) filter (event_date between '{inside[0]}' and '{inside[-1]}') during
            from audit where lower(trim(user_identity.email)) = '{user}' group by 1
        """
        rows = [row for row in landing.ask(tables) if row[0] is not None]
        new = sum(during for _, before, during in rows if before == 0)
        assert new > 0.5 * sum(during for _, _, during in rows)


def test_a_regressed_warehouse_takes_a_multiple_of_its_usual_time(landing: Landing) -> None:
    for incident in landing.incidents("warehouse_regression"):
        inside = days(incident)
        assert len(inside) >= 10
        ratio = f"""
            with s as (select distinct statement_id, end_time::date d, execution_duration_ms x
                from history where compute.warehouse_id = '{incident["entity"]["warehouse_id"]}'
                and execution_status = 'FINISHED' and not from_result_cache)
            select median(x) filter (d between '{inside[0]}' and '{inside[-1]}')
                / median(x) filter (d < '{inside[0]}') from s
        """
        assert 0.6 < landing.one(ratio) / incident["magnitude"] < 1.6


def test_a_job_breaks_on_the_day_its_runtime_changes(landing: Landing) -> None:
    for incident in landing.incidents("broken_upgrade"):
        workspace, job = (incident["entity"][k] for k in ("workspace_id", "job_id"))
        inside = days(incident)
        rates = f"""
            select avg((result_state in ({FAILED}))::int)
                filter (period_start_time::date between '{inside[0]}' and '{inside[-1]}'),
            avg((result_state in ({FAILED}))::int) filter (period_start_time::date < '{inside[0]}')
            from job_run_timeline where result_state is not null
            and workspace_id = '{workspace}' and job_id = '{job}'
        """
        during, before = landing.ask(rates)[0]
        assert during > 0.4
        assert during > before + 0.25
        upgrade = f"""
            select count(*) from clusters where change_date = '{inside[0]}' and cluster_id in
            (select unnest(compute_ids) from job_run_timeline
             where workspace_id = '{workspace}' and job_id = '{job}')
        """
        assert landing.one(upgrade) >= 1


def test_a_mass_change_alters_the_structure_of_many_tables_at_once(landing: Landing) -> None:
    for incident in landing.incidents("mass_schema_change"):
        catalog, day = incident["entity"]["catalog_name"], days(incident)[0]
        shapes = f"""
            with s as (select snapshot_date::date d, table_schema || '.' || table_name t,
                string_agg(column_name || ' ' || data_type, ',' order by column_name) c
                from columns where table_catalog = '{catalog}'
                and table_schema != 'information_schema' group by 1, 2)
            select avg((a.c != b.c)::int) from s a join s b using (t)
            where a.d = date '{day}' - 1 and b.d = date '{day}'
        """
        assert landing.one(shapes) > 0.7 * incident["magnitude"]
        count = f"""
            select count(*) from columns where table_catalog = '{catalog}'
            and snapshot_date::date = '{day}'
        """
        assert landing.one(count) > 0
