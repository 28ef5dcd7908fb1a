"""Judgements of drift as rows of monitoring.drift_metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from ngm_assets.monitoring.drift.distribution import NumericBins

if TYPE_CHECKING:
    from ngm_assets.monitoring.drift.counts import Counted
    from ngm_assets.monitoring.drift.severity import ColumnDrift, TableDrift
    from ngm_assets.monitoring.drift.subjects import Subject

ALL = "*"
"""Stands for a table's columns, or a column's statistics, as a whole."""
LONGEST_REASON = 500
Row = dict[str, Any]
_NUMBERS = ("value", "effect", "p_value", "adjusted_p_value", "importance")
_TEXTS = ("bins", "reference_counts", "current_counts")


@dataclass(frozen=True)
class Place:
    """What all rows of a table on a day have in common.

    Attributes:
        model: Name of the model.
        version: Its version in force.
        table: What is judged.
        day: Day of the judgement.
        window: First and last day of the rows that are judged.
    """

    model: str
    version: int
    table: str
    day: date
    window: tuple[date, date]

    def row(self, column: str, statistic: str, **values: Any) -> Row:
        """Return a row; what is not given is null."""
        return {
            "monitor_date": self.day,
            "model_name": self.model,
            "table_name": self.table,
            "column_name": column,
            "statistic": statistic,
            "model_version": self.version,
            "window_start": self.window[0],
            "window_end": self.window[1],
            **dict.fromkeys((*_NUMBERS, *_TEXTS)),
            **values,
        }


def not_evaluated_row(place: Place, reason: str) -> Row:
    """Return the table row that says why nothing was evaluated."""
    return place.row(
        ALL,
        ALL,
        reference_rows=0,
        current_rows=0,
        severity="none",
        status="could_not_evaluate",
        reason=_cut([reason]),
    )


def table_rows(
    place: Place, subject: Subject, counted: Counted, drift: TableDrift
) -> Iterator[Row]:
    """Yield the rows of a table's judgement: every statistic, every column, the table."""
    current_rows = max((each.rows for each in counted.values()), default=0)
    for column in drift.columns:
        yield from _column_rows(place, subject, counted, column, current_rows)
    effects = [
        measured.outcome.effect
        for column in drift.columns
        for measured in column.measured
        if measured.statistic == "psi" and measured.outcome.effect is not None
    ]
    yield place.row(
        ALL,
        ALL,
        reference_rows=subject.reference_rows,
        current_rows=current_rows,
        value=drift.drifted_share,
        effect=max(effects, default=None),
        severity=drift.severity,
        status=drift.status,
        reason=_cut(drift.reasons),
    )


def _column_rows(
    place: Place, subject: Subject, counted: Counted, column: ColumnDrift, current_rows: int
) -> Iterator[Row]:
    reference, current = subject.reference[column.name], counted.get(column.name)
    common = {
        "reference_rows": reference.distribution.rows,
        "current_rows": current_rows,
        "importance": min(1.0, column.importance),
    }
    for measured in column.measured:
        outcome = measured.outcome
        yield place.row(
            column.name,
            measured.statistic,
            **common,
            value=outcome.value,
            effect=outcome.effect,
            p_value=outcome.p_value,
            adjusted_p_value=measured.adjusted_p,
            severity=measured.severity,
            status=outcome.status,
            reason=_cut([outcome.reason]),
        )
    bins = reference.bins
    listed = bins.edges if isinstance(bins, NumericBins) else bins.texts
    yield place.row(
        column.name,
        ALL,
        **common,
        severity=column.severity,
        status=column.status,
        reason=_cut([column.reason]),
        bins=json.dumps(listed, ensure_ascii=False),
        reference_counts=json.dumps(reference.distribution.counts),
        current_counts=None if current is None else json.dumps(current.counts),
    )


def _cut(reasons: Sequence[str]) -> str:
    """Join reasons; of many, the first and how many more there are."""
    text = ""
    for place, reason in enumerate(reasons):
        longer = f"{text}; {reason}" if text else reason
        if len(longer) > LONGEST_REASON:
            more = len(reasons) - place
            return f"{text}; and {more} more" if text else f"{reason[: LONGEST_REASON - 3]}..."
        text = longer
    return text
