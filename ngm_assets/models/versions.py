"""What a registered version says of itself: the tags, and the questions asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ngm_assets.models.candidate import Candidate

TRAINING_KEY = "training_key"
COMPLETE = "complete"
STATUS = "status"
PROMOTION = "promotion"
PROMOTED = "promoted"
ROLLED_BACK = "rolled_back_at"
CHAMPION = "champion"
CHALLENGER = "challenger"
ARCHIVED = "archived"


@dataclass(frozen=True)
class VersionInfo:
    """One version in the registry.

    Attributes:
        model: Name of the model.
        version: Version number, compared as a number.
        run_id: MLflow run that made it.
        as_of: The day it was trained for.
        trained_through: Last feature day of its training rows.
        tags: All tags.
        aliases: Aliases that point at it.
    """

    model: str
    version: int
    run_id: str
    as_of: date
    trained_through: date
    tags: Mapping[str, str]
    aliases: tuple[str, ...] = field(default=())

    @property
    def complete(self) -> bool:
        """Whether everything about it was written."""
        return self.tags.get(COMPLETE) == "true"

    @property
    def status(self) -> str:
        """challenger, champion or archived."""
        return self.tags.get(STATUS, CHALLENGER)

    @property
    def approved(self) -> bool:
        """Whether its gates allowed promotion when it was judged."""
        return self.tags.get("gates") == "passed"

    @property
    def promoted(self) -> bool:
        """Whether it was ever made champion and not rolled back since."""
        return self.tags.get(PROMOTION) == PROMOTED and ROLLED_BACK not in self.tags


def newest_promoted(versions: Iterable[VersionInfo], day: date | None = None) -> VersionInfo | None:
    """Return the promoted version with the latest as_of, at most `day`; then the higher number."""
    eligible = [v for v in versions if v.promoted and (day is None or v.as_of <= day)]
    return max(eligible, key=lambda v: (v.as_of, v.version), default=None)


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
        "gates_reason": candidate.decision.reason[:4000],
    }
    tags |= {f"rows_{part}": str(count) for part, count in candidate.rows.items()}
    tags |= {f"class_{name}": str(count) for name, count in candidate.class_counts.items()}
    tags |= {f"library_{n}": v for n, v in context.library_versions.items()}
    return {name: value for name, value in tags.items() if value}


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
    return {name: str(value)[:6000] for name, value in params.items()}


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
