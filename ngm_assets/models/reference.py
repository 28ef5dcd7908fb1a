"""Statistics of the training rows, kept with a version to hold later data against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.models.data.frames import BoolArray, FloatArray, ModelFrame

BINS = 10
WARM_UP_DAYS = 30
"""Days at the beginning of the training rows that are no reference."""
FEWEST_DAYS = 14
"""Days that must remain."""
TOP_TEXTS = 50


def reference_statistics(frame: ModelFrame, prediction: FloatArray) -> dict[str, Any]:
    """Return what features, prediction and label were like, as JSON values.

    Features and prediction are described without the first 30 days, where two weeks remain: at the
    beginning of history look-back windows are still filling, and later values differ without drift.

    Args:
        frame: Training rows.
        prediction: The final model's output on them, shape (n,).

    Returns:
        rows; features: statistics by column; prediction; label: statistics of the known labels,
        classes by name; null without labels.
    """
    import numpy as np

    label, settled = label_statistics(frame), settled_rows(frame)
    frame, prediction = frame.select(settled), prediction[settled]
    columns = {
        str(name): text_statistics(frame.features[name])
        if frame.features[name].dtype == object
        else column_statistics(frame.features[name].to_numpy(dtype=np.float64))
        for name in frame.features.columns
    }
    return {
        "rows": len(frame),
        "features": columns,
        "prediction": column_statistics(prediction),
        "label": label,
    }


def settled_rows(frame: ModelFrame) -> BoolArray:
    """Return which rows (n,) are dated after the first 30 days; all, if fewer than 14 follow."""
    import numpy as np

    if not len(frame):
        return np.zeros(0, dtype=np.bool_)
    settled: BoolArray = frame.dates >= frame.dates.min() + np.timedelta64(WARM_UP_DAYS, "D")
    days = len(np.unique(frame.dates[settled]))
    return settled if days >= FEWEST_DAYS else np.ones(len(frame), dtype=np.bool_)


def label_statistics(frame: ModelFrame) -> dict[str, Any] | None:
    """Describe the labels that are known; None where the frame has none at all."""
    import numpy as np
    import pandas as pd

    if frame.label is None:
        return None
    known = frame.label[np.isfinite(frame.label)]
    if not frame.classes:
        return column_statistics(known)
    names = np.array(frame.classes, dtype=object)[known.astype(np.intp)]
    return text_statistics(pd.Series(names, dtype=object))


def column_statistics(values: FloatArray) -> dict[str, Any]:
    """Describe one column.

    Returns:
        rows, missing_rate, mean, std, min, max (null without known values), `edges`: distinct
        decile boundaries e_1 < ... < e_m, and `counts`: known values per bin (-inf, e_1],
        (e_1, e_2], ..., (e_m, inf), so m + 1 of them. A value that is several deciles at once has
        a bin of its own: the number just below it is an edge as well.
    """
    import numpy as np

    known = values[np.isfinite(values)]
    if not len(known):
        empty = dict.fromkeys(("mean", "std", "min", "max"))
        return {"rows": len(values), "missing_rate": 1.0, **empty, "edges": [], "counts": []}
    deciles = np.quantile(known, np.arange(1, BINS) / BINS)
    below = np.nextafter(deciles[1:][np.diff(deciles) == 0], -np.inf)
    edges = np.unique([*deciles, *below])
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


def text_statistics(values: pd.Series) -> dict[str, Any]:
    """Describe one column of texts.

    Returns:
        rows, missing_rate, `texts`: the 50 most frequent texts with their counts (ties in order of
        the text), and `other`: known values beyond them.
    """
    counts = values.dropna().value_counts()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    top = {str(text): int(count) for text, count in ordered[:TOP_TEXTS]}
    known = int(counts.sum())
    return {
        "rows": len(values),
        "missing_rate": 1.0 - known / len(values) if len(values) else 1.0,
        "texts": top,
        "other": known - sum(top.values()),
    }
