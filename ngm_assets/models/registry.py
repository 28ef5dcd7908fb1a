"""The model registry: register, promote, archive and load a version, each repairable."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import RegistryError
from ngm_assets.models.artifacts import NGM_FOLDER, read_json, read_model
from ngm_assets.models.mlflow_store import MlflowStore
from ngm_assets.models.versions import (
    ARCHIVED,
    CHALLENGER,
    CHAMPION,
    COMPLETE,
    PROMOTED,
    PROMOTION,
    STATUS,
    TRAINING_KEY,
    VersionInfo,
    candidate_tags,
    newest_promoted,
)

if TYPE_CHECKING:
    from ngm_assets.models.candidate import Candidate
    from ngm_assets.models.gates import Decision
    from ngm_assets.models.loaded import LoadedModel

_CACHE = 32


class ModelRegistry:
    """Versions in MLflow, through its client alone: no active run, no global tracking URI.

    Every method may be called again after a crash between any two of its writes and leaves the
    state an undisturbed call would have left.

    Args:
        tracking_uri: For example sqlite:///path; the path may hold spaces.
        registry_uri: Where models are registered; None = the tracking URI.
        artifact_root: Local folder for artifacts of a new experiment; None = the server's default.
        experiment: Name of the experiment all runs belong to.
        name_prefix: Put before model names in the registry, such as "catalog.schema." where the
            registry wants three levels.
    """

    def __init__(
        self,
        tracking_uri: str,
        registry_uri: str | None = None,
        artifact_root: Path | None = None,
        experiment: str = "ngm_assets",
        *,
        name_prefix: str = "",
    ) -> None:
        """Remember the addresses; nothing is contacted before the first use."""
        self.store = MlflowStore(
            tracking_uri, registry_uri or tracking_uri, artifact_root, experiment, name_prefix
        )
        self._loaded: OrderedDict[tuple[str, int], LoadedModel] = OrderedDict()

    def versions(self, model: str) -> tuple[VersionInfo, ...]:
        """Return the complete versions of a model, oldest number first; empty if unknown."""
        return tuple(info for info in self.store.all_versions(model) if info.complete)

    def version(self, model: str, version: int) -> VersionInfo:
        """Return one complete version.

        Raises:
            RegistryError: There is no such version, or it was never completed.
        """
        known = self.versions(model)
        for info in known:
            if info.version == version:
                return info
        raise RegistryError(
            f"{model} has no complete version {version}.",
            where=self.store.name(model),
            mend=f"Known: {', '.join(str(info.version) for info in known) or 'none'}.",
        )

    def find(self, model: str, training_key: str) -> VersionInfo | None:
        """Return the complete version of this very training, or None."""
        for info in self.versions(model):
            if info.tags.get(TRAINING_KEY) == training_key:
                return info
        return None

    def champion_in_force(self, model: str, day: date) -> VersionInfo | None:
        """Return the promoted version with the latest as_of that is not after `day`, or None."""
        return newest_promoted(self.versions(model), day)

    def versions_in_force(self, model: str, days: Iterable[date]) -> dict[date, int | None]:
        """Return the number of the champion in force on each day; None before the first."""
        versions = self.versions(model)
        found = {day: newest_promoted(versions, day) for day in days}
        return {day: None if info is None else info.version for day, info in found.items()}

    def champion(self, model: str) -> VersionInfo | None:
        """Return the newest promoted version: the one `champion` points at, or None."""
        return newest_promoted(self.versions(model))

    def evaluation(self, model: str, version: int) -> dict[str, Any]:
        """Return a version's recorded measurements, comparisons and gates."""
        folder = self.store.artifacts(self.version(model, version).run_id)
        record: dict[str, Any] = read_json(folder / NGM_FOLDER / "evaluation.json")
        return record

    def load(self, model: str, version: int) -> LoadedModel:
        """Return a version ready to score; the last 32 are kept in memory."""
        key = (model, version)
        if key not in self._loaded:
            info = self.version(model, version)
            self._loaded[key] = read_model(info, self.store.artifacts(info.run_id))
            while len(self._loaded) > _CACHE:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(key)
        return self._loaded[key]

    def register(
        self,
        candidate: Candidate,
        *,
        parent_run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> VersionInfo:
        """Log and register a candidate; a training registered before is found, not repeated.

        Args:
            candidate: What was trained.
            parent_run_id: Run under which the candidate's run is shown; None = none.
            tags: Further tags of run and version.

        Returns:
            The complete version. The alias challenger points at the newest candidate by as_of.
        """
        model = candidate.spec.name
        found = self.find(model, candidate.training_key)
        if found is not None:
            return found
        all_tags = candidate_tags(candidate) | dict(tags or {})
        run = self.store.child_run(candidate, parent_run_id, all_tags)
        self.store.log(candidate, run)
        info = self.store.version_of_run(candidate, run, all_tags)
        self._point_challenger(model, info)
        self.store.tag(info, **{COMPLETE: "true"})
        return self.version(model, info.version)

    def promote(
        self,
        model: str,
        version: int,
        decision: Decision,
        who: str,
        when: datetime,
        reason: str = "",
    ) -> VersionInfo:
        """Make a version promoted, the newest promoted one champion, and archive the others.

        Args:
            model: Name of the model.
            version: Version to promote.
            decision: Must allow it.
            who: Who or what promotes.
            when: Time of the decision, logged as given.
            reason: Why; empty = the decision's reason.

        Raises:
            RegistryError: The decision refuses, or the version is unknown.
        """
        if not decision.promote:
            raise RegistryError(
                f"{model} version {version} may not be promoted: {decision.reason}.",
                where=self.store.name(model),
                mend="Archive it, or train a better candidate.",
            )
        info = self.version(model, version)
        if info.tags.get(PROMOTION) != PROMOTED:
            self.store.tag(
                info,
                promoted_by=who,
                promoted_at=when.isoformat(),
                promoted_reason=reason or decision.reason,
            )
            self.store.tag(info, **{PROMOTION: PROMOTED})
        self._crown(model, who, when)
        return self.version(model, version)

    def archive(
        self, model: str, version: int, *, who: str, when: datetime, reason: str
    ) -> VersionInfo:
        """Mark a version as archived, with who, when and why; the first such mark stays.

        Raises:
            RegistryError: The version is unknown or is the champion.
        """
        info = self.version(model, version)
        if CHAMPION in info.aliases:
            raise RegistryError(
                f"{model} version {version} is the champion.",
                where=self.store.name(model),
                mend="Promote another version first.",
            )
        self._archive(info, who, when, reason)
        return self.version(model, version)

    def _crown(self, model: str, who: str, when: datetime) -> None:
        versions = self.versions(model)
        champion = newest_promoted(versions)
        if champion is None:
            return
        if CHAMPION not in champion.aliases:
            self.store.alias(champion, CHAMPION)
        for info in versions:
            if info.version != champion.version and info.tags.get(PROMOTION) == PROMOTED:
                reason = f"version {champion.version}, as of {champion.as_of}, is champion"
                self._archive(info, who, when, reason)
        if champion.status != CHAMPION:
            self.store.tag(champion, **{STATUS: CHAMPION})

    def _archive(self, info: VersionInfo, who: str, when: datetime, reason: str) -> None:
        if info.status == ARCHIVED:
            return
        self.store.tag(
            info, archived_by=who, archived_at=when.isoformat(), archived_reason=reason[:4000]
        )
        self.store.tag(info, **{STATUS: ARCHIVED})

    def _point_challenger(self, model: str, info: VersionInfo) -> None:
        """Point challenger at `info` unless it points at a newer candidate."""
        for other in self.store.all_versions(model):
            if CHALLENGER in other.aliases and (other.as_of, other.version) >= (
                info.as_of,
                info.version,
            ):
                return
        self.store.alias(info, CHALLENGER)
