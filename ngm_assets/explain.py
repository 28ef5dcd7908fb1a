"""One prediction told in full: what was said, why, from which inputs, by which version."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Query, Window
from ngm_assets.engine.lineage import ROWS
from ngm_assets.errors import ConfigError
from ngm_assets.features.tables import feature_contracts
from ngm_assets.gold.tables import gold_contracts
from ngm_assets.lineage import Branch, upstream
from ngm_assets.models.data.dataset import named, scoring_frame
from ngm_assets.models.data.frames import row_fingerprints
from ngm_assets.predictions.tables import prediction_contract

if TYPE_CHECKING:
    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.models.registry.loaded import LoadedModel
    from ngm_assets.models.registry.registry import ModelRegistry
    from ngm_assets.platform import Platform

NEAR = 5


def explain(
    platform: Platform, registry: ModelRegistry, model: str, keys: Sequence[str], day: date
) -> dict[str, Any]:
    """Return everything behind one row of a prediction table, as plain values.

    Args:
        platform: Where predictions and features are read.
        registry: Where the version that scored the row is read.
        model: Name of the model.
        keys: The entity's key values in the order of the table.
        day: Feature date of the prediction.

    Returns:
        `prediction`: the stored row; `inputs`: per feature its value, what it contributed, the
        training mean and the raw columns it is made of; `version`: who scored it; `current`:
        whether the features still are what was scored.

    Raises:
        ConfigError: No such model, not that many keys, or no prediction for key and day.
    """
    spec = named(model)
    contract = prediction_contract(spec)
    entity = _entity(contract, keys)
    row = _row(platform, contract, entity, day)
    loaded = registry.load(spec.name, row["model_version"])
    info = registry.version(spec.name, row["model_version"])
    inputs, fingerprint = _inputs(platform, loaded, entity, day)
    record = registry.evaluation(spec.name, info.version)
    return {
        "model": spec.name,
        "description": loaded.spec.description,
        "anomaly": loaded.spec.problem == "anomaly",
        "entity": entity,
        "day": day.isoformat(),
        "target": loaded.spec.target.model_dump(),
        "prediction": row | {"drivers": json.loads(row["drivers"])},
        "inputs": inputs,
        "current": fingerprint == row["feature_fingerprint"],
        "version": {
            "version": info.version,
            "status": info.status,
            "as_of": info.as_of.isoformat(),
            "trained_through": info.trained_through.isoformat(),
            "mlflow_run_id": info.run_id,
            "estimator": loaded.spec.estimator.type,
            "feature_table": info.tags.get("feature_table", ""),
            "feature_table_version": info.tags.get("feature_table_version", ""),
            "metric": record["measured"]["metric"],
            "value": record["measured"]["value"],
            "baseline": record["baseline"]["theirs"],
        },
    }


def _entity(contract: TableContract, keys: Sequence[str]) -> dict[str, str]:
    names = contract.entity_key
    if len(keys) != len(names):
        raise ConfigError(
            f"{len(keys)} key values given, {len(names)} needed.",
            where=contract.full_name,
            mend=f"Give {' and '.join(names)}, in this order.",
        )
    return dict(zip(names, keys, strict=True))


def _row(
    platform: Platform, contract: TableContract, entity: dict[str, str], day: date
) -> dict[str, Any]:
    condition = " AND ".join(f"{name} = :key_{name}" for name in entity)
    parameters = {f"key_{name}": value for name, value in entity.items()}
    sql = f"SELECT * FROM {contract.full_name} WHERE {condition}"
    rows = platform.engine.rows(Query(sql, parameters, Window(day, day)))
    if rows:
        return rows[0]
    raise _missing(platform, contract, entity, day)


def _missing(
    platform: Platform, contract: TableContract, entity: dict[str, str], day: date
) -> ConfigError:
    """Return the error that says what there is instead."""
    names = ", ".join(entity)
    sql = (
        f"SELECT {names}, MIN({contract.partition}) AS first, MAX({contract.partition}) AS last "
        f"FROM {contract.full_name} GROUP BY {names} ORDER BY {names}"
    )
    spans = {
        " ".join(str(row[name]) for name in entity): (row["first"], row["last"])
        for row in platform.engine.rows(Query(sql, {}))
    }
    wanted = " ".join(entity.values())
    if wanted in spans:
        mend = "There are predictions from {} to {}.".format(*spans[wanted])
    elif spans:
        near = difflib.get_close_matches(wanted, list(spans), NEAR, 0.4) or list(spans)[:NEAR]
        mend = f"Keys with predictions: {'; '.join(near)}."
    else:
        mend = "Score some days first: `ngm run`."
    return ConfigError(
        f"There is no prediction for {wanted} on {day}.", where=contract.full_name, mend=mend
    )


def _inputs(
    platform: Platform, loaded: LoadedModel, entity: dict[str, str], day: date
) -> tuple[list[dict[str, Any]], str]:
    """Return every feature with value, contribution and origin, strongest first; fingerprint."""
    frame = scoring_frame(platform.engine, loaded.spec, loaded.contract, day, day)
    mask = (frame.keys[list(entity)] == list(entity.values())).all(axis=1).to_numpy()
    if not mask.any():
        return [], ""
    features = frame.select(mask).features
    contributions = loaded.fitted.contributions(features)[0]
    table = feature_contracts()[loaded.contract.table]
    found = []
    for name, share in zip(features.columns, contributions.tolist(), strict=True):
        value = features[name].iloc[0]
        known = value is not None and value == value
        reference = loaded.reference.get("features", {}).get(name, {})
        found.append(
            {
                "feature": name,
                "meaning": table.column(name).doc,
                "value": (str(value) if table.column(name).type == "string" else float(value))
                if known
                else None,
                "training_mean": reference.get("mean"),
                "contribution": share,
                "made_of": sorted(raw_columns(upstream((table.full_name, name)))),
            }
        )
    found.sort(key=lambda one: -abs(one["contribution"]))
    return found, str(row_fingerprints(features)[0])


def raw_columns(branch: Branch) -> set[str]:
    """Return the columns of raw tables at the ends of a lineage tree; table.* for counted rows."""
    if branch.table.startswith("system."):
        return {branch.label}
    if branch.column == ROWS:
        contract = next(c for c in gold_contracts().values() if c.full_name == branch.table)
        return {f"{name}.{ROWS}" for name in contract.sources}
    return {name for child in branch.branches for name in raw_columns(child)}
