"""How many planted incidents a detector finds, and how often it cries on quiet days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from ngm_assets.models.catalog.spec import ANOMALY_THRESHOLD

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.models.data.frames import BoolArray, FloatArray


@dataclass(frozen=True)
class Recall:
    """What a detector made of the planted incidents among the tested days.

    Attributes:
        incidents: Incidents of the kinds it is for with at least one tested day.
        recalled: Those of which at least one day is flagged.
        days: Tested days of these incidents.
        flagged_days: Those that are flagged.
        quiet_rows: Tested rows that belong to no planted incident.
        quiet_flagged: Those that are flagged.
    """

    incidents: int
    recalled: int
    days: int
    flagged_days: int
    quiet_rows: int
    quiet_flagged: int


def recall_of(
    keys: pd.DataFrame,
    scores: FloatArray,
    wanted: Sequence[Mapping[str, Any]],
    planted: Sequence[Mapping[str, Any]],
) -> Recall:
    """Count incidents and quiet rows; a row is flagged from score 0.5.

    Args:
        keys: Key columns and the date of the tested rows, n of them.
        scores: Anomaly scores, shape (n,); NaN = not flagged.
        wanted: Planted incidents the detector is for.
        planted: All planted incidents with keys of this table: none of their rows is quiet.
    """
    import numpy as np

    flagged = np.nan_to_num(scores, nan=0.0) >= ANOMALY_THRESHOLD
    hits = [rows_of_incident(keys, incident) for incident in wanted]
    hits = [mask for mask in hits if mask.any()]
    loud = np.zeros(len(keys), dtype=bool)
    for incident in planted:
        loud |= rows_of_incident(keys, incident)
    return Recall(
        incidents=len(hits),
        recalled=sum(bool((mask & flagged).any()) for mask in hits),
        days=sum(int(mask.sum()) for mask in hits),
        flagged_days=sum(int((mask & flagged).sum()) for mask in hits),
        quiet_rows=int((~loud).sum()),
        quiet_flagged=int((~loud & flagged).sum()),
    )


def rows_of_incident(keys: pd.DataFrame, incident: Mapping[str, Any]) -> BoolArray:
    """Return which rows are days of an incident's entity, shape (n,); none for another table."""
    import numpy as np

    entity = incident["entity"]
    names = [str(name) for name, kind in keys.dtypes.items() if kind.kind != "M"]
    if set(entity) != set(names):
        return np.zeros(len(keys), dtype=bool)
    (day,) = (str(name) for name in keys.columns if name not in names)
    dates = keys[day].to_numpy().astype("datetime64[D]")
    start, end = (np.datetime64(date.fromisoformat(incident[k]), "D") for k in ("start", "end"))
    mask: BoolArray = (dates >= start) & (dates <= end)
    for name in names:
        mask &= (keys[name] == entity[name]).to_numpy()
    return mask
