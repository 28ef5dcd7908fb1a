"""Turns keys and features into rows of a prediction table with one loaded version."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ngm_assets.errors import ModelError
from ngm_assets.models.catalog.spec import ANOMALY_THRESHOLD
from ngm_assets.models.data.frames import row_fingerprints
from ngm_assets.predictions.explain import driver_texts, fill_actions
from ngm_assets.predictions.severity import alarming, predicted_labels, row_severities

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.models.data.frames import FloatArray
    from ngm_assets.models.registry.loaded import LoadedModel


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
        features: Feature columns by name, numbers or texts; further columns are ignored.
        scored_at: Time stamp of the rows; a naive one is read as UTC.
        run_id: Run that writes the rows.
        table_columns: Type by column of the feature table, as its contract states them; given, it
            is held against the contract stored in the version.

    Returns:
        Keys and date, then the columns of the model's prediction contract in its order, n rows in
        the order of `keys`.

    Raises:
        ModelError: Keys, columns or types do not fit the version's contract, or the numbers of
            rows differ.
    """
    import numpy as np
    import pandas as pd

    matrix = _checked(loaded, keys, features, table_columns)
    spec, date_column = loaded.spec, loaded.contract.date_column
    rows = len(keys)
    outputs = loaded.fitted.predict(matrix)
    contributions = loaded.fitted.contributions(matrix)
    day = keys[date_column].to_numpy().astype("datetime64[D]")
    first, last = (0, 0) if spec.problem == "anomaly" else (1, spec.horizon_days)
    severity = row_severities(spec, outputs)
    alarm = alarming(severity)
    table = pd.DataFrame({name: keys[name].to_numpy() for name in _key_names(loaded)})
    table["target_start"] = (day + np.timedelta64(first, "D")).astype("datetime64[ns]")
    table["target_end"] = (day + np.timedelta64(last, "D")).astype("datetime64[ns]")
    table["prediction"] = outputs.prediction
    table["predicted_label"] = pd.array(
        predicted_labels(spec, outputs, matrix, contributions, alarm), dtype="string"
    )
    table["probability"] = _or_null(outputs.probability, rows)
    table["prediction_lower"] = _or_null(outputs.lower, rows)
    table["prediction_upper"] = _or_null(outputs.upper, rows)
    table["anomaly_score"] = _or_null(outputs.anomaly_score, rows)
    table["is_anomaly"] = _is_anomaly(outputs.anomaly_score, rows)
    table["severity"] = pd.array(severity, dtype="string")
    table["expected"] = _or_null(outputs.expected, rows)
    table["observed"] = _or_null(outputs.observed, rows)
    table["drivers"] = pd.array(driver_texts(matrix, contributions), dtype="string")
    actions = fill_actions(spec.recommended_action, table, matrix, alarm)
    table["recommended_action"] = pd.array(actions, dtype="string")
    table["model_name"] = pd.array([spec.name] * rows, dtype="string")
    table["model_version"] = np.full(rows, loaded.version, dtype=np.int32)
    table["run_id"] = pd.array([run_id] * rows, dtype="string")
    table["feature_fingerprint"] = pd.array(row_fingerprints(matrix), dtype="string")
    stamp = scored_at.replace(tzinfo=UTC) if scored_at.tzinfo is None else scored_at.astimezone(UTC)
    table["scored_at"] = pd.Series([stamp] * rows, dtype="datetime64[us, UTC]")
    return table


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
        elif contract.types[name] != "string" and features[name].dtype.kind not in "fiub":
            faults.append(f"column {name} is {features[name].dtype}, not a number")
    if faults:
        raise ModelError(
            f"The feature table no longer fits the model: {'; '.join(faults)}.",
            where=where,
            mend="Restore the columns, or train and promote a version on the new table.",
        )
    numbers = [name for name, kind in contract.types.items() if kind != "string"]
    matrix = features[list(contract.features)].reset_index(drop=True)
    matrix = matrix.astype(dict.fromkeys(numbers, np.float64))
    infinite = [name for name in numbers if np.isinf(matrix[name].to_numpy()).any()]
    if infinite:
        raise ModelError(
            f"Infinite values in {', '.join(infinite)}.",
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
