"""Builds small landings full of the awkward rows that real exports have.

Every timestamp is a whole second and every quantity and price a multiple of a power of two, so
that no unit of time or width of number loses anything and sums are exact in any order.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from ngm_assets_tests.landing_rows import audit, billing, catalog, lakeflow, queries
from ngm_assets_tests.landing_rows.writing import write_snapshots, write_table

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

TABLES = (
    "billing/usage",
    "billing/list_prices",
    "access/audit",
    "query/history",
    "lakeflow/job_run_timeline",
    "compute/clusters",
    "information_schema/columns",
    "information_schema/tables",
)
RARE_LABELS = (
    "fails_more_after_runtime_change",
    "overdue_share_next_day",
    "rule_overdue_share_today",
    "savings_next_28d",
)
"""Labels that a small landing may know of one kind only."""
LONG_TERM_LABELS = (
    "commitment_pays_next_30d",
    "grants_after_90_days_without",
    "hours_stay_moved_next_7d",
)
"""Labels that need more days, or events, than a small landing has."""


def awkward_landing(
    folder: Path,
    *,
    seed: int,
    days: int = 40,
    start: date = date(2023, 11, 20),
    without: Collection[str] = (),
) -> None:
    """Write the eight raw tables, small and awkward; the same seed writes the same rows.

    Args:
        folder: Where to write; made when absent.
        seed: What the rows are drawn from; each table draws on its own.
        days: Days covered. From 37 on a workspace is silent for more than 35 days.
        start: First day covered.
        without: Tables to leave out altogether, such as `billing/usage`.

    Raises:
        ValueError: `without` names no table of the landing.
    """
    unknown = sorted(set(without) - set(TABLES))
    if unknown:
        message = f"no such table: {unknown}; there are {list(TABLES)}"
        raise ValueError(message)
    span = [start + timedelta(days=n) for n in range(days)]
    folder.mkdir(parents=True, exist_ok=True)
    rows = {
        "billing/usage": billing.usage(seed, span),
        "billing/list_prices": billing.prices(seed, span),
        "access/audit": audit.events(seed, span),
        "query/history": queries.statements(seed, span),
        "lakeflow/job_run_timeline": lakeflow.slices(seed, span),
        "compute/clusters": lakeflow.clusters(seed, span),
    }
    for table, found in rows.items():
        if table not in without:
            write_table(folder / table, table, found, seed)
    columns, tables = catalog.snapshots(seed, span)
    for table, by_day in (
        ("information_schema/columns", columns),
        ("information_schema/tables", tables),
    ):
        if table not in without:
            write_snapshots(folder / table, table, by_day)
