"""Generates a whole landing of raw system tables from a seed."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from ngm_assets.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ngm_assets.demo.estate import EntityScale, Estate
    from ngm_assets.demo.fleet import Fleet
    from ngm_assets.demo.incidents import Incident

DEMO_END = date(2026, 6, 28)
MIN_DAYS = 30
MAX_SCALE = 10.0


@dataclass(frozen=True)
class DemoSummary:
    """What `generate` wrote.

    Args:
        rows: Rows per raw table, for example `{"access/audit": 350000, ...}`.
        start: First day.
        end: Last day.
        incidents: Number of planted incidents.
    """

    rows: Mapping[str, int]
    start: date
    end: date
    incidents: int


def _refuse_nonsense(days: int, seed: int, scale: EntityScale) -> None:
    if days < MIN_DAYS:
        raise ConfigError(
            f"{days} days are too few to plant incidents in a history",
            where="generate: days",
            mend=f"ask for at least {MIN_DAYS} days",
        )
    if seed < 0:
        raise ConfigError("the seed is negative", where="generate: seed", mend="use 0 or more")
    wrong = [factor for factor in astuple(scale) if not 0 < factor <= MAX_SCALE]
    if wrong:
        raise ConfigError(
            f"scale {wrong[0]} is out of range",
            where="generate: scale",
            mend=f"use a number above 0, up to {MAX_SCALE:g}",
        )


def _tables(
    estate: Estate, fleet: Fleet, incidents: Sequence[Incident], seed: int, folder: Path
) -> Iterator[tuple[str, int]]:
    """Write table after table and yield its name and its number of rows."""
    from ngm_assets.demo import audit, billing, clusters, jobs, prices, queries, snapshots
    from ngm_assets.demo.write import write_file, write_months

    table = billing.build_usage(estate, fleet, incidents, seed=seed)
    write_months(table, "usage_date", folder / "billing/usage")
    yield "billing/usage", table.num_rows
    table = prices.list_prices(estate.calendar)
    write_file(table, folder / "billing/list_prices/part-0.parquet")
    yield "billing/list_prices", table.num_rows
    table = audit.build_audit(estate, incidents, seed=seed)
    write_months(table, "event_date", folder / "access/audit")
    yield "access/audit", table.num_rows
    table = queries.build_queries(estate, incidents, seed=seed)
    write_months(table, "start_time", folder / "query/history")
    yield "query/history", table.num_rows
    table = jobs.build_timeline(estate, fleet, incidents, seed=seed)
    write_months(table, "period_start_time", folder / "lakeflow/job_run_timeline")
    yield "lakeflow/job_run_timeline", table.num_rows
    table = clusters.build_clusters(estate, fleet, seed=seed)
    write_file(table, folder / "compute/clusters/part-0.parquet")
    yield "compute/clusters", table.num_rows
    place = folder / "information_schema"
    columns, tables = snapshots.write_snapshots(estate, incidents, place, seed=seed)
    yield "information_schema/columns", columns
    yield "information_schema/tables", tables


def generate(
    landing: Path,
    *,
    days: int = 150,
    seed: int = 7,
    scale: float | EntityScale = 1.0,
    end: date = DEMO_END,
    progress: Callable[[str, int, int], None] | None = None,
) -> DemoSummary:
    """Write the eight raw tables of a made-up estate, with planted incidents.

    Equal arguments give equal bytes in every file. The tables are written into a hidden sibling
    folder, which takes the landing's place at the very end: a landing is whole or absent. The
    planted incidents are listed in `_incidents.json` and nowhere else.

    Args:
        landing: Folder to create, or to replace if the demo wrote it before.
        days: Number of days, at least 30.
        seed: Seed of everything drawn, 0 or more.
        scale: Factor on the numbers of users, jobs, warehouses, workspaces and catalogs, or one
            factor for each.
        end: The last day.
        progress: Called after each table with its name, the tables done, and the tables in all.

    Returns:
        Rows per table, first and last day, and the number of incidents.

    Raises:
        ConfigError: An argument is out of range, or the landing holds foreign data.
    """
    from ngm_assets.demo.calendar import Calendar
    from ngm_assets.demo.estate import EntityScale, build_estate
    from ngm_assets.demo.fleet import build_fleet
    from ngm_assets.demo.incidents import as_json, plan_incidents, with_broken_upgrades
    from ngm_assets.demo.schemas import TABLES
    from ngm_assets.demo.write import MARK, replacing

    _refuse_nonsense(days, seed, EntityScale.of(scale))
    calendar = Calendar(end - timedelta(days=days - 1), days)
    estate = build_estate(calendar, seed=seed, scale=scale)
    fleet = build_fleet(estate, seed=seed, scale=scale)
    incidents = plan_incidents(estate, fleet, seed=seed, scale=scale)
    fleet = with_broken_upgrades(fleet, incidents)
    rows: dict[str, int] = {}
    with replacing(landing) as folder:
        for name, count in _tables(estate, fleet, incidents, seed, folder):
            rows[name] = count
            if progress is not None:
                progress(name, len(rows), len(TABLES))
        text = json.dumps(as_json(incidents, estate), indent=2) + "\n"
        (folder / MARK).write_text(text, encoding="utf-8")
    return DemoSummary(rows=rows, start=calendar.start, end=end, incidents=len(incidents))
