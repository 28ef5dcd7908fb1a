"""Turns keys and features into rows of a prediction table with one loaded version."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ngm_assets.errors import ModelError
from ngm_assets.models.frames import row_fingerprints
from ngm_assets.models.spec import ANOMALY_THRESHOLD, SEVERITIES, Severity
from ngm_assets.predictions.explain import driver_texts, fill_actions

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ngm_assets.models.estimators.base import Outputs
    from ngm_assets.models.frames import FloatArray
    from ngm_assets.models.loaded import LoadedModel

PREDICTION_COLUMNS = (
    "target_start",
    "target_end",
    "prediction",
    "predicted_label",
    "probability",
    "prediction_lower",
    "prediction_upper",
    "anomaly_score",
    "is_anomaly",
    "severity",
    "expected",
    "observed",
    "drivers",
    "recommended_action",
    "model_name",
    "model_version",
    "run_id",
    "feature_fingerprint",
    "scored_at",
)


def score(
    loaded: LoadedModel,
    keys: pd.DataFrame,
    features: pd.DataFrame,
    *,
    scored_at: datetime,
    run_id: str,
    table_columns: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Score every key; equal arguments give equal rows.

    Args:
        loaded: The version to score with.
        keys: Key columns and the date column (datetime64), shape (n, ...).
        features: Feature columns by name, numeric, missing = NaN; further columns are ignored.
        scored_at: Time stamp of the rows; a naive one is read as UTC.
        run_id: Run that writes the rows.
        table_columns: Type by column of the feature table, as its contract states them; given, it
            is held against the contract stored in the version.

    Returns:
        Keys and date, then `PREDICTION_COLUMNS`, n rows in the order of `keys`.

    Raises:
        ModelError: Keys, columns or types do not fit the version's contract, or the numbers of
            rows differ.
    """
    import numpy as np
    import pandas as pd

    matrix = _checked(loaded, keys, features, table_columns)
    spec, date_column = loaded.spec, loaded.contract.date_column
    outputs = loaded.fitted.predict(matrix)
    day = keys[date_column].to_numpy().astype("datetime64[D]")
    anomaly = spec.problem == "anomaly"
    first, last = (0, 0) if anomaly else (1, spec.horizon_days)
    severity = severities(spec.severity, severity_basis(spec.problem, outputs))
    table = pd.DataFrame({name: keys[name].to_numpy() for name in _key_names(loaded)})
    table["target_start"] = (day + np.timedelta64(first, "D")).astype("datetime64[ns]")
    table["target_end"] = (day + np.timedelta64(last, "D")).astype("datetime64[ns]")
    table["prediction"] = outputs.prediction
    table["predicted_label"] = pd.array([None] * len(keys), dtype="string")
    table["probability"] = _or_null(outputs.probability, len(keys))
    table["prediction_lower"] = _or_null(outputs.lower, len(keys))
    table["prediction_upper"] = _or_null(outputs.upper, len(keys))
    table["anomaly_score"] = _or_null(outputs.anomaly_score, len(keys))
    table["is_anomaly"] = _is_anomaly(outputs.anomaly_score, len(keys))
    table["severity"] = pd.array(severity, dtype="string")
    table["expected"] = _or_null(outputs.expected, len(keys))
    table["observed"] = _or_null(outputs.observed, len(keys))
    drivers = driver_texts(matrix, loaded.fitted.contributions(matrix))
    table["drivers"] = pd.array(drivers, dtype="string")
    actions = fill_actions(spec.recommended_action, table, matrix, alarming(severity))
    table["recommended_action"] = pd.array(actions, dtype="string")
    table["model_name"] = pd.array([spec.name] * len(keys), dtype="string")
    table["model_version"] = np.full(len(keys), loaded.version, dtype=np.int32)
    table["run_id"] = pd.array([run_id] * len(keys), dtype="string")
    table["feature_fingerprint"] = pd.array(row_fingerprints(matrix), dtype="string")
    stamp = scored_at.replace(tzinfo=UTC) if scored_at.tzinfo is None else scored_at.astimezone(UTC)
    table["scored_at"] = pd.Series([stamp] * len(keys), dtype="datetime64[us, UTC]")
    return table[[*_key_names(loaded), *PREDICTION_COLUMNS]]


def severity_basis(problem: str, outputs: Outputs) -> FloatArray:
    """Return what the bands apply to, shape (n,).

    The anomaly score, the probability, or for a regression prediction / expected; without an
    expected value, the prediction itself. NaN where it is unknown.
    """
    import numpy as np

    if problem == "anomaly" and outputs.anomaly_score is not None:
        return outputs.anomaly_score
    if problem == "binary" and outputs.probability is not None:
        return outputs.probability
    if outputs.expected is None:
        return outputs.prediction
    known = np.isfinite(outputs.expected) & (outputs.expected > 0)
    ratio = np.full(len(outputs.prediction), np.nan)
    ratio[known] = outputs.prediction[known] / outputs.expected[known]
    return ratio


def severities(bands: Mapping[Severity, float], basis: FloatArray) -> NDArray[np.object_]:
    """Return the highest band whose lower bound is reached; info below all; None if unknown."""
    import numpy as np

    names = [band for band in SEVERITIES if band in bands]
    position = np.searchsorted([bands[name] for name in names], basis, side="right")
    found = np.array(["info", *names], dtype=object)[position]
    found[~np.isfinite(basis)] = None
    return found


def alarming(severity: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which rows are at least low."""
    import numpy as np

    return np.isin(severity.astype(str), SEVERITIES[1:])


def _checked(
    loaded: LoadedModel,
    keys: pd.DataFrame,
    features: pd.DataFrame,
    table_columns: Mapping[str, str] | None,
) -> pd.DataFrame:
    import numpy as np

    contract, where = loaded.contract, f"{loaded.spec.name} version {loaded.version}"
    if table_columns is not None:
        contract.require(contract.table, table_columns)
    if len(keys) != len(features):
        raise ModelError(
            f"{len(keys)} keys but {len(features)} rows of features.",
            where=where,
            mend="Read keys and features from the same rows.",
        )
    faults = [f"key column {n} is missing" for n in _key_names(loaded) if n not in keys.columns]
    for name in contract.features:
        if name not in features.columns:
            faults.append(f"column {name} is missing")
        elif features[name].dtype.kind not in "fiub":
            faults.append(f"column {name} is {features[name].dtype}, not a number")
    if faults:
        raise ModelError(
            f"The feature table no longer fits the model: {'; '.join(faults)}.",
            where=where,
            mend="Restore the columns, or train and promote a version on the new table.",
        )
    matrix = features[list(contract.features)].astype(np.float64).reset_index(drop=True)
    infinite = np.isinf(matrix.to_numpy()).any(axis=0)
    if infinite.any():
        raise ModelError(
            f"Infinite values in {', '.join(matrix.columns[infinite])}.",
            where=where,
            mend="Write null where a ratio has no denominator.",
        )
    return matrix


def _key_names(loaded: LoadedModel) -> list[str]:
    return [*loaded.contract.key_columns, loaded.contract.date_column]


def _or_null(values: FloatArray | None, rows: int) -> FloatArray:
    import numpy as np

    return np.full(rows, np.nan) if values is None else values


def _is_anomaly(scores: FloatArray | None, rows: int) -> pd.Series:
    import numpy as np
    import pandas as pd

    known = np.full(rows, np.nan) if scores is None else scores
    flags = pd.Series(known >= ANOMALY_THRESHOLD).astype("Int32")
    return flags.mask(np.isnan(known))
