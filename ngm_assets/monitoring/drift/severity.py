"""How bad it is: what is said of a column and of a table, and how columns make a table's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ngm_assets.monitoring.drift.policy import Policy
from ngm_assets.monitoring.drift.statistics.base import (
    DRIFT_SEVERITIES,
    DriftSeverity,
    Outcome,
    Status,
)

BROKEN = ("missing_column", "changed_type")
"""Why a column cannot be compared at all; both are critical."""
ROUNDING = 1e-9


@dataclass(frozen=True)
class Measured:
    """One statistic of one column.

    Attributes:
        statistic: Its name.
        outcome: What it says, its status by the policy and over all columns of the table.
        adjusted_p: p-value after Benjamini and Hochberg; None where there is none.
        severity: Band of the effect where it drifted, else none.
    """

    statistic: str
    outcome: Outcome
    adjusted_p: float | None
    severity: DriftSeverity


@dataclass(frozen=True)
class ColumnDrift:
    """The judgement of one column.

    Attributes:
        name: Column.
        importance: Share of the model's importance, 0..1.
        severity: The worst of its decisive statistics.
        status: drifted if one of them did, else could_not_evaluate if one of all its statistics
            could not be evaluated.
        reason: Why it could not be compared, or what could not be evaluated; empty where nothing.
        measured: Every statistic that is for its kind.
    """

    name: str
    importance: float
    severity: DriftSeverity
    status: Status
    reason: str
    measured: tuple[Measured, ...]


@dataclass(frozen=True)
class TableDrift:
    """The judgement of a table.

    Attributes:
        severity: none, moderate, severe or critical.
        status: drifted if a column did, else could_not_evaluate if one could not be, else stable.
        drifted_share: Importance of the columns that drifted, 0..1.
        reasons: `column: reason` of every column that could not be judged in full.
        columns: Every column of the reference.
    """

    severity: DriftSeverity
    status: Status
    drifted_share: float
    reasons: tuple[str, ...]
    columns: tuple[ColumnDrift, ...]

    @property
    def passed(self) -> bool:
        """Whether everything could be evaluated and nothing drifted."""
        return self.status == "stable" and not self.reasons


def worst(severities: Iterable[DriftSeverity]) -> DriftSeverity:
    """Return the worst of some severities; none of nothing."""
    return max(severities, key=DRIFT_SEVERITIES.index, default="none")


def table_drift(columns: Sequence[ColumnDrift], policy: Policy) -> TableDrift:
    """Make a table's judgement of its columns'.

    A column that drifts makes the table moderate. It is severe (critical) where the columns that
    are at least so hold the policy's share of the importance, severe also where drift is broad,
    and critical where a column is missing or has another type.
    """
    reasons = tuple(f"{each.name}: {each.reason}" for each in columns if each.reason)
    if not columns:
        reasons = ("no_columns",)
    share = _held(columns, "moderate")
    severity = worst(column.severity for column in columns)
    if not any(column.reason in BROKEN for column in columns):
        severity = _weighed(columns, severity, share, policy)
    status: Status = "could_not_evaluate" if reasons else "stable"
    return TableDrift(
        severity, status if severity == "none" else "drifted", share, reasons, tuple(columns)
    )


def _weighed(
    columns: Sequence[ColumnDrift], worst_one: DriftSeverity, share: float, policy: Policy
) -> DriftSeverity:
    if worst_one == "none":
        return "none"
    if worst_one == "critical" and _held(columns, "critical") >= policy.critical_share - ROUNDING:
        return "critical"
    bad = worst_one != "moderate"
    if bad and _held(columns, "severe") >= policy.severe_share - ROUNDING:
        return "severe"
    return "severe" if share >= policy.broad_share - ROUNDING else "moderate"


def _held(columns: Sequence[ColumnDrift], level: DriftSeverity) -> float:
    """Return the importance of the columns that are at least so bad."""
    least = DRIFT_SEVERITIES.index(level)
    held = (c.importance for c in columns if DRIFT_SEVERITIES.index(c.severity) >= least)
    return min(1.0, sum(held))
