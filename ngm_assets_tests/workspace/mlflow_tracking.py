"""MLflow tracking as a workspace offers it, kept by MLflow's own store in a database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from threading import RLock
from typing import Any

from ngm_assets_tests.workspace.http import ApiError, Entry, Request, Response, invalid, missing
from ngm_assets_tests.workspace.mlflow_messages import answer, received, refused
from ngm_assets_tests.workspace.mlflow_storage import Storage

FRONT = "/api/2.0/mlflow"
ARTIFACTS = "dbfs:/databricks/mlflow-tracking"
MAX_TAG = 5000
WORKSPACE_ID = "4711"


class Tracking:
    """Experiments and runs; where Databricks differs from MLflow's own server, as Databricks.

    Experiments are named by paths of the workspace and lie in folders that exist; files of runs
    are reached through the Files API, or through URLs signed for them.

    Args:
        root: Folder of the database.
        storage: Where runs keep their files.
        folders: Folders of the workspace.
    """

    def __init__(self, root: Path, storage: Storage, folders: set[str]) -> None:
        self._root, self._storage, self._folders = root, storage, folders
        self._lock = RLock()
        self._opened: Any = None

    @property
    def store(self) -> Any:
        """MLflow's store, made on first use, for that takes seconds."""
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        if self._opened is None:
            self._root.mkdir(parents=True, exist_ok=True)
            database = f"sqlite:///{self._root / 'tracking.db'}"
            made: Any = SqlAlchemyStore
            self._opened = made(database, str(self._root / "unused"))
        return self._opened

    def close(self) -> None:
        """Let go of the database."""
        if self._opened is not None:
            self._opened._dispose_engine()

    def routes(self) -> Iterable[Entry]:
        """Return the routes."""
        from mlflow.protos import databricks_artifacts_pb2 as files
        from mlflow.protos import service_pb2 as service

        found: tuple[tuple[str, str, Any, Callable[[Any, Any], object]], ...] = (
            ("POST", "/experiments/create", service.CreateExperiment, self._create_experiment),
            ("GET", "/experiments/get", service.GetExperiment, self._experiment),
            ("GET", "/experiments/get-by-name", service.GetExperimentByName, self._by_name),
            ("POST", "/runs/create", service.CreateRun, self._create_run),
            ("POST", "/runs/update", service.UpdateRun, self._update_run),
            ("GET", "/runs/get", service.GetRun, self._run),
            ("POST", "/runs/search", service.SearchRuns, self._search),
            ("POST", "/runs/log-batch", service.LogBatch, self._log_batch),
            ("POST", "/runs/log-metric", service.LogMetric, self._log_metric),
            ("POST", "/runs/log-inputs", service.LogInputs, self._log_inputs),
            ("POST", "/runs/set-tag", service.SetTag, self._set_tag),
            ("GET", "/artifacts/list", service.ListArtifacts, self._list),
            (
                "POST",
                "/artifacts/credentials-for-read",
                files.GetCredentialsForRead,
                partial(self._credentials, "GET"),
            ),
            (
                "POST",
                "/artifacts/credentials-for-write",
                files.GetCredentialsForWrite,
                partial(self._credentials, "PUT"),
            ),
        )
        for method, path, kind, act in found:
            yield method, FRONT + path, partial(self._serve, kind, act)

    def _serve(self, kind: Any, act: Callable[[Any, Any], object], request: Request) -> Response:
        from mlflow.exceptions import MlflowException

        sent, reply = received(request, kind()), kind.Response()
        with self._lock:
            try:
                act(sent, reply)
            except MlflowException as error:
                raise refused(error) from None
        return replace(answer(reply), headers={"x-databricks-org-id": WORKSPACE_ID})

    def _create_experiment(self, sent: Any, reply: Any) -> None:
        if not sent.name.startswith("/"):
            raise invalid(
                f"Got an invalid experiment name '{sent.name}'. An experiment name must be an "
                "absolute path within the Databricks workspace."
            )
        parent = str(PurePosixPath(sent.name).parent)
        if parent not in self._folders:
            raise missing(f"Parent directory {parent} does not exist.")
        if self.store.get_experiment_by_name(sent.name) is not None:
            raise ApiError(400, "RESOURCE_ALREADY_EXISTS", f"Node named '{sent.name}' exists")
        reply.experiment_id = self.store.create_experiment(sent.name, ARTIFACTS)

    def _experiment(self, sent: Any, reply: Any) -> None:
        self._show(self.store.get_experiment(sent.experiment_id), reply)

    def _by_name(self, sent: Any, reply: Any) -> None:
        found = self.store.get_experiment_by_name(sent.experiment_name)
        if found is None:
            raise missing(f"Node {sent.experiment_name} does not exist.")
        self._show(found, reply)

    def _show(self, found: Any, reply: Any) -> None:
        reply.experiment.MergeFrom(found.to_proto())
        reply.experiment.artifact_location = f"{ARTIFACTS}/{found.experiment_id}"

    def _create_run(self, sent: Any, reply: Any) -> None:
        from mlflow.entities import RunTag

        tags = [RunTag.from_proto(tag) for tag in sent.tags]
        _require_short(tags)
        run = self.store.create_run(
            sent.experiment_id, "somebody@example.com", sent.start_time, tags, sent.run_name
        )
        reply.run.MergeFrom(_shown(run))

    def _update_run(self, sent: Any, reply: Any) -> None:
        from mlflow.entities import RunStatus

        status = RunStatus.to_string(sent.status) if sent.HasField("status") else None
        ended = sent.end_time if sent.HasField("end_time") else None
        info = self.store.update_run_info(
            sent.run_id,
            None if status is None else RunStatus.from_string(status),
            ended,
            sent.run_name or None,
        )
        reply.run_info.MergeFrom(info.to_proto())

    def _run(self, sent: Any, reply: Any) -> None:
        reply.run.MergeFrom(_shown(self.store.get_run(sent.run_id or sent.run_uuid)))

    def _search(self, sent: Any, reply: Any) -> None:
        from mlflow.entities import ViewType

        page = self.store.search_runs(
            list(sent.experiment_ids),
            sent.filter,
            ViewType.ACTIVE_ONLY,
            min(sent.max_results or 1000, 1000),
            list(sent.order_by),
            sent.page_token or None,
        )
        reply.runs.extend(_shown(run) for run in page)
        if page.token:
            reply.next_page_token = page.token

    def _log_batch(self, sent: Any, reply: Any) -> None:
        from mlflow.entities import Metric, Param, RunTag

        if len(sent.metrics) > 1000 or len(sent.params) > 100 or len(sent.tags) > 100:
            raise invalid("A batch has at most 1000 metrics, 100 params and 100 tags.")
        tags = [RunTag.from_proto(tag) for tag in sent.tags]
        _require_short(tags)
        metrics = [Metric.from_proto(metric) for metric in sent.metrics]
        params = [Param.from_proto(param) for param in sent.params]
        self.store.log_batch(sent.run_id, metrics, params, tags)

    def _log_metric(self, sent: Any, reply: Any) -> None:
        from mlflow.entities import Metric

        metric = Metric(sent.key, sent.value, sent.timestamp, sent.step)
        self.store.log_metric(sent.run_id or sent.run_uuid, metric)

    def _log_inputs(self, sent: Any, reply: Any) -> None:
        from mlflow.entities import DatasetInput

        self.store.log_inputs(sent.run_id, [DatasetInput.from_proto(d) for d in sent.datasets])

    def _set_tag(self, sent: Any, reply: Any) -> None:
        from mlflow.entities import RunTag

        _require_short([RunTag(sent.key, sent.value)])
        self.store.set_tag(sent.run_id or sent.run_uuid, RunTag(sent.key, sent.value))

    def _list(self, sent: Any, reply: Any) -> None:
        root = self._root_of(sent.run_id or sent.run_uuid)
        reply.root_uri = _shown(self.store.get_run(sent.run_id or sent.run_uuid)).info.artifact_uri
        path = f"{root}/{sent.path}".rstrip("/")
        if not self._storage.place(path).is_dir():
            return
        for entry in self._storage.listed(path):
            relative = str(entry["path"]).removeprefix(f"{root}/")
            size = entry.get("file_size", 0)
            reply.files.add(path=relative, is_dir=entry["is_directory"], file_size=size)

    def _credentials(self, method: str, sent: Any, reply: Any) -> None:
        from mlflow.protos.databricks_artifacts_pb2 import ArtifactCredentialType

        root = self._root_of(sent.run_id)
        for path in sent.path:
            reply.credential_infos.add(
                run_id=sent.run_id,
                path=path,
                signed_uri=self._storage.sign(method, f"{root}/{path}"),
                type=ArtifactCredentialType.Value("AWS_PRESIGNED_URL"),
            )

    def _root_of(self, run_id: str) -> str:
        """Return the folder of a run's files as the Files API names it."""
        experiment = self.store.get_run(run_id).info.experiment_id
        return f"/WorkspaceInternal/Mlflow/Artifacts/{experiment}/Runs/{run_id}/artifacts"


def _shown(run: Any) -> Any:
    """Return a run as the workspace shows it, its files in the workspace's own storage."""
    found = run.to_proto()
    place = f"{ARTIFACTS}/{run.info.experiment_id}/{run.info.run_id}/artifacts"
    found.info.artifact_uri = place
    return found


def _require_short(tags: Iterable[Any]) -> None:
    for tag in tags:
        if len(tag.value) > MAX_TAG:
            raise invalid(f"Tag value of {tag.key} is longer than {MAX_TAG} characters.")
