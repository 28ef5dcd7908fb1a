"""Statistics of the training rows, kept with a version to hold later data against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ngm_assets.models.frames import FloatArray, ModelFrame

BINS = 10


def reference_statistics(frame: ModelFrame, prediction: FloatArray) -> dict[str, Any]:
    """Return per feature, and for the prediction, distribution and missing rate as JSON values.

    Args:
        frame: Training rows.
        prediction: The final model's output on them, shape (n,).
    """
    import numpy as np

    columns = {
        str(name): column_statistics(frame.features[name].to_numpy(dtype=np.float64))
        for name in frame.features.columns
    }
    return {
        "rows": len(frame),
        "features": columns,
        "prediction": column_statistics(prediction),
    }


def column_statistics(values: FloatArray) -> dict[str, Any]:
    """Describe one column.

    Returns:
        rows, missing_rate, mean, std, min, max (null without known values), `edges`: distinct
        decile boundaries e_1 < ... < e_m, and `counts`: known values per bin (-inf, e_1],
        (e_1, e_2], ..., (e_m, inf), so m + 1 of them.
    """
    import numpy as np

    known = values[np.isfinite(values)]
    if not len(known):
        empty = dict.fromkeys(("mean", "std", "min", "max"))
        return {"rows": len(values), "missing_rate": 1.0, **empty, "edges": [], "counts": []}
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS))
    bins = np.searchsorted(edges, known, side="left")
    counts = np.bincount(bins, minlength=len(edges) + 1)
    return {
        "rows": len(values),
        "missing_rate": 1.0 - len(known) / len(values),
        "mean": float(known.mean()),
        "std": float(known.std(ddof=1)) if len(known) > 1 else 0.0,
        "min": float(known.min()),
        "max": float(known.max()),
        "edges": [float(edge) for edge in edges],
        "counts": [int(count) for count in counts],
    }
