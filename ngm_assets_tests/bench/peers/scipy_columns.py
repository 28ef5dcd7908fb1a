"""Drift by numpy and scipy: column by column, on pandas."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

MODERATE = 0.1
"""From which index on a column counts as drifted."""


def drifted_columns(folder: Path, names: Sequence[str]) -> tuple[list[str], float]:
    """Return the columns that drifted, and the greatest stability index."""
    import numpy as np
    import pandas as pd
    from scipy import stats

    from ngm_assets.monitoring.drift.statistics.psi import stability_index

    stored = json.loads((folder / "reference.json").read_text())["features"]
    trained = pd.read_parquet(folder / "trained.parquet")
    rows = pd.read_parquet(folder / "lake" / "some" / "wide", columns=list(names))
    indices: dict[str, float] = {}
    for name in names:
        values = rows[name].to_numpy()
        edges = [-np.inf, *stored[name]["edges"], np.inf]
        counts = np.histogram(values, edges)[0].tolist()
        indices[name] = float(stability_index(stored[name]["counts"], counts))
        stats.ks_2samp(trained[name].to_numpy(), values, method="asymp")
        stats.chi2_contingency([stored[name]["counts"], counts])
    drifted = sorted(name for name, index in indices.items() if index >= MODERATE)
    return drifted, max(indices.values())
