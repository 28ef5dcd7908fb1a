"""Models by the textbook: scikit-learn as it comes, on the rows and splits of this project.

Gradient boosting for classes of two, quantities and quantiles (three fits), a random forest for
several classes, an isolation forest of 100 trees for anomalies; medians for missing numbers, one
column per category. Each is fitted on the training part, measured on the holdout and fitted again
on all rows: what is deployed has seen them all.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import FloatArray, ModelFrame

QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Parts:
    """All rows of a model, those to learn from, and those that judge."""

    rows: ModelFrame
    train: ModelFrame
    holdout: ModelFrame


def cut(spec: ModelSpec, frame: ModelFrame, as_of: date) -> Parts:
    """Return the parts this project would use.

    Raises:
        InsufficientData: They cannot teach anything.
    """
    from ngm_assets.models import training

    rows = training._eligible(spec, frame, as_of)
    split = training._split(spec, rows)
    train = rows.select(split.train)
    training.require_variation(spec, train)
    return Parts(rows, train, rows.select(split.holdout))


def taught(spec: ModelSpec, parts: Parts) -> tuple[float | None, int, float]:
    """Fit, measure, fit again.

    Returns:
        The holdout metric, the rows it was measured on, and the seconds until it was known.
    """
    begun = time.perf_counter()
    value, rows = _measured(spec, parts.holdout, _fitted(spec, parts.train))
    once = time.perf_counter() - begun
    _fitted(spec, parts.rows)
    return value, rows, once


def _fitted(spec: ModelSpec, frame: ModelFrame) -> list[Any]:
    from sklearn.pipeline import make_pipeline

    label = None if spec.problem == "anomaly" else frame.label
    models = [make_pipeline(_columns(frame), model) for model in _models(spec)]
    return [model.fit(frame.features, label) for model in models]


def _models(spec: ModelSpec) -> list[Any]:
    from sklearn.ensemble import (
        GradientBoostingClassifier,
        GradientBoostingRegressor,
        IsolationForest,
        RandomForestClassifier,
    )

    seed = spec.seed
    if spec.problem == "anomaly":
        return [IsolationForest(n_estimators=100, random_state=seed)]
    if spec.problem == "multiclass":
        return [RandomForestClassifier(random_state=seed)]
    if spec.problem == "binary":
        return [GradientBoostingClassifier(random_state=seed)]
    if spec.problem == "regression":
        return [GradientBoostingRegressor(random_state=seed)]
    return [
        GradientBoostingRegressor(loss="quantile", alpha=share, random_state=seed)
        for share in QUANTILES
    ]


def _columns(frame: ModelFrame) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder

    texts = [n for n in frame.features.columns if frame.features[n].dtype == object]
    numbers = [n for n in frame.features.columns if n not in texts]
    return make_column_transformer(
        (SimpleImputer(strategy="median", keep_empty_features=True), numbers),
        (OneHotEncoder(handle_unknown="ignore"), texts),
    )


def _measured(spec: ModelSpec, holdout: ModelFrame, models: list[Any]) -> tuple[float | None, int]:
    import numpy as np

    from ngm_assets.models.evaluation.measures import measure
    from ngm_assets.models.evaluation.metrics import metrics

    if holdout.label is None:
        return None, 0
    output = _output(spec, models, holdout)
    known = np.isfinite(holdout.label)
    found = measure(
        metrics()[spec.metric.name],
        holdout.label[known],
        output[known],
        budget=spec.alert_budget,
    )
    return found.value, found.rows


def _output(spec: ModelSpec, models: list[Any], holdout: ModelFrame) -> FloatArray:
    import numpy as np

    model = models[len(models) // 2]
    if spec.problem == "anomaly":
        output = -model.score_samples(holdout.features)
    elif spec.problem == "binary":
        output = model.predict_proba(holdout.features)[:, 1]
    else:
        output = model.predict(holdout.features)
    return np.asarray(output, dtype=np.float64)
