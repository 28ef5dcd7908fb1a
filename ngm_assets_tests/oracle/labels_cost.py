"""Works out what cost and job cost rows are judged by: the days after them, and rules of thumb.

A workspace's days are known from its first usage to the last day of gold: those without a row cost
nothing. What lies beyond the last day of gold is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ngm_assets_tests.oracle.calendar import days_before
from ngm_assets_tests.oracle.frames import Row, as_date, frame_of, rows_of
from ngm_assets_tests.oracle.statistics import percentile, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

DISCOUNT = 0.2
LEAST_SAVING = 0.01
"""A commitment that gains less than a cent does not pay."""
COST_COLUMNS = {
    "cost_next_7d": "double",
    "rule_cost_last_7d": "double",
    "savings_next_28d": "double",
    "rule_savings_last_28d": "double",
    "tagged_share_next_7d": "double",
    "rule_tagged_share_last_7d": "double",
    "commitment_pays_next_30d": "double",
    "rule_commitment_paid_last_30d": "double",
}
JOB_COLUMNS = {"tag_next_7d": "string", "rule_workspace_tag": "string"}


@dataclass(frozen=True)
class Workspace:
    """The days of one workspace, from its first usage on.

    Attributes:
        days: Feature rows by day.
        first: Day of the first usage.
        last: Last day gold knows of, over all workspaces.
    """

    days: Mapping[date, Row]
    first: date
    last: date

    def after(self, day: date, count: int) -> list[date] | None:
        """Return t+1 .. t+count, or None when gold does not reach that far yet."""
        days = [day + timedelta(days=n) for n in range(1, count + 1)]
        return days if days[-1] <= self.last else None

    def values(self, column: str, days: list[date] | None) -> list[float] | None:
        """Return a column on some days; None where one of them is unknown."""
        if days is None or days[0] < self.first:
            return None
        found = [self.days[d][column] if d in self.days else 0.0 for d in days]
        return None if None in found else found


def cost_labels(
    features: Mapping[str, pd.DataFrame], gold: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Return the labels and rules of every cost and job cost row, by the label SQL's column.

    Args:
        features: The feature tables by name.
        gold: The gold tables by name; usage says which days are known.

    Returns:
        Column name to a frame of the feature table's key columns and a column of that name.
        Money is in USD, shares are 0..1, events 0 or 1, tags text; missing where unknown.
    """
    usage = rows_of(gold["fact_usage"][["workspace_id", "usage_date"]])
    return spread(workspace_rows(rows_of(features["cost_features"]), usage), COST_COLUMNS) | spread(
        job_rows(rows_of(features["job_cost_features"])), JOB_COLUMNS
    )


def spread(rows: list[Row], columns: dict[str, str]) -> dict[str, pd.DataFrame]:
    """Return one frame of key and label per label column."""
    keys = [name for name in ("workspace_id", "job_id", "usage_date") if name in rows[0]]
    kinds = {name: "date" if name == "usage_date" else "string" for name in keys}
    return {
        name: frame_of([{k: row[k] for k in (*keys, name)} for row in rows], kinds | {name: kind})
        for name, kind in columns.items()
    }


def workspace_rows(features: list[Row], usage: list[Row]) -> list[Row]:
    """Return the labels of every workspace and day."""
    used: dict[str, list[date]] = {}
    for record in usage:
        used.setdefault(record["workspace_id"], []).append(as_date(record["usage_date"]))
    last = max(max(days) for days in used.values())
    by_workspace: dict[str, dict[date, Row]] = {}
    for row in features:
        by_workspace.setdefault(row["workspace_id"], {})[as_date(row["usage_date"])] = row
    found = []
    for name, days in by_workspace.items():
        workspace = Workspace(days, min(used[name]), last)
        for day in days:
            found.append({"workspace_id": name, "usage_date": day} | row_of(workspace, day))
    return found


def row_of(workspace: Workspace, day: date) -> Row:
    """Return the labels of one workspace and day."""
    row: dict[str, Any] = {}
    for name, days in (("next", workspace.after(day, 7)), ("last", days_before(day, 6, 0))):
        prefix = "" if name == "next" else "rule_"
        row[f"{prefix}cost_{name}_7d"] = total_of(workspace.values("daily_cost", days))
        row[f"{prefix}tagged_share_{name}_7d"] = tagged_share(workspace, days)
    share = row["tagged_share_next_7d"]
    row["tagged_share_next_7d"] = share if share is not None and 0 <= share <= 1 else None
    row["savings_next_28d"] = savings(workspace, workspace.after(day, 28))
    row["rule_savings_last_28d"] = savings(workspace, days_before(day, 27, 0))
    row["commitment_pays_next_30d"] = pays(workspace, day, workspace.after(day, 30))
    row["rule_commitment_paid_last_30d"] = pays(workspace, day, days_before(day, 29, 0))
    return row


def total_of(values: list[float] | None) -> float | None:
    """Return the sum, or None where a value is unknown."""
    return None if values is None else sum(values)


def savings(workspace: Workspace, days: list[date] | None) -> float | None:
    """Return what job work on all-purpose compute would have saved on jobs compute."""
    return total_of(workspace.values("potential_job_cluster_savings", days))


def tagged_share(workspace: Workspace, days: list[date] | None) -> float | None:
    """Return the share of cost that carries an owner tag, of the days since the first usage."""
    since = None if days is None else [d for d in days if d >= workspace.first]
    tagged, cost = (workspace.values(column, since) for column in ("tagged_cost", "daily_cost"))
    return ratio(total_of(tagged), total_of(cost))


def pays(workspace: Workspace, today: date, days: list[date] | None) -> float | None:
    """Return whether a commitment to today's level would have been cheaper over some days.

    The level is the P20 of the 28 days up to today. What is committed is paid every day, less the
    discount, used or not; without it the same usage is paid at list price.
    """
    month = workspace.values("daily_cost", days_before(today, 27, 0))
    costs = workspace.values("daily_cost", days)
    if month is None or costs is None:
        return None
    level = percentile(month, 0.2) or 0.0
    paid = len(costs) * level * (1 - DISCOUNT)
    return float(sum(min(cost, level) for cost in costs) - paid >= LEAST_SAVING)


def job_rows(features: list[Row]) -> list[Row]:
    """Return the labels of every job and day: its next tag, and what its neighbours carry."""
    tags: dict[tuple[str, str], dict[date, str | None]] = {}
    for row in features:
        job = (row["workspace_id"], row["job_id"])
        tags.setdefault(job, {})[as_date(row["usage_date"])] = row["tag_value"]
    found = []
    for row in features:
        day = as_date(row["usage_date"])
        own = tags[row["workspace_id"], row["job_id"]]
        week = [day + timedelta(days=n) for n in range(1, 8)]
        ahead = [own[d] for d in week if own.get(d) is not None]
        found.append(
            {
                "workspace_id": row["workspace_id"],
                "job_id": row["job_id"],
                "usage_date": day,
                "tag_next_7d": ahead[-1] if ahead else None,
                "rule_workspace_tag": row["workspace_tag_28d"],
            }
        )
    return found
