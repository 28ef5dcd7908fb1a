"""The model registry: register, promote, roll back and load versions, each repairable."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import RegistryError
from ngm_assets.models.registry import succession
from ngm_assets.models.registry.artifacts import NGM_FOLDER, read_json, read_model
from ngm_assets.models.registry.mlflow_store import MlflowStore
from ngm_assets.models.registry.succession import Rollback
from ngm_assets.models.registry.telling import candidate_tags
from ngm_assets.models.registry.versions import (
    ARCHIVED,
    CHALLENGER,
    CHAMPION,
    COMPLETE,
    DUPLICATE,
    STATUS,
    TRAINING_KEY,
    Deed,
    VersionInfo,
    lowest_with_key,
    newest_promoted,
)

if TYPE_CHECKING:
    from ngm_assets.models.candidate import Candidate
    from ngm_assets.models.evaluation.gates import Decision
    from ngm_assets.models.registry.loaded import LoadedModel

_CACHE = 32


class ModelRegistry:
    """Versions in MLflow, through its client alone: no active run, no global tracking URI.

    Every method may be called again after a crash between any two of its writes and leaves the
    state an undisturbed call would have left. Calls that write hold the lock of the local store,
    so that processes on one machine take turns; a server has no lock, see `register`.

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
        return self._one_of(model, self.versions(model), version)

    def find(self, model: str, training_key: str) -> VersionInfo | None:
        """Return the complete version of this very training, or None."""
        return lowest_with_key(self.versions(model), training_key)

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
        return self.evaluation_of(self.version(model, version))

    def evaluation_of(self, info: VersionInfo) -> dict[str, Any]:
        """Return the recorded measurements, comparisons and gates of a version at hand."""
        return self._stored(info, "evaluation.json")

    def specification_of(self, info: VersionInfo) -> dict[str, Any]:
        """Return the specification a version was made by, as plain values."""
        return self._stored(info, "spec.json")

    def load(self, model: str, version: int) -> LoadedModel:
        """Return a version ready to score; the last 32 are kept in memory."""
        if (model, version) not in self._loaded:
            return self.load_of(self.version(model, version))
        self._loaded.move_to_end((model, version))
        return self._loaded[model, version]

    def load_of(self, info: VersionInfo) -> LoadedModel:
        """Return a version at hand ready to score; the last 32 are kept in memory."""
        key = (info.model, info.version)
        if key not in self._loaded:
            self._loaded[key] = read_model(info, self.store.artifacts(info.run_id))
            while len(self._loaded) > _CACHE:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(key)
        return self._loaded[key]

    def folder(self, model: str, version: int) -> Path:
        """Return the local folder of a version's files, fetched from a server if need be."""
        return self.store.artifacts(self.load(model, version).run_id)

    def register(
        self,
        candidate: Candidate,
        *,
        parent_run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> VersionInfo:
        """Log and register a candidate; a training registered before is found, not repeated.

        On a server, which has no lock, two processes may register the same training at once. Of
        such versions the first complete one counts, else the lower number, because each process
        looks again after its own was created; the others are marked, and so stay invisible.

        Args:
            candidate: What was trained.
            parent_run_id: Run under which the candidate's run is shown; None = none.
            tags: Further tags of run and version.

        Returns:
            The complete version. The alias challenger points at the newest candidate by as_of.
        """
        model, key = candidate.spec.name, candidate.training_key
        with self.store.changing():
            info = lowest_with_key(self.store.all_versions(model), key)
            if info is None:
                all_tags = candidate_tags(candidate) | dict(tags or {})
                run = self.store.child_run(candidate, parent_run_id, all_tags)
                self.store.log(candidate, run)
                self.store.describe(candidate.spec)
                self.store.create_version(candidate, run, all_tags)
            elif info.complete:
                return info
            versions = self.store.all_versions(model)
            info = lowest_with_key(versions, key)
            if info is None:
                raise RegistryError(
                    f"The version just made of {model} cannot be found.",
                    where=self.store.name(model),
                    mend="Run the same again; if it recurs, ask whoever runs the registry.",
                )
            for twin in versions:
                if twin.tags.get(TRAINING_KEY) == key and twin.version != info.version:
                    self.store.tag(twin, **{DUPLICATE: str(info.version), STATUS: ARCHIVED})
            if _newest_candidate(versions, info):
                info = self.store.alias(info, CHALLENGER)
            return self.store.tag(info, **{COMPLETE: "true"})

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
            RegistryError: The decision refuses, or the version is unknown or was rolled back.
        """
        if not decision.promote:
            raise RegistryError(
                f"{model} version {version} may not be promoted: {decision.reason}.",
                where=self.store.name(model),
                mend="Archive it, or train a better candidate.",
            )
        deed = Deed(who, when, reason or decision.reason)
        with self.store.changing():
            versions = self.versions(model)
            info = self._one_of(model, versions, version)
            promoted = succession.promote(self.store, info, deed)
            succession.crown(self.store, [promoted if v == info else v for v in versions], deed)
            return self.version(model, version)

    def archive(
        self, model: str, version: int, *, who: str, when: datetime, reason: str
    ) -> VersionInfo:
        """Mark a version as archived, with who, when and why; the first such mark stays.

        Raises:
            RegistryError: The version is unknown or is the champion.
        """
        with self.store.changing():
            info = self.version(model, version)
            if CHAMPION in info.aliases:
                raise RegistryError(
                    f"{model} version {version} is the champion.",
                    where=self.store.name(model),
                    mend="Promote another version, or roll back to one, first.",
                )
            return succession.archive(self.store, info, Deed(who, when, reason))

    def rollback(
        self, model: str, to_version: int, *, who: str, when: datetime, reason: str
    ) -> Rollback:
        """Make a once promoted version champion again; none newer is in force on any day.

        The promoted versions newer than it, by as_of and number, carry who rolled them back, when
        and why; training them again does not bring them back. The version itself may have been
        rolled back before: this call, and nothing else, brings it back. Later candidates are
        registered and promoted as ever; `challenger` stays at the newest candidate.

        Raises:
            RegistryError: No reason is given, or the version is unknown, was never promoted, or
                is the champion already.
        """
        with self.store.changing():
            versions = self.versions(model)
            self._one_of(model, versions, to_version)
            succession.roll_back(self.store, versions, to_version, Deed(who, when, reason))
            after = self.versions(model)
        champion = self._one_of(model, after, to_version)
        return Rollback(champion, tuple(reversed(succession.newer_promoted(after, champion))))

    def _one_of(self, model: str, versions: Sequence[VersionInfo], version: int) -> VersionInfo:
        for info in versions:
            if info.version == version:
                return info
        raise RegistryError(
            f"{model} has no complete version {version}.",
            where=self.store.name(model),
            mend=f"Known: {', '.join(str(info.version) for info in versions) or 'none'}.",
        )

    def _stored(self, info: VersionInfo, name: str) -> dict[str, Any]:
        folder = self.store.artifacts(info.run_id)
        content: dict[str, Any] = read_json(folder / NGM_FOLDER / name)
        return content


def _newest_candidate(versions: Iterable[VersionInfo], info: VersionInfo) -> bool:
    """Tell whether `challenger` is to be moved to a version: unless it points at a newer one."""
    return not any(CHALLENGER in v.aliases and v.order >= info.order for v in versions)
