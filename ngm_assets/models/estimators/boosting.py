"""Fits boosted trees: rounds are chosen on the latest training days, then all rows are used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import InsufficientData, ModelError
from ngm_assets.models.data.split import split_by_time

if TYPE_CHECKING:
    import pandas as pd
    import xgboost

    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import FloatArray, ModelFrame

BOOSTER_FILE = "model.ubj"
ROWS_FOR_THREADS = 50_000
_LATE_SHARE = 0.2
_MIN_LATE_DAYS = 7


@dataclass(frozen=True)
class LateSlice:
    """Margins on late training rows, from trees that did not see them; may be empty.

    Attributes:
        margin: Shape (n,), or (n, outputs) with several outputs.
        target: What the trees were to learn, shape (n,).
    """

    margin: FloatArray
    target: FloatArray


def fit_rounds(
    frame: ModelFrame,
    target: FloatArray,
    *,
    spec: ModelSpec,
    seed: int,
    objective: str,
    stratified: bool,
    extra: Mapping[str, Any] | None = None,
) -> tuple[xgboost.Booster, LateSlice]:
    """Fit trees twice: on early rows to choose rounds, then on all rows with those rounds.

    The late slice is the last 20 % of the frame's days (at least 7), with the horizon as gap. When
    history is too short for it, or `stratified` and a class is missing in a part, all rounds are
    used and the late slice is empty.

    Args:
        frame: Training rows.
        target: What to learn, shape (n,).
        spec: Gives horizon and parameters.
        seed: Seed of row and column sampling.
        objective: XGBoost's name of the loss.
        stratified: The target holds classes, of which each part needs two.
        extra: Settings the objective needs.

    Returns:
        The booster fitted on all rows, and the late slice's margins from the early booster.
    """
    import numpy as np
    import xgboost as xgb

    params = spec.estimator.params
    settings = _settings(params, len(frame), seed=seed, objective=objective) | dict(extra or {})
    rounds = int(params.get("rounds", 300))
    names = tuple(frame.features.columns)
    late = LateSlice(np.empty(0), np.empty(0))
    parts = _early_and_late(frame, target, spec.horizon_days, stratified)
    if parts is not None:
        early_rows, late_rows = parts
        matrix = frame.matrix()
        early = xgb.DMatrix(matrix[early_rows], target[early_rows], feature_names=list(names))
        check = xgb.DMatrix(matrix[late_rows], target[late_rows], feature_names=list(names))
        first = xgb.train(
            settings,
            early,
            rounds,
            evals=[(check, "late")],
            early_stopping_rounds=int(params.get("early_stopping", 30)),
            verbose_eval=False,
        )
        rounds = first.best_iteration + 1
        margin = first.predict(check, output_margin=True, iteration_range=(0, rounds))
        late = LateSlice(margin.astype(np.float64), target[late_rows])
    everything = to_matrix(frame.features, names, target)
    return xgb.train(settings, everything, rounds, verbose_eval=False), late


def _early_and_late(
    frame: ModelFrame, target: FloatArray, horizon_days: int, stratified: bool
) -> tuple[Any, Any] | None:
    import numpy as np

    try:
        split = split_by_time(
            frame.dates, horizon_days=horizon_days, share=_LATE_SHARE, min_days=_MIN_LATE_DAYS
        )
    except InsufficientData:
        return None
    if stratified and any(len(np.unique(target[m])) < 2 for m in (split.train, split.holdout)):
        return None
    return split.train, split.holdout


def _settings(params: Mapping[str, Any], rows: int, *, seed: int, objective: str) -> dict[str, Any]:
    """Return XGBoost's settings; small data are faster on one thread than on several."""
    return {
        "objective": objective,
        "tree_method": "hist",
        "eta": float(params.get("learning_rate", 0.08)),
        "max_depth": int(params.get("max_depth", 4)),
        "min_child_weight": float(params.get("min_child_weight", 5)),
        "subsample": float(params.get("subsample", 0.9)),
        "colsample_bytree": float(params.get("colsample_bytree", 0.8)),
        "lambda": float(params.get("reg_lambda", 1.0)),
        "nthread": int(params.get("n_jobs", 1 if rows < ROWS_FOR_THREADS else 2)),
        "seed": seed,
        "verbosity": 0,
    }


def to_matrix(
    features: pd.DataFrame, names: tuple[str, ...], target: FloatArray | None = None
) -> xgboost.DMatrix:
    """Return the named columns as XGBoost's matrix; NaN is missing."""
    import numpy as np
    import xgboost as xgb

    values = features[list(names)].to_numpy(dtype=np.float64)
    return xgb.DMatrix(values, target, feature_names=list(names))


def load_booster(folder: Path) -> xgboost.Booster:
    """Read the stored booster.

    Raises:
        ModelError: The file is missing or is no booster.
    """
    import xgboost as xgb

    booster = xgb.Booster()
    try:
        booster.load_model(folder / BOOSTER_FILE)
    except xgb.core.XGBoostError as error:
        raise ModelError(
            f"The stored trees cannot be read: {error}.",
            where=str(folder / BOOSTER_FILE),
            mend="Restore the artifact or train the model again.",
        ) from error
    return booster
