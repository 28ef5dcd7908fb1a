"""Talks to MLflow: runs, files, versions, tags and aliases, each write on its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from ngm_assets.models.registry import workspace
from ngm_assets.models.registry.artifacts import write_artifacts
from ngm_assets.models.registry.downloads import Downloads
from ngm_assets.models.registry.experiments import experiment_id, require_database
from ngm_assets.models.registry.limits import packed, taken, unpacked
from ngm_assets.models.registry.locks import CHANGING, OPENING, one_at_a_time
from ngm_assets.models.registry.quiet import quiet
from ngm_assets.models.registry.refusals import EXISTS, MISSING, code_of, explained
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

READY = "READY"
AT_ONCE = 8
"""Versions fetched at the same time from a registry whose search leaves out tags."""


class MlflowStore:
    """MLflow through its client alone: no active run, no global tracking URI.

    A local store and Databricks are used in the same way. Unity Catalog's search gives neither
    tags nor aliases, so there each version is fetched by itself; its versions that were begun and
    never became READY are nobody's. Requests are repeated by MLflow, as its variables say:
    MLFLOW_HTTP_REQUEST_MAX_RETRIES, MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR, MLFLOW_HTTP_REQUEST_TIMEOUT
    and MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT.

    Args:
        tracking_uri: For example sqlite:///path, whose path may hold spaces, or databricks.
        registry_uri: Where models are registered, for example databricks-uc.
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
        self._experiment_id: str | None = None
        self._downloads = Downloads()

    @property
    def client(self) -> MlflowClient:
        """The MLflow client, made on first use."""
        return self.open()

    def open(self) -> MlflowClient:
        """Return the client; a local store's tables are made, and the notes on it silenced."""
        if self._client is None:
            require_database(self._tracking_uri, self._artifact_root)
            where = self._tracking_uri
            with quiet(), one_at_a_time(self._artifact_root, OPENING), explained(where):
                from mlflow import MlflowClient

                opened = MlflowClient(self._tracking_uri, self._registry_uri)
                if self._artifact_root is not None:
                    opened.get_experiment_by_name(self.experiment)
                    opened.search_registered_models(max_results=1)
                self._client = opened
        return self._client

    @property
    def local(self) -> bool:
        """Whether runs, versions and files lie on this machine."""
        return self._artifact_root is not None

    @property
    def tracking_uri(self) -> str:
        """Where runs are tracked."""
        return self._tracking_uri

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lock under which a local store is changed; a server has none."""
        self.open()  # outside of this lock, for it takes another
        with one_at_a_time(self._artifact_root, CHANGING), explained(self.name("...")):
            yield

    def experiment_id(self) -> str:
        """Return the experiment's id; create the experiment if it is not there.

        Raises:
            RegistryError: It may not be read or created, or new files would go elsewhere.
        """
        if self._experiment_id is None:
            self._experiment_id = experiment_id(
                self.client, self.experiment, self._tracking_uri, self._artifact_root
            )
        return self._experiment_id

    def name(self, model: str) -> str:
        """Return the model's name in the registry."""
        return self._prefix + model

    def tag(self, info: VersionInfo, **tags: str) -> VersionInfo:
        """Set tags of a version, in the order given, a write each; return it with them.

        What is too long for a registry is cut.
        """
        tags = taken(tags)
        for name, value in tags.items():
            self.client.set_model_version_tag(self.name(info.model), str(info.version), name, value)
        return replace(info, tags={**info.tags, **tags})

    def untag(self, info: VersionInfo, *names: str) -> VersionInfo:
        """Delete those of the tags a version has, in the order given; return it without them."""
        for name in names:
            if name in info.tags:
                self._delete_tag(self.name(info.model), str(info.version), name)
        left = {name: text for name, text in info.tags.items() if name not in names}
        return replace(info, tags=left)

    def _delete_tag(self, model: str, version: str, name: str) -> None:
        """Delete a tag, which may be gone already when the answer to the deletion was lost."""
        try:
            self.client.delete_model_version_tag(model, version, name)
        except Exception as error:
            if code_of(error) not in MISSING:
                raise

    def alias(self, info: VersionInfo, alias: str) -> VersionInfo:
        """Point an alias at a version; return it with the alias."""
        self.client.set_registered_model_alias(self.name(info.model), alias, str(info.version))
        return replace(info, aliases=tuple(sorted({*info.aliases, alias})))

    def all_versions(self, model: str) -> tuple[VersionInfo, ...]:
        """Return every version, half-written ones included, ordered by number.

        Raises:
            RegistryError: The registry may not be read.
        """
        name = self.name(model)
        with explained(name):
            found = self._with_tags([v for v in self._search(name) if v.status == READY])
            aliases = self.client.get_registered_model(name).aliases if found else {}
        infos = [_info(model, version, aliases) for version in found if "as_of" in version.tags]
        return tuple(sorted(infos, key=lambda info: info.version))

    def _search(self, name: str) -> list[ModelVersion]:
        """Return the versions of a registered model; none if there is no such model."""
        found: list[ModelVersion] = []
        token: str | None = None
        while True:
            try:
                page = self.client.search_model_versions(
                    f"name='{name}'", max_results=1000, page_token=token
                )
            except Exception as error:
                if code_of(error) not in MISSING:
                    raise
                return []
            found += page
            token = page.token
            if not token:
                return found

    def _with_tags(self, found: list[ModelVersion]) -> list[ModelVersion]:
        """Return versions with their tags, which Unity Catalog's search leaves out."""
        if not found or not workspace.is_unity(self._registry_uri):
            return found
        client = self.client
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda v: client.get_model_version(v.name, v.version), found))

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
        catalog = self._prefix.partition(".")[0]
        self.client.log_inputs(run.info.run_id, datasets=dataset_inputs(candidate, catalog))
        with tempfile.TemporaryDirectory() as folder:
            files = Path(folder) / "files"
            write_artifacts(candidate, run.info.run_id, files)
            self.client.log_artifacts(run.info.run_id, str(files))
        self.client.set_terminated(run.info.run_id, "FINISHED")

    def describe(self, spec: ModelSpec) -> None:
        """Create the registered model, or bring its description and tags up to date."""
        name, text, tags = self.name(spec.name), model_description(spec), taken(model_tags(spec))
        try:
            found = self.client.get_registered_model(name)
        except Exception as error:
            if code_of(error) not in MISSING:
                raise
            try:
                self.client.create_registered_model(name, tags=tags, description=text)
            except Exception as created:
                if code_of(created) not in EXISTS:
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
            tags=packed({**tags, STATUS: CHALLENGER}),
            description=candidate_summary(candidate),
        )
        return _info(candidate.spec.name, created, {})

    def logged(self, run_id: str) -> tuple[dict[str, str], dict[str, float]]:
        """Return the parameters and metrics of a run."""
        data = self.client.get_run(run_id).data
        return dict(data.params), dict(data.metrics)

    def artifacts(self, run_id: str) -> Path:
        """Return a local folder with the run's files.

        Local stores are read in place; one may have been moved or copied since, so its own folder
        comes first. From a server they are fetched once per store.
        """
        if self._artifact_root is not None:
            moved = self._artifact_root / run_id / "artifacts"
            if moved.is_dir():
                return moved
        if workspace.is_workspace(self._tracking_uri):
            return self._downloads.folder(run_id, self._fetch)
        uri = self.client.get_run(run_id).info.artifact_uri
        parsed = urlparse(uri)
        if parsed.scheme == "file":
            return Path(unquote(parsed.path))
        if not parsed.scheme:
            return Path(uri)
        return self._downloads.folder(run_id, self._fetch)

    def _fetch(self, run_id: str, folder: Path) -> None:
        with explained(f"the files of run {run_id}"):
            self.client.download_artifacts(run_id, "", str(folder))


def _info(model: str, version: ModelVersion, aliases: Mapping[str, Any]) -> VersionInfo:
    number, tags = int(version.version), unpacked(version.tags)
    return VersionInfo(
        model=model,
        version=number,
        run_id=str(version.run_id),
        as_of=date.fromisoformat(tags["as_of"]),
        trained_through=date.fromisoformat(tags["trained_through"]),
        tags=tags,
        aliases=tuple(sorted(name for name, v in aliases.items() if int(v) == number)),
    )
