"""Tables draw from streams of their own: a change in one leaves the rows of the others alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from ngm_assets.demo.audit import build_audit
from ngm_assets.demo.billing import build_usage
from ngm_assets.demo.calendar import Calendar
from ngm_assets.demo.estate import Estate, build_estate
from ngm_assets.demo.fleet import Fleet, build_fleet
from ngm_assets.demo.incidents import Incident, plan_incidents
from ngm_assets.demo.jobs import build_timeline
from ngm_assets.demo.queries import build_queries

World = tuple[Estate, Fleet, tuple[Incident, ...]]
BUILDERS: dict[str, Callable[[Estate, Fleet, tuple[Incident, ...]], pa.Table]] = {
    "cost": lambda e, f, i: build_usage(e, f, i, seed=7),
    "security": lambda e, f, i: build_audit(e, i, seed=7),
    "performance": lambda e, f, i: build_queries(e, i, seed=7),
    "reliability": lambda e, f, i: build_timeline(e, f, i, seed=7),
}


@pytest.fixture(scope="module")
def world() -> World:
    """A small estate with its plan of incidents."""
    estate = build_estate(Calendar(date(2026, 1, 5), 40), seed=7, scale=0.1)
    fleet = build_fleet(estate, seed=7, scale=0.1)
    return estate, fleet, plan_incidents(estate, fleet, seed=7, scale=0.1)


@pytest.mark.parametrize("domain", BUILDERS)
def test_incidents_of_one_domain_move_only_that_domains_table(world: World, domain: str) -> None:
    estate, fleet, planted = world
    build = BUILDERS[domain]
    others = tuple(i for i in planted if i.domain == domain)
    without = tuple(i for i in planted if i.domain != domain)
    assert build(estate, fleet, others).equals(build(estate, fleet, planted))
    assert not build(estate, fleet, without).equals(build(estate, fleet, planted))


def test_the_global_random_generator_is_neither_used_nor_moved(world: World) -> None:
    estate, _fleet, planted = world
    np.random.seed(1)
    first = build_queries(estate, planted, seed=7)
    after = np.random.random()
    np.random.seed(1)
    assert np.random.random() == after
    assert build_queries(estate, planted, seed=7).equals(first)
