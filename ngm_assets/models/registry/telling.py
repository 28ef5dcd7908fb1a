"""What MLflow is told of a candidate: tags, parameters, metrics, description and data set."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ngm_assets.models.registry.limits import MAX_TEXT, shortened
from ngm_assets.models.registry.versions import TRAINING_KEY

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

    from ngm_assets.models.candidate import Candidate
    from ngm_assets.models.catalog.spec import ModelSpec

_TOP = 3
_MAX_PARAM = 6000
_MAX_DIGEST = 36


def model_tags(spec: ModelSpec) -> dict[str, str]:
    """Return the tags of a registered model: whose it is and what it is about."""
    return {"owner": spec.owner, "domain": spec.domain, "problem": spec.problem}


def model_description(spec: ModelSpec) -> str:
    """Return the description of a registered model."""
    baseline = spec.baseline.description
    text = f"{spec.description}\n\nServes: {spec.decision}\n\nMust beat: {baseline}"
    return shortened(text, MAX_TEXT)


def candidate_tags(candidate: Candidate) -> dict[str, str]:
    """Return the tags of a candidate's version and run: all that identifies what made it."""
    context, window = candidate.context, candidate.window
    tags = {
        TRAINING_KEY: candidate.training_key,
        "model": candidate.spec.name,
        "problem": candidate.spec.problem,
        "owner": candidate.spec.owner,
        "as_of": candidate.as_of.isoformat(),
        "trained_through": window.trained_through.isoformat(),
        "spec_hash": candidate.spec.spec_hash(),
        "feature_table": context.contract.table,
        "feature_table_version": context.feature_version,
        "feature_table_fingerprint": context.contract.table_fingerprint,
        "feature_contract_fingerprint": context.contract.fingerprint(),
        "label_sql_hash": context.label_sql_hash,
        "dataset_fingerprint": candidate.dataset_fingerprint,
        "training_window": f"{window.first}..{window.trained_through}",
        "holdout_window": f"{window.holdout_first}..{window.holdout_last}",
        "seed": str(candidate.spec.seed),
        "git_sha": context.git_sha,
        "gates": "passed" if candidate.decision.promote else "refused",
        "gates_reason": shortened(candidate.decision.reason, MAX_TEXT),
    }
    tags |= {f"rows_{part}": str(count) for part, count in candidate.rows.items()}
    tags |= {f"class_{name}": str(count) for name, count in candidate.class_counts.items()}
    tags |= {f"library_{n}": v for n, v in context.library_versions.items()}
    return {name: value for name, value in tags.items() if value}


def candidate_summary(candidate: Candidate) -> str:
    """Return what a version's description says: the model card in a few lines of Markdown."""
    window, measured = candidate.window, candidate.measured
    rivals = [f"baseline {_number(candidate.baseline.theirs)}"]
    if candidate.champion is not None:
        rivals.append(
            f"champion v{candidate.champion_version} {_number(candidate.champion.theirs)} "
            f"against {_number(candidate.champion.ours)} on days new to both"
        )
    verdict = "passed" if candidate.decision.promote else "refused"
    top = ", ".join(list(candidate.importance)[:_TOP])
    lines = (
        f"**As of {candidate.as_of}**, refitted on {candidate.rows.get('refit', 0)} rows, "
        f"{window.first} to {window.trained_through}.",
        f"Holdout {window.holdout_first} to {window.holdout_last}: {measured.metric} "
        f"{_number(measured.value)} [{_number(measured.low)}, {_number(measured.high)}]; "
        f"{'; '.join(rivals)}.",
        f"Gates {verdict}: {candidate.decision.reason}",
        f"Top features: {top}." if top else "",
        "The whole card is `model_card.md` among the run's artifacts.",
    )
    return shortened("\n\n".join(line for line in lines if line), MAX_TEXT)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def candidate_params(candidate: Candidate) -> dict[str, str]:
    """Return what is logged as parameters of the run."""
    spec = candidate.spec
    params: dict[str, Any] = {
        "estimator": spec.estimator.type,
        "features": len(spec.features),
        "horizon_days": spec.horizon_days,
        "target": spec.target.column,
        "baseline": spec.baseline.column,
        "metric": spec.metric.name,
        "metric_threshold": spec.metric.threshold,
        "alert_budget": spec.alert_budget,
        "seed": spec.seed,
    }
    params |= {f"estimator.{name}": value for name, value in spec.estimator.params.items()}
    return {name: str(value)[:_MAX_PARAM] for name, value in params.items()}


def candidate_metrics(candidate: Candidate) -> dict[str, float]:
    """Return what is logged as metrics: the candidate's, with baseline and champion beside them."""
    name, measured = candidate.measured.metric, candidate.measured
    found: dict[str, float | None] = {
        name: measured.value,
        f"{name}_low": measured.low,
        f"{name}_high": measured.high,
        f"baseline_{name}": candidate.baseline.theirs,
        "baseline_gain": candidate.baseline.gain,
        **candidate.secondary,
        **{f"rows_{part}": float(count) for part, count in candidate.rows.items()},
    }
    if candidate.champion is not None:
        found[f"champion_{name}"] = candidate.champion.theirs
        found["champion_gain"] = candidate.champion.gain
    for gate in candidate.decision.gates:
        if gate.passed is not None:
            found[f"gate_{gate.name}"] = float(gate.passed)
    return {key: float(value) for key, value in found.items() if value is not None}


def dataset_inputs(candidate: Candidate, catalog: str = "") -> list[DatasetInput]:
    """Return the rows learnt from as an MLflow data set: table, Delta version, fingerprint.

    Args:
        candidate: What was trained.
        catalog: Catalog of the table; empty = it is not part of the table's name.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    context, window = candidate.context, candidate.window
    table = ".".join(filter(None, (catalog, "features", context.contract.table)))
    source = {"delta_table_name": table, "delta_table_version": context.feature_version}
    dataset = Dataset(
        name=table,
        digest=candidate.dataset_fingerprint[:_MAX_DIGEST],
        source_type="delta_table",
        source=json.dumps(source),
        schema=json.dumps(
            {
                "mlflow_colspec": [
                    {"name": name, "type": "string" if kind == "string" else "double"}
                    for name, kind in context.contract.types.items()
                ]
            }
        ),
        profile=json.dumps({"num_rows": candidate.rows.get("refit", 0)}),
    )
    tags = {
        "mlflow.data.context": "training",
        "window": f"{window.first}..{window.trained_through}",
        "label_sql_hash": context.label_sql_hash,
    }
    return [DatasetInput(dataset, [InputTag(name, text) for name, text in tags.items() if text])]
