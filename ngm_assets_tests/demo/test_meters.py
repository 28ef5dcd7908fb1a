"""A job's usage is tagged like the job itself, whose name often says its team."""

from __future__ import annotations

from datetime import date, timedelta

from ngm_assets.demo.calendar import Calendar
from ngm_assets.demo.estate import build_estate
from ngm_assets.demo.fleet import build_fleet
from ngm_assets.demo.generate import DEMO_END
from ngm_assets.demo.meters import build_meters

DAYS, SEED = 40, 7


def test_the_meter_of_a_job_carries_the_jobs_own_team() -> None:
    start: date = DEMO_END - timedelta(days=DAYS - 1)
    estate = build_estate(Calendar(start, DAYS), seed=SEED, scale=0.5)
    fleet = build_fleet(estate, seed=SEED, scale=0.5)
    meters = [m for m in build_meters(estate, fleet, seed=SEED) if m.job >= 0]
    assert len(meters) > len(fleet.jobs) / 2
    assert [m.team for m in meters] == [fleet.jobs[m.job].team for m in meters]
    homes = [estate.workspaces[m.workspace].team for m in meters]
    assert 0 < sum(m.team != home for m, home in zip(meters, homes, strict=True)) < len(meters) / 2
