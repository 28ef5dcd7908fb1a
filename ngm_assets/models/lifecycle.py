"""One training partition from data to champion: train, register, promote or archive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Engine
from ngm_assets.errors import InsufficientData
from ngm_assets.models.candidate import TrainingContext
from ngm_assets.models.dataset import (
    feature_contract,
    label_sql_hash,
    training_frame,
)
from ngm_assets.models.gates import Decision, GateResult
from ngm_assets.models.spec import ModelSpec
from ngm_assets.models.training import key_for, library_versions, train

if TYPE_CHECKING:
    from ngm_assets.models.registry import ModelRegistry
    from ngm_assets.models.versions import VersionInfo


@dataclass(frozen=True)
class TrainingRequest:
    """Who asks for a training, when, and what the code and data are called.

    Attributes:
        who: Name of the run or person, kept with a promotion.
        when: Time of the request.
        feature_version: Version of the feature table that is read.
        git_sha: Commit of the code; empty if unknown.
        parent_run: Gives the MLflow run a new candidate's run is shown under; None = none.
    """

    who: str
    when: datetime
    feature_version: str
    git_sha: str = ""
    parent_run: Callable[[], str] | None = None


@dataclass(frozen=True)
class TrainingOutcome:
    """What became of one model and Monday.

    Attributes:
        model: Name of the model.
        as_of: The Monday.
        version: The registered version; None when the data did not suffice.
        champion: Version that `champion` points at afterwards; None without one.
        decision: Gates and verdict; None without a version.
        record: Measurements as stored with the version; empty without one.
        reused: The same training had been registered before.
        reason: Why there is no version; empty if there is one.
    """

    model: str
    as_of: date
    version: VersionInfo | None
    champion: VersionInfo | None
    decision: Decision | None
    record: Mapping[str, Any]
    reused: bool = False
    reason: str = ""


def train_partition(
    engine: Engine, registry: ModelRegistry, spec: ModelSpec, as_of: date, request: TrainingRequest
) -> TrainingOutcome:
    """Train a model as of a Monday and let the gates decide.

    Every write can be repeated: a training with the same data, specification and libraries is
    found by its key, and promotion ends in the same state however often it runs.

    Raises:
        ModelError: The specification does not suit the data.
        DataError: The feature table holds values no model can learn from.
    """
    context = TrainingContext(
        contract=feature_contract(spec),
        feature_version=request.feature_version,
        label_sql_hash=label_sql_hash(spec.domain),
        git_sha=request.git_sha,
        library_versions=library_versions(),
    )
    frame = training_frame(engine, spec, as_of)
    info = registry.find(spec.name, key_for(spec, frame, as_of=as_of, context=context))
    reused = info is not None
    if info is None:
        reigning = registry.champion_in_force(spec.name, as_of)
        champion = None if reigning is None else registry.load(spec.name, reigning.version)
        try:
            candidate = train(spec, frame, as_of=as_of, champion=champion, context=context)
        except InsufficientData as error:
            current = registry.champion_in_force(spec.name, as_of)
            return TrainingOutcome(spec.name, as_of, None, current, None, {}, reason=error.what)
        parent = None if request.parent_run is None else request.parent_run()
        info = registry.register(candidate, parent_run_id=parent)
    record = registry.evaluation(spec.name, info.version)
    decision = decision_of(record)
    if decision.promote:
        registry.promote(spec.name, info.version, decision, request.who, request.when)
    else:
        registry.archive(
            spec.name, info.version, who=request.who, when=request.when, reason=decision.reason
        )
    return TrainingOutcome(
        model=spec.name,
        as_of=as_of,
        version=registry.version(spec.name, info.version),
        champion=registry.champion(spec.name),
        decision=decision,
        record=record,
        reused=reused,
    )


def decision_of(record: Mapping[str, Any]) -> Decision:
    """Restore the decision from a version's stored evaluation."""
    stored = record["decision"]
    gates = tuple(GateResult(**gate) for gate in stored["gates"])
    return Decision(stored["promote"], stored["reason"], gates)
