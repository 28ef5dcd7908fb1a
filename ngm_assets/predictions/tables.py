"""The prediction tables: one contract per model, generated from its specification."""

from __future__ import annotations

from functools import cache

from ngm_assets.engine.lineage import Source
from ngm_assets.features.tables import feature_contracts
from ngm_assets.lakehouse.contract import Column, TableContract
from ngm_assets.models.catalog.spec import SEVERITIES, ModelSpec
from ngm_assets.models.data.dataset import catalog

_FROM_THE_DAY = ("target_start", "target_end")
_NOT_FROM_FEATURES = (*_FROM_THE_DAY, "model_name", "model_version", "run_id", "scored_at")


def table_name(model: str) -> str:
    """Return the name of a model's prediction table."""
    return f"{model}_predictions"


@cache
def prediction_contracts() -> dict[str, TableContract]:
    """Return the prediction contracts by table name."""
    contracts = (prediction_contract(spec) for spec in catalog())
    return {contract.name: contract for contract in contracts}


def prediction_contract(spec: ModelSpec) -> TableContract:
    """Return the contract of a model's prediction table."""
    features = feature_contracts()[spec.feature_table]
    keys = [features.column(name) for name in features.key]
    return TableContract(
        name=table_name(spec.name),
        schema_name="predictions",
        description=f"{spec.description} {spec.decision}",
        key=features.key,
        partition=features.partition,
        sources=(features.full_name,),
        columns=(*keys, *_outputs(spec)),
    )


def _outputs(spec: ModelSpec) -> tuple[Column, ...]:
    anomaly = spec.problem == "anomaly"
    span = "the feature date" if anomaly else f"t+1 .. t+{spec.horizon_days}"
    return (
        Column(
            name="target_start", type="date", nullable=False, doc=f"First day it speaks of: {span}."
        ),
        Column(
            name="target_end", type="date", nullable=False, doc=f"Last day it speaks of: {span}."
        ),
        Column(name="prediction", type="double", doc=_meaning(spec)),
        Column(name="predicted_label", type="string", doc=_label_meaning(spec)),
        Column(
            name="probability",
            type="double",
            min=0,
            max=1,
            doc="Calibrated probability of the positive or the predicted class.",
        ),
        Column(
            name="prediction_lower", type="double", doc="10th percentile, where the model has one."
        ),
        Column(
            name="prediction_upper", type="double", doc="90th percentile, where the model has one."
        ),
        Column(
            name="anomaly_score",
            type="double",
            min=0,
            max=1,
            doc="0..1, higher is worse; 0.5 = the alert threshold.",
        ),
        Column(
            name="is_anomaly",
            type="int",
            min=0,
            max=1,
            doc="1 = anomaly at the model's alert budget.",
        ),
        Column(
            name="severity",
            type="string",
            accepted=SEVERITIES,
            doc=_bands(spec),
        ),
        Column(name="expected", type="double", doc=_reported(spec, "expected")),
        Column(name="observed", type="double", doc=_reported(spec, "observed")),
        Column(
            name="drivers",
            type="string",
            doc="JSON list of the three strongest features with value, contribution and direction.",
        ),
        Column(
            name="recommended_action", type="string", doc="What to do; only on rows above info."
        ),
        Column(name="model_name", type="string", nullable=False, doc="Model."),
        Column(
            name="model_version",
            type="int",
            nullable=False,
            min=1,
            doc="Registered version in force on the feature date.",
        ),
        Column(name="run_id", type="string", nullable=False, doc="Dagster run that wrote the row."),
        Column(
            name="feature_fingerprint",
            type="string",
            nullable=False,
            doc="Hash of the row's feature values.",
        ),
        Column(
            name="scored_at",
            type="timestamp",
            nullable=False,
            doc="When the row was first written with these values.",
        ),
    )


def _meaning(spec: ModelSpec) -> str:
    if spec.problem == "anomaly":
        return "Anomaly score, 0..1, higher is worse."
    said = f"{spec.target.description} Unit: {spec.target.unit}."
    kinds = {
        "binary": "Probability of: ",
        "quantile": "Median of: ",
        "multiclass": "Position of the predicted class, from 0. ",
    }
    return kinds.get(spec.problem, "") + said


def _label_meaning(spec: ModelSpec) -> str:
    if spec.classes:
        return f"One of {', '.join(spec.classes)}."
    if spec.problem == "multiclass":
        return "Name of the predicted class."
    if spec.reasons:
        return f"On rows above info, what adds most: {', '.join(spec.reasons)}."
    return "Not used by this model."


def _bands(spec: ModelSpec) -> str:
    basis = "prediction"
    if spec.problem == "anomaly":
        basis = "anomaly_score"
    elif spec.problem in ("binary", "multiclass"):
        basis = "probability"
    elif spec.severity_of == "ratio" and "expected" in spec.estimator.params:
        basis = "prediction / expected"
    side = "at least" if spec.worse == "higher" else "at most"
    bands = ", ".join(f"{name} {bound:g}" for name, bound in spec.severity.items())
    quiet = f"; {', '.join(spec.quiet_classes)} is always info" if spec.quiet_classes else ""
    return f"Band of {basis}, {side}: {bands}{quiet}."


def _reported(spec: ModelSpec, role: str) -> str:
    name = spec.estimator.params.get(role)
    if name is None:
        return "Not used by this model."
    return f"{name}: {feature_contracts()[spec.feature_table].column(str(name)).doc}"


def prediction_lineage(spec: ModelSpec) -> dict[str, tuple[Source, ...]]:
    """Return the feature columns each column of a prediction table comes from."""
    features = feature_contracts()[spec.feature_table]
    inputs = tuple((features.full_name, name) for name in spec.features)
    keys = {name: ((features.full_name, name),) for name in features.key}
    outputs: dict[str, tuple[Source, ...]] = {column.name: () for column in _outputs(spec)}
    computed = [name for name in outputs if name not in _NOT_FROM_FEATURES]
    outputs |= dict.fromkeys(computed, inputs)
    outputs |= dict.fromkeys(_FROM_THE_DAY, ((features.full_name, features.partition),))
    return {**keys, **outputs}
