"""Talks to MLflow: runs, files, versions, tags and aliases, each write on its own."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from ngm_assets.errors import RegistryError
from ngm_assets.models.registry.artifacts import write_artifacts
from ngm_assets.models.registry.quiet import quiet
from ngm_assets.models.registry.telling import (
    candidate_metrics,
    candidate_params,
    candidate_summary,
    dataset_inputs,
    model_description,
    model_tags,
)
from ngm_assets.models.registry.versions import CHALLENGER, STATUS, TRAINING_KEY, VersionInfo

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

    from ngm_assets.models.candidate import Candidate
    from ngm_assets.models.catalog.spec import ModelSpec

OPENING = ".lock"
CHANGING = ".changing.lock"


@contextmanager
def one_at_a_time(folder: Path | None, name: str) -> Iterator[None]:
    """Let one holder at a time into the block, among all threads and processes of this machine.

    The lock is a file below `folder`, let go by the system when its holder dies; without a
    folder, as with a server, there is no lock.
    """
    if folder is None:
        yield
        return
    import fcntl

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / name).open("w")
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES):
            raise
        yield  # nobody can change what cannot be written
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class MlflowStore:
    """MLflow through its client alone: no active run, no global tracking URI.

    Args:
        tracking_uri: For example sqlite:///path; the path may hold spaces.
        registry_uri: Where models are registered.
        artifact_root: Folder for the artifacts of a new experiment; None = the server's default.
        experiment: Name of the experiment all runs belong to.
        name_prefix: Put before model names in the registry.
    """

    def __init__(
        self,
        tracking_uri: str,
        registry_uri: str,
        artifact_root: Path | None,
        experiment: str,
        name_prefix: str,
    ) -> None:
        """Remember the addresses; nothing is contacted."""
        self._tracking_uri = tracking_uri
        self._registry_uri = registry_uri
        self._artifact_root = artifact_root
        self.experiment = experiment
        self._prefix = name_prefix
        self._client: MlflowClient | None = None

    @property
    def client(self) -> MlflowClient:
        """The MLflow client, made on first use."""
        return self.open()

    def open(self) -> MlflowClient:
        """Return the client; its notes on creating tables are silenced."""
        if self._client is None:
            with quiet(), one_at_a_time(self._artifact_root, OPENING):
                from mlflow import MlflowClient

                opened = MlflowClient(self._tracking_uri, self._registry_uri)
                opened.get_experiment_by_name(self.experiment)
                opened.search_registered_models(max_results=1)
                self._client = opened
        return self._client

    @property
    def tracking_uri(self) -> str:
        """Where runs are tracked."""
        return self._tracking_uri

    def changing(self) -> AbstractContextManager[None]:
        """Return the lock under which a local store is changed; a server has none."""
        self.open()  # outside of this lock, for it takes another
        return one_at_a_time(self._artifact_root, CHANGING)

    def experiment_id(self) -> str:
        """Return the experiment's id; create the experiment if it is not there."""
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(self.experiment)
        if found is None:
            root = self._artifact_root
            location = None if root is None else Path(root).absolute().as_uri()
            try:
                return str(self.client.create_experiment(self.experiment, location))
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
                found = self.client.get_experiment_by_name(self.experiment)
        if found is None:
            raise RegistryError(
                "The experiment can be neither read nor created.",
                where=self.experiment,
                mend="Restore it in MLflow if it was deleted.",
            )
        self._require_own_place(str(found.artifact_location))
        return str(found.experiment_id)

    def _require_own_place(self, location: str) -> None:
        """Refuse to write where a local store lay before it was moved or copied.

        Raises:
            RegistryError: New files would go to the former place.
        """
        if self._artifact_root is None or not location.startswith("file:"):
            return
        former = Path(unquote(urlparse(location).path))
        if former.resolve() != Path(self._artifact_root).resolve():
            raise RegistryError(
                "The home was moved or copied: new versions would go to its former place.",
                where=str(former),
                mend="Read, score and explain here, but train where the home was made or in a "
                "new home.",
            )

    def name(self, model: str) -> str:
        """Return the model's name in the registry."""
        return self._prefix + model

    def tag(self, info: VersionInfo, **tags: str) -> VersionInfo:
        """Set tags of a version, in the order given, a write each; return it with them."""
        for name, value in tags.items():
            self.client.set_model_version_tag(self.name(info.model), str(info.version), name, value)
        return replace(info, tags={**info.tags, **tags})

    def untag(self, info: VersionInfo, *names: str) -> VersionInfo:
        """Delete those of the tags a version has, in the order given; return it without them."""
        for name in names:
            if name in info.tags:
                self.client.delete_model_version_tag(self.name(info.model), str(info.version), name)
        left = {name: text for name, text in info.tags.items() if name not in names}
        return replace(info, tags=left)

    def alias(self, info: VersionInfo, alias: str) -> VersionInfo:
        """Point an alias at a version; return it with the alias."""
        self.client.set_registered_model_alias(self.name(info.model), alias, str(info.version))
        return replace(info, aliases=tuple(sorted({*info.aliases, alias})))

    def all_versions(self, model: str) -> tuple[VersionInfo, ...]:
        """Return every version, half-written ones included, ordered by number."""
        name = self.name(model)
        found: list[ModelVersion] = []
        token: str | None = None
        while True:
            page = self.client.search_model_versions(
                f"name='{name}'", max_results=1000, page_token=token
            )
            found += page
            token = page.token
            if not token:
                break
        if not found:
            return ()
        aliases = self.client.get_registered_model(name).aliases
        infos = [_info(model, version, aliases) for version in found if "as_of" in version.tags]
        return tuple(sorted(infos, key=lambda info: info.version))

    def child_run(
        self, candidate: Candidate, parent_run_id: str | None, tags: Mapping[str, str]
    ) -> Run:
        """Return the run of this training; create it under its parent if it is not there."""
        experiment = self.experiment_id()
        key = candidate.training_key
        found = self.client.search_runs(
            [experiment], f"tags.{TRAINING_KEY} = '{key}'", order_by=["attributes.start_time ASC"]
        )
        if found:
            return found[0]
        run_tags = dict(tags)
        if parent_run_id:
            run_tags["mlflow.parentRunId"] = parent_run_id
        return self.client.create_run(
            experiment, tags=run_tags, run_name=f"{candidate.spec.name} {candidate.as_of}"
        )

    def log(self, candidate: Candidate, run: Run) -> None:
        """Log parameters, metrics, data set and files; the run's start is the metrics' time."""
        from mlflow.entities import Metric, Param

        stamp = run.info.start_time
        self.client.log_batch(
            run.info.run_id,
            metrics=[Metric(k, v, stamp, 0) for k, v in candidate_metrics(candidate).items()],
            params=[Param(k, v) for k, v in candidate_params(candidate).items()],
        )
        self.client.log_inputs(run.info.run_id, datasets=dataset_inputs(candidate))
        with tempfile.TemporaryDirectory() as folder:
            files = Path(folder) / "files"
            write_artifacts(candidate, run.info.run_id, files)
            self.client.log_artifacts(run.info.run_id, str(files))
        self.client.set_terminated(run.info.run_id, "FINISHED")

    def describe(self, spec: ModelSpec) -> None:
        """Create the registered model, or bring its description and tags up to date."""
        from mlflow.exceptions import MlflowException

        name, text, tags = self.name(spec.name), model_description(spec), model_tags(spec)
        try:
            found = self.client.get_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            try:
                self.client.create_registered_model(name, tags=tags, description=text)
            except MlflowException as created:
                if created.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            return
        if found.description != text:
            self.client.update_registered_model(name, text)
        for tag, value in tags.items():
            if found.tags.get(tag) != value:
                self.client.set_registered_model_tag(name, tag, value)

    def create_version(
        self, candidate: Candidate, run: Run, tags: Mapping[str, str]
    ) -> VersionInfo:
        """Register a run whose files are all logged as a new version."""
        created = self.client.create_model_version(
            self.name(candidate.spec.name),
            source=f"{run.info.artifact_uri}/model",
            run_id=run.info.run_id,
            tags={**tags, STATUS: CHALLENGER},
            description=candidate_summary(candidate),
        )
        return _info(candidate.spec.name, created, {})

    def logged(self, run_id: str) -> tuple[dict[str, str], dict[str, float]]:
        """Return the parameters and metrics of a run."""
        data = self.client.get_run(run_id).data
        return dict(data.params), dict(data.metrics)

    def artifacts(self, run_id: str) -> Path:
        """Return a local folder with the run's files; local stores are read in place.

        A local store may have been moved or copied since: its own folder comes first.
        """
        if self._artifact_root is not None:
            moved = self._artifact_root / run_id / "artifacts"
            if moved.is_dir():
                return moved
        uri = self.client.get_run(run_id).info.artifact_uri
        parsed = urlparse(uri)
        if parsed.scheme == "file":
            return Path(unquote(parsed.path))
        if not parsed.scheme:
            return Path(uri)
        return Path(self.client.download_artifacts(run_id, ""))


def _info(model: str, version: ModelVersion, aliases: Mapping[str, Any]) -> VersionInfo:
    number, tags = int(version.version), dict(version.tags)
    return VersionInfo(
        model=model,
        version=number,
        run_id=str(version.run_id),
        as_of=date.fromisoformat(tags["as_of"]),
        trained_through=date.fromisoformat(tags["trained_through"]),
        tags=tags,
        aliases=tuple(sorted(name for name, v in aliases.items() if int(v) == number)),
    )
