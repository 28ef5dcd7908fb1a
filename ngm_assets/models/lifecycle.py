"""One training partition from data to champion: train, register, promote or archive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Engine
from ngm_assets.errors import InsufficientData
from ngm_assets.models.candidate import TrainingContext
from ngm_assets.models.catalog.spec import ModelSpec
from ngm_assets.models.data.dataset import (
    feature_contract,
    label_sql_hash,
    training_frame,
)
from ngm_assets.models.evaluation.gates import Decision, GateResult
from ngm_assets.models.registry.versions import lowest_with_key, newest_promoted
from ngm_assets.models.training import key_for, library_versions, train

if TYPE_CHECKING:
    from ngm_assets.models.registry.registry import ModelRegistry
    from ngm_assets.models.registry.versions import VersionInfo
    from ngm_assets.settings import Words


@dataclass(frozen=True)
class TrainingRequest:
    """Who asks for a training, when, and what the code and data are called.

    Attributes:
        who: Name of the run or person, kept with a promotion.
        when: Time of the request.
        feature_version: Version of the feature table that is read.
        words: Settings that label SQL may refer to.
        git_sha: Commit of the code; empty if unknown.
        parent_run: Gives the MLflow run a new candidate's run is shown under; None = none.
        tags: Further tags of a new candidate's run and version.
    """

    who: str
    when: datetime
    feature_version: str
    words: Words
    git_sha: str = ""
    parent_run: Callable[[], str] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


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
        rolled_back: Who had rolled the version back, when and why; it stays so. Empty if nobody.
    """

    model: str
    as_of: date
    version: VersionInfo | None
    champion: VersionInfo | None
    decision: Decision | None
    record: Mapping[str, Any]
    reused: bool = False
    reason: str = ""
    rolled_back: str = ""

    @property
    def word(self) -> str:
        """promoted, refused, rolled back or no version."""
        if self.version is None or self.decision is None:
            return "no version"
        if self.rolled_back:
            return "rolled back"
        return "promoted" if self.decision.promote else "refused"


def train_partition(
    engine: Engine, registry: ModelRegistry, spec: ModelSpec, as_of: date, request: TrainingRequest
) -> TrainingOutcome:
    """Train a model as of a Monday and let the gates decide.

    Every write can be repeated: a training with the same data, specification and libraries is
    found by its key, and promotion ends in the same state however often it runs. A version that
    was rolled back is found as well, and stays rolled back.

    Raises:
        ModelError: The specification does not suit the data.
        DataError: The feature table holds values no model can learn from.
    """
    context = TrainingContext(
        contract=feature_contract(spec),
        feature_version=request.feature_version,
        label_sql_hash=label_sql_hash(spec.feature_table),
        git_sha=request.git_sha,
        library_versions=library_versions(),
    )
    frame = training_frame(engine, spec, as_of, request.words)
    versions = registry.versions(spec.name)
    info = lowest_with_key(versions, key_for(spec, frame, as_of=as_of, context=context))
    if info is not None:
        return _decide(registry, info, request, reused=True)
    reigning = newest_promoted(versions, as_of)
    champion = None if reigning is None else registry.load_of(reigning)
    try:
        candidate = train(spec, frame, as_of=as_of, champion=champion, context=context)
    except InsufficientData as error:
        return TrainingOutcome(spec.name, as_of, None, reigning, None, {}, reason=error.what)
    parent = None if request.parent_run is None else request.parent_run()
    info = registry.register(candidate, parent_run_id=parent, tags=request.tags)
    return _decide(registry, info, request, reused=False)


def _decide(
    registry: ModelRegistry, info: VersionInfo, request: TrainingRequest, *, reused: bool
) -> TrainingOutcome:
    """Promote or archive as the gates say; what somebody rolled back is left alone."""
    record = registry.evaluation_of(info)
    decision = decision_of(record)
    model, who, when = info.model, request.who, request.when
    if not info.rolled_back and decision.promote:
        registry.promote(model, info.version, decision, who, when)
    elif not info.rolled_back:
        registry.archive(model, info.version, who=who, when=when, reason=decision.reason)
    after = registry.versions(model)
    return TrainingOutcome(
        model=model,
        as_of=info.as_of,
        version=next(version for version in after if version.version == info.version),
        champion=newest_promoted(after),
        decision=decision,
        record=record,
        reused=reused,
        rolled_back=str(info.deed("rolled_back")) if info.rolled_back else "",
    )


def decision_of(record: Mapping[str, Any]) -> Decision:
    """Restore the decision from a version's stored evaluation."""
    stored = record["decision"]
    gates = tuple(GateResult(**gate) for gate in stored["gates"])
    return Decision(stored["promote"], stored["reason"], gates)
