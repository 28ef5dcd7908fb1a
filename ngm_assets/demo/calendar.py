"""The days of the demo as arrays: week days, month ends and microseconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ngm_assets.demo.draws import Array

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Calendar:
    """A run of days; day numbers count from 0 = `start`.

    Args:
        start: First day.
        days: Number of days.
    """

    start: date
    days: int

    @property
    def end(self) -> date:
        """The last day."""
        return self.day(self.days - 1)

    @property
    def epoch_day(self) -> int:
        """Days from 1970-01-01 to day 0."""
        return (self.start - _EPOCH).days

    @property
    def origin_us(self) -> int:
        """Microseconds from 1970-01-01 to day 0, 00:00 UTC."""
        return self.epoch_day * 86_400_000_000

    @property
    def cut_us(self) -> int:
        """Microseconds of the moment after the last day: nothing later is known."""
        return (self.epoch_day + self.days) * 86_400_000_000

    def day(self, number: int) -> date:
        """Return the date of a day number; negative numbers lie before the start."""
        return self.start + timedelta(days=int(number))

    def weekdays(self) -> Array:
        """Return the week day of every day, 0 = Monday, shape (days,)."""
        import numpy as np

        return (np.arange(self.days) + self.start.weekday()) % 7

    def month_edges(self) -> Array:
        """Return 1.0 for the last two days and the first day of a month, else 0.0, (days,)."""
        import numpy as np

        near = [
            self.day(n).day == 1 or (self.day(n) + timedelta(days=2)).day <= 2
            for n in range(self.days)
        ]
        return np.asarray(near, dtype=np.float64)
