"""Cuts history by time into what a candidate may learn from and what judges it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ngm_assets.errors import InsufficientData

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TimeSplit:
    """Row masks of a split by time, and its dates.

    Attributes:
        train: Rows whose label is known before the holdout begins, shape (n,).
        holdout: The last days, shape (n,). Rows of the gap are in neither.
        train_start: First training day.
        train_end: Last training day.
        holdout_start: First day of the holdout.
        holdout_end: Last day of the holdout.
    """

    train: NDArray[np.bool_]
    holdout: NDArray[np.bool_]
    train_start: np.datetime64
    train_end: np.datetime64
    holdout_start: np.datetime64
    holdout_end: np.datetime64


def split_by_time(
    dates: NDArray[np.datetime64], *, horizon_days: int, share: float = 0.2, min_days: int = 14
) -> TimeSplit:
    """Split so that no training label reaches into the holdout.

    The holdout is the last max(share of the calendar days, min_days) days; a training day t has
    t + horizon_days < first holdout day.

    Args:
        dates: Feature days, datetime64[D], any order, shape (n,).
        horizon_days: How many days after t the label looks.
        share: Share of the calendar days from first to last that is held out.
        min_days: Least length of the holdout in days.

    Raises:
        InsufficientData: No training day is left; the message gives the days there are and needed.
    """
    import numpy as np

    days = dates.astype("datetime64[D]")
    if len(days) == 0:
        raise InsufficientData(
            "No rows to split by time.", mend="Check that features and labels overlap in time."
        )
    first, last = days.min(), days.max()
    span = int((last - first).astype(int)) + 1
    length = max(math.ceil(share * span), min_days)
    start = last - np.timedelta64(length - 1, "D")
    train = days + np.timedelta64(horizon_days, "D") < start
    if not train.any():
        raise InsufficientData(
            f"History of {span} days ({first} to {last}) is too short: the holdout takes {length} "
            f"and the gap {horizon_days}, so at least {length + horizon_days + 1} are needed.",
            mend="Import more history or wait until it exists.",
        )
    holdout = days >= start
    return TimeSplit(train, holdout, first, days[train].max(), start, last)
