"""Partitions that stand failed: their last run ended without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NONE = "*"
"""Stands for every asset in a report that names no failure."""


@dataclass(frozen=True)
class StandingFailure:
    """An asset with failed partitions.

    Attributes:
        asset: `schema.table`.
        partitions: Their keys, in order; at least one.
        run_id: Run that failed last; empty if unknown.
        detail: What its failed step said; empty if unknown.
    """

    asset: str
    partitions: tuple[str, ...]
    run_id: str = ""
    detail: str = ""

    def row(self) -> dict[str, Any]:
        """Return the columns of the report but its day."""
        return {
            "asset": self.asset,
            "partitions": len(self.partitions),
            "first_partition": self.partitions[0],
            "last_partition": self.partitions[-1],
            "run_id": self.run_id,
            "detail": self.detail,
        }


def report_rows(day: Any, failures: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of `monitoring.pipeline_failures` for a day.

    Args:
        day: Day of the report.
        failures: `StandingFailure.row()` of each; none = a row that says so.
    """
    nothing = {
        "asset": NONE,
        "partitions": 0,
        "first_partition": "",
        "last_partition": "",
        "run_id": "",
        "detail": "",
    }
    return [{"monitor_date": day, **each} for each in failures or [nothing]]
