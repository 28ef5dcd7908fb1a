"""Cuts history, by time or by entity, into what a candidate may learn from and what judges it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ngm_assets.errors import InsufficientData

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Split:
    """Row masks of a split, and its dates.

    Attributes:
        train: By time: rows whose label is known before the holdout begins; by entity: rows of
            the other entities, shape (n,).
        holdout: The last days, or the entities held out, shape (n,). Rows of the gap between
            days are in neither.
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
) -> Split:
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
    return Split(train, holdout, first, days[train].max(), start, last)


def date_column(keys: pd.DataFrame) -> str:
    """Return the name of the one date among the key columns."""
    return next(str(name) for name, kind in keys.dtypes.items() if kind.kind == "M")


def latest_per_entity(keys: pd.DataFrame, day: str) -> NDArray[np.bool_]:
    """Return which rows are the latest of their entity, shape (n,).

    Args:
        keys: Key columns, sorted by date, n rows.
        day: The date among them.
    """
    entity = [name for name in keys.columns if name != day]
    latest: NDArray[np.bool_] = ~keys.duplicated(subset=entity, keep="last").to_numpy()
    return latest


def split_by_entity(keys: pd.DataFrame, day: str, *, share: float = 0.2, seed: int = 0) -> Split:
    """Hold out a share of the entities, drawn by a hash, so that no entity is on both sides.

    An entity's side depends on its key and the seed alone, not on the other entities.

    Args:
        keys: Key columns with the date, n rows.
        day: The date among them.
        share: Share of the entities that is held out, on average.
        seed: Another seed draws other entities.

    Raises:
        InsufficientData: A side is empty.
    """
    import numpy as np

    entity = [name for name in keys.columns if name != day]
    texts = keys[entity].astype(str).agg("\x00".join, axis=1)
    held = np.array([_draw(f"{seed}\x00{text}") < share for text in texts], dtype=bool)
    if not held.any() or held.all():
        raise InsufficientData(
            f"{len(set(texts))} entities are too few to hold some of them out.",
            mend="Import more history or wait until there are more entities.",
        )
    days = keys[day].to_numpy().astype("datetime64[D]")
    return Split(
        ~held, held, days[~held].min(), days[~held].max(), days[held].min(), days[held].max()
    )


def _draw(text: str) -> float:
    """Return a number in [0, 1) that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2.0**64
