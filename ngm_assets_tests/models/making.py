"""Small made-up rows, specifications and candidates for the model tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from ngm_assets.models.candidate import Candidate, TrainingContext
from ngm_assets.models.catalog.spec import ModelSpec
from ngm_assets.models.data.frames import ModelFrame
from ngm_assets.models.registry.loaded import FeatureContract, LoadedModel

FIRST = date(2026, 1, 1)
FEATURES = ("load", "size", "errors")
TEXTS = ("job_name", "team")
ESTIMATORS = {
    "binary": "xgboost_binary",
    "regression": "xgboost_regression",
    "quantile": "xgboost_quantile",
    "multiclass": "xgboost_multiclass",
    "anomaly": "robust_deviation",
}
METRICS = {"regression": "male", "quantile": "male", "multiclass": "balanced_accuracy"}
CLASSES = ("low", "middle", "high")


def spec_entry(problem: str = "binary", **changes: Any) -> dict[str, Any]:
    """Return a valid catalogue entry; `changes` replace top-level fields."""
    target = {
        "column": "outcome",
        "horizon_days": 1,
        "unit": "share",
        "description": "What came true.",
    }
    entry: dict[str, Any] = {
        "name": f"{problem}_model",
        "domain": "cost",
        "description": "Says something about tomorrow.",
        "decision": "The owner looks at it or not.",
        "owner": "team:platform",
        "problem": problem,
        "feature_table": "cost_features",
        "features": list(FEATURES),
        "proxy" if problem == "anomaly" else "label": target,
        "baseline": {"column": "rule", "description": "The rule of thumb."},
        "estimator": {"type": ESTIMATORS[problem]},
        "metric": {"name": METRICS.get(problem, "average_precision")},
        "severity": {"info": 0.0, "low": 0.5, "medium": 0.6, "high": 0.7, "critical": 0.9},
        "recommended_action": "Look at {workspace_id}: {prediction:.2f} with {errors:.0f} errors.",
    }
    if problem == "multiclass":
        entry["classes"] = list(CLASSES)
    return entry | changes


def spec_of(problem: str = "binary", **changes: Any) -> ModelSpec:
    """Return a valid specification."""
    return ModelSpec.model_validate(spec_entry(problem, **changes))


def frame_of(
    problem: str = "binary", *, days: int = 90, keys: int = 15, seed: int = 3
) -> ModelFrame:
    """Return rows from which the problem can be learnt, better than by the baseline.

    Binary: the outcome is likelier with load. Quantities: the outcome is size, moved by load.
    Multiclass: load, blurred, in three classes; the baseline goes by errors.
    Anomaly: 1 % of the rows are planted far off; the proxy of the last day is not ripe.
    """
    rng = np.random.default_rng(seed)
    n = days * keys
    dates = np.repeat(np.datetime64(FIRST, "D") + np.arange(days), keys)
    load, size = rng.normal(size=n), rng.gamma(2.0, 100.0, size=n)
    errors = rng.poisson(0.3, size=n).astype(np.float64)
    if problem in ("regression", "quantile"):
        outcome = size * np.exp(0.4 * load + rng.normal(0, 0.2, n))
        baseline = size.copy()
    else:
        outcome = (rng.random(n) < 1 / (1 + np.exp(2 - 2 * load))).astype(np.float64)
        baseline = (errors > 0).astype(np.float64)
    if problem == "multiclass":
        outcome = np.digitize(load + rng.normal(0, 0.4, n), (-0.6, 0.6)).astype(np.float64)
        baseline = np.minimum(errors, 2.0)
    if problem == "anomaly":
        outcome = (rng.random(n) < 0.01).astype(np.float64)
        load, size = load + 7 * outcome, size + 2500 * outcome
        errors = errors + 9 * outcome
        baseline = rng.random(n)
        outcome[dates == dates.max()] = np.nan
    size[rng.random(n) < 0.03] = np.nan
    features = pd.DataFrame({"load": load, "size": size, "errors": errors})
    names = np.tile([f"w{i:02d}" for i in range(keys)], days)
    table = pd.DataFrame({"workspace_id": names, "usage_date": dates.astype("datetime64[ns]")})
    classes = CLASSES if problem == "multiclass" else ()
    return ModelFrame(table, dates, features, outcome, baseline, classes)


def text_spec(**changes: Any) -> ModelSpec:
    """Return a valid specification of a classifier of names."""
    base = {
        "features": list(TEXTS),
        "estimator": {"type": "text_classifier"},
        "recommended_action": "Look at {job_name}: probably {predicted_label}.",
    }
    return spec_of("multiclass", **(base | changes))


def text_frame(*, days: int = 30, keys: int = 12, seed: int = 3) -> ModelFrame:
    """Return rows whose class follows from a word of the job's name, but for one in ten.

    The team says nothing; both may be missing. The baseline always says the first class.
    """
    rng = np.random.default_rng(seed)
    n = days * keys
    label = rng.integers(0, len(CLASSES), n)
    told = np.where(rng.random(n) < 0.1, rng.integers(0, len(CLASSES), n), label)
    words = (("load", "ingest"), ("report", "dashboard"), ("train", "score"))
    names = [f"{rng.choice(words[place])}_{rng.choice(['east', 'west'])}" for place in told]
    teams = rng.choice(np.array(["red", "blue", None], dtype=object), n)
    rows = frame_of("multiclass", days=days, keys=keys)
    features = pd.DataFrame({"job_name": names, "team": teams}, dtype=object)
    features.loc[::50, "job_name"] = None
    return replace(rows, features=features, label=label.astype(np.float64), baseline=np.zeros(n))


def text_contract() -> FeatureContract:
    """Return the contract of a made-up feature table of names."""
    return replace(contract(), types=dict.fromkeys(TEXTS, "string"))


def contract() -> FeatureContract:
    """Return the contract of the made-up feature table."""
    types = dict.fromkeys(FEATURES, "double")
    return FeatureContract("cost_features", ("workspace_id",), "usage_date", types, "f00d")


def context() -> TrainingContext:
    """Return a training context with fixed versions."""
    versions = {"xgboost": "3", "scikit-learn": "1", "numpy": "2", "skops": "0"}
    return TrainingContext(contract(), "17", "label-hash", "abc123", versions)


def as_of(days: int = 90, horizon: int = 1) -> date:
    """Return the first day on which every row of `frame_of(days=days)` is ripe."""
    return FIRST + timedelta(days=days + horizon)


def loaded_of(candidate: Candidate, version: int = 1) -> LoadedModel:
    """Return the candidate as if it had been registered and loaded."""
    return LoadedModel(
        spec=candidate.spec,
        version=version,
        run_id="run",
        fitted=candidate.fitted,
        contract=candidate.context.contract,
        as_of=candidate.as_of,
        trained_through=candidate.window.trained_through,
        reference=candidate.reference,
    )


def renamed(candidate: Candidate, name: str, *, key: str, as_of: date) -> Candidate:
    """Return the candidate under another name, identity and day."""
    spec = candidate.spec.model_copy(update={"name": name})
    return replace(candidate, spec=spec, training_key=f"{name}-{key}", as_of=as_of)
