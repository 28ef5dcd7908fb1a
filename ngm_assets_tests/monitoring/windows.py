"""Windows of made-up rows as the statistics see them, counted by numpy and not by an engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ngm_assets.models.reference import column_statistics, text_statistics
from ngm_assets.monitoring.drift.distribution import Bins, Distribution, NumericBins
from ngm_assets.monitoring.drift.judgement import judge
from ngm_assets.monitoring.drift.policy import Policy
from ngm_assets.monitoring.drift.reference import ReferenceColumn, reference_column
from ngm_assets.monitoring.drift.severity import TableDrift

Values = NDArray[Any]


def reference_of(name: str, values: Values) -> ReferenceColumn:
    """Return the reference that training stores of a column."""
    if values.dtype == object:
        return reference_column(name, text_statistics(pd.Series(values, dtype=object)))
    return reference_column(name, column_statistics(values.astype(np.float64)))


def counted(values: Values, bins: Bins) -> Distribution:
    """Count a column by bins, value by value."""
    if isinstance(bins, NumericBins):
        known = values[np.isfinite(values)]
        cells = np.searchsorted(bins.edges, known, side="left")
        counts = np.bincount(cells, minlength=bins.cells)
        return Distribution("numeric", tuple(map(int, counts)), len(values) - len(known))
    place = {text: cell for cell, text in enumerate(bins.texts)}
    cells = np.array([place.get(v, len(place)) for v in values if v is not None], dtype=np.intp)
    counts = np.bincount(cells, minlength=bins.cells)
    return Distribution("categorical", tuple(map(int, counts)), len(values) - len(cells))


def judged(
    reference: Mapping[str, Values],
    current: Mapping[str, Values],
    policy: Policy,
    importance: Mapping[str, float] | None = None,
) -> TableDrift:
    """Judge a window of rows against training rows."""
    references = {name: reference_of(name, values) for name, values in reference.items()}
    windows = {name: counted(values, references[name].bins) for name, values in current.items()}
    return judge(references, windows, policy, importance)
