"""Trailing windows of many days, each made of days that are counted once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from ngm_assets.engine.base import Window
from ngm_assets.monitoring.drift.counts import Counted, count_days
from ngm_assets.monitoring.drift.distribution import combined, nothing

if TYPE_CHECKING:
    from ngm_assets.engine.base import Engine, Value
    from ngm_assets.monitoring.drift.distribution import Bins


@dataclass(frozen=True)
class Source:
    """Rows that stand for days.

    Attributes:
        sql: `schema.table`, or a query in brackets with a name.
        day: Date column of the rows.
        where: Which rows, in the Databricks dialect.
        parameters: Values of the named parameters in `sql` and `where`.
        lag: Days after which a row is known: its window on day d ends on d - lag. Where it is not
            0, the query has the parameters :start_date and :end_date and may read what came before.
    """

    sql: str
    day: str
    where: str = "TRUE"
    parameters: Mapping[str, Value] = field(default_factory=dict)
    lag: int = 0

    def span(self, day: date, length: int) -> tuple[date, date]:
        """Return the first and the last date of the window of a day."""
        last = day - timedelta(days=self.lag)
        return last - timedelta(days=length - 1), last


def trailing_windows(
    engine: Engine,
    source: Source,
    bins: Mapping[str, Bins],
    days: Sequence[date],
    length: int,
) -> dict[date, Counted]:
    """Count the trailing window of each day; nothing dated after the last of the days is read.

    Args:
        engine: Runs the queries; as many for all days as for one.
        source: What is counted. What is counted of one date must not depend on later days than
            its window's, or a caller asks for such days one by one.
        bins: What to count by, by column.
        days: Days the windows belong to, in order; at least one.
        length: Days of a window.
    """
    first, last = source.span(days[0], length)[0], source.span(days[-1], length)[1]
    bounds: dict[str, Value] = {"start_date": first, "end_date": last} if source.lag else {}
    counted = count_days(
        engine,
        source.sql,
        bins,
        Window(None, days[-1]) if source.lag else Window(first, last),
        source.day,
        where=source.where,
        parameters={**source.parameters, **bounds},
    )
    return {day: _window(counted, bins, *source.span(day, length)) for day in days}


def _window(
    counted: Mapping[date, Counted], bins: Mapping[str, Bins], first: date, last: date
) -> Counted:
    inside = [each for day, each in counted.items() if first <= day <= last]
    return {
        name: combined([nothing(cells), *(each[name] for each in inside)])
        for name, cells in bins.items()
    }
