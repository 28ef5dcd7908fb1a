"""Holds a candidate against the reigning champion at equal knowledge, on rows new to both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ngm_assets.errors import ModelError
from ngm_assets.models.data.frames import class_positions
from ngm_assets.models.estimators.base import resolve_estimator
from ngm_assets.models.evaluation import measures as ev
from ngm_assets.models.evaluation.gates import MIN_CHAMPION_ROWS
from ngm_assets.models.evaluation.metrics import metrics

if TYPE_CHECKING:
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import BoolArray, FloatArray, ModelFrame
    from ngm_assets.models.estimators.base import Outputs
    from ngm_assets.models.evaluation.measures import Comparison
    from ngm_assets.models.registry.loaded import LoadedModel


def against_champion(spec: ModelSpec, rows: ModelFrame, champion: LoadedModel) -> Comparison:
    """Compare the candidate's recipe with the champion on rows the champion was not trained on.

    The model measured on the holdout knows less of the last weeks than the champion, and the
    refitted one was trained on the very rows to compare on. So the candidate's recipe is fitted
    once more, on the rows the champion was allowed to know, and both answer for what came after.

    Args:
        spec: The candidate's specification; its metric decides.
        rows: All rows of the candidate, labelled where the label is ripe.
        champion: The version to compare with.

    Returns:
        The comparison, or the reason why there is none.
    """
    import numpy as np

    reason = _incomparable(spec, rows, champion)
    if reason or rows.label is None:
        return ev.Comparison(None, None, reason=reason or "no labels")
    new = (rows.dates > np.datetime64(champion.trained_through, "D")) & np.isfinite(rows.label)
    count = int(new.sum())
    if count < MIN_CHAMPION_ROWS:
        return ev.Comparison(
            None,
            None,
            rows=count,
            reason=f"{count} labelled rows after {champion.trained_through}, the champion's last "
            f"training day; {MIN_CHAMPION_ROWS} are needed",
        )
    estimator = resolve_estimator(spec.estimator.type)
    try:
        ours = estimator.fit(rows.select(_known(spec, rows, champion)), spec=spec, seed=spec.seed)
    except ModelError as error:
        reason = f"the candidate cannot be fitted on what the champion knew: {error.what}"
        return ev.Comparison(None, None, reason=reason)
    fresh = rows.select(new)
    answers = ours.predict(fresh.features).prediction
    theirs = _answers(champion.fitted.predict(fresh.features[list(champion.spec.features)]), rows)
    if np.array_equal(answers, theirs, equal_nan=True):
        reason = "on what the champion knew, the candidate's recipe gives the champion again"
        return ev.Comparison(None, None, rows=count, reason=reason)
    return ev.compare(
        metrics()[spec.metric.name],
        rows.label[new],
        answers,
        theirs,
        dates=fresh.dates,
        budget=spec.alert_budget,
        seed=spec.seed,
        block_days=spec.horizon_days,
    )


def _answers(outputs: Outputs, rows: ModelFrame) -> FloatArray:
    """Return the predictions, classes by their position among the candidate's classes."""
    if outputs.label is None:
        return outputs.prediction
    return class_positions(outputs.label.tolist(), rows.classes)


def _known(spec: ModelSpec, rows: ModelFrame, champion: LoadedModel) -> BoolArray:
    """Return the rows known on the champion's day: labelled ones only once the label was ripe."""
    import numpy as np

    horizon = 0 if spec.problem == "anomaly" else spec.horizon_days
    known: BoolArray = rows.dates + np.timedelta64(horizon, "D") < np.datetime64(
        champion.as_of, "D"
    )
    return known


def _incomparable(spec: ModelSpec, rows: ModelFrame, champion: LoadedModel) -> str:
    if spec.training.split == "entity":
        return "the entities stay the same from week to week, so no rows are new to both"
    lacking = sorted(set(champion.spec.features) - set(rows.features.columns))
    if lacking:
        return f"the champion uses features the candidate does not: {', '.join(lacking)}"
    theirs, ours = champion.spec.target, spec.target
    if (theirs.column, theirs.horizon_days) != (ours.column, ours.horizon_days):
        return f"the champion answers another question: {theirs.column}, {theirs.horizon_days} d"
    return ""
