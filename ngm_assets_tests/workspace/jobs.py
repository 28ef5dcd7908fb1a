"""The jobs and clusters interface: one-time runs of a Python file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from databricks.sdk.service.compute import ClustersAPI
from databricks.sdk.service.jobs import JobsAPI

from ngm_assets_tests.workspace.cluster import Cluster, Task
from ngm_assets_tests.workspace.dbfs import Dbfs
from ngm_assets_tests.workspace.http import Entry, Request, Response, invalid, malformed, missing
from ngm_assets_tests.workspace.runs import ENDED, Run, keep_logs, page

FRONT = "/api/2.2/jobs/runs"
SINGLE_USER = {"SINGLE_USER", "DATA_SECURITY_MODE_DEDICATED", "DATA_SECURITY_MODE_AUTO"}
SHARED = {"USER_ISOLATION", "DATA_SECURITY_MODE_STANDARD"}


class Jobs:
    """Submits runs, tells their states, and knows the clusters they run on.

    Args:
        cluster: Where tasks run.
        dbfs: DBFS, for programs, their files and logs.
        volumes: Folder of the volumes.
        host: Gives the address of the workspace.

    Attributes:
        clusters: What `clusters/get` tells by cluster id; tests add clusters that exist already.
        runs: All runs by id.
    """

    def __init__(
        self, cluster: Cluster, dbfs: Dbfs, volumes: Path, host: Callable[[], str]
    ) -> None:
        self._cluster, self._dbfs, self._volumes, self._host = cluster, dbfs, volumes, host
        self._lock = Lock()
        self.clusters: dict[str, dict[str, Any]] = {}
        self.runs: dict[int, Run] = {}
        self._tokens: dict[str, int] = {}

    def routes(self) -> Iterable[Entry]:
        """Return the routes."""
        yield "POST", f"{FRONT}/submit", self._submit
        yield "GET", f"{FRONT}/get", self._get
        yield "GET", f"{FRONT}/get-output", self._output
        yield "POST", f"{FRONT}/cancel", self._cancel
        yield "GET", f"{FRONT}/list", self._list
        yield "GET", "/api/2.1/clusters/get", self._cluster_get
        yield "GET", "/api/2.1/clusters/list", self._cluster_list
        yield "GET", "/run/{run_id}", self._page

    def close(self) -> None:
        """End all runs, and the cluster."""
        for run in self.runs.values():
            run.cancel()
        for run in self.runs.values():
            run.done.wait(60)
        self._cluster.close()

    def add_cluster(self, cluster_id: str, **told: Any) -> None:
        """Add an all-purpose cluster; by default a dedicated one."""
        usual = {
            "cluster_id": cluster_id,
            "cluster_name": cluster_id,
            "state": "RUNNING",
            "spark_version": "17.3.x-scala2.13",
            "data_security_mode": "SINGLE_USER",
            "cluster_source": "UI",
        }
        self.clusters[cluster_id] = {**usual, **told}

    def _submit(self, request: Request) -> Response:
        sent = request.of(JobsAPI.submit)
        token = sent.get("idempotency_token")
        if token is not None and len(token) > 64:
            raise invalid("The idempotency token must have at most 64 characters.")
        _check_task(sent, self.clusters)
        with self._lock:
            if token is None or token not in self._tokens:
                made = self._make(sent)
                if token is not None:
                    self._tokens[token] = made.run_id
                Thread(target=made.execute, args=(self._cluster, self._ended), daemon=True).start()
                return Response(200, {"run_id": made.run_id})
            return Response(200, {"run_id": self._tokens[token]})

    def _make(self, sent: dict[str, Any]) -> Run:
        (task,) = sent["tasks"]
        run_id = 2 * len(self.runs) + 1
        cluster_id = task.get("existing_cluster_id")
        if "new_cluster" in task:
            cluster_id = f"1121-{run_id:06d}-emulated"
            told = {"cluster_id": cluster_id, "state": "PENDING", "cluster_source": "JOB"}
            self.clusters[cluster_id] = {**task["new_cluster"], **told}
        made = Run(
            run_id,
            run_id + 1,
            sent,
            self._task(sent, f"run-{run_id}", self.clusters.get(cluster_id or "")),
            self._cluster.take_plan(),
            cluster_id,
            self._host(),
        )
        self.runs[run_id] = made
        return made

    def _task(self, sent: dict[str, Any], name: str, cluster: dict[str, Any] | None) -> Task:
        (task,) = sent["tasks"]
        program = task["spark_python_task"]
        mode = "" if cluster is None else cluster.get("data_security_mode", "")
        mounts = {"/Volumes": self._volumes}
        if mode not in SHARED and cluster is not None:
            mounts["/dbfs"] = self._dbfs.root
        return Task(
            name=name,
            python_file=self._file(program["python_file"]),
            parameters=program.get("parameters", []),
            mounts=mounts,
            environment={} if cluster is None else cluster.get("spark_env_vars", {}),
            spark_conf={} if cluster is None else cluster.get("spark_conf", {}),
            context=cluster is not None and mode not in SHARED,
            serverless=cluster is None,
            own_cluster=cluster is None or cluster["cluster_source"] == "JOB",
            unity=cluster is None or mode in SINGLE_USER | SHARED,
            runtime=_runtime(sent, task, cluster),
        )

    def _file(self, path: str) -> Path:
        if path.startswith("/Volumes/"):
            return self._volumes / path.removeprefix("/Volumes/")
        return self._dbfs.file(path)

    def _ended(self, run: Run) -> None:
        if run.cluster_id is None:
            return
        cluster = self.clusters[run.cluster_id]
        if cluster["cluster_source"] == "JOB":
            cluster["state"] = "TERMINATED"
        logs = cluster.get("cluster_log_conf", {}).get("dbfs", {}).get("destination")
        if logs:
            keep_logs(run, self._dbfs.file(logs) / run.cluster_id / "driver")

    def _get(self, request: Request) -> Response:
        return Response(200, self._found(request.of(JobsAPI.get_run)["run_id"]).told())

    def _output(self, request: Request) -> Response:
        run_id = request.of(JobsAPI.get_run_output)["run_id"]
        if run_id in self.runs:
            text = "Retrieving the output of runs with multiple tasks is not supported"
            raise invalid(f"{text}; ask for the output of the task run.")
        run = self._found(run_id)
        logs = "".join(run.output().values())
        told: dict[str, Any] = {"metadata": run.told(), "logs": logs, "logs_truncated": False}
        if run.error:
            told |= {"error": run.error, "error_trace": run.trace}
        return Response(200, told)

    def _cancel(self, request: Request) -> Response:
        sent = request.of(JobsAPI.cancel_run)
        run = self._found(sent["run_id"])
        if run.state()["life_cycle_state"] not in ENDED:
            run.cancel()
        return Response()

    def _list(self, request: Request) -> Response:
        sent = request.of(JobsAPI.list_runs)
        told = [run.told() for run in reversed(self.runs.values())]
        if sent.get("active_only"):
            told = [run for run in told if run["state"]["life_cycle_state"] not in ENDED]
        if sent.get("completed_only"):
            told = [run for run in told if run["state"]["life_cycle_state"] in ENDED]
        return Response(200, {"runs": told, "has_more": False})

    def _cluster_get(self, request: Request) -> Response:
        cluster_id = request.of(ClustersAPI.get)["cluster_id"]
        if cluster_id not in self.clusters:
            raise invalid(f"Cluster {cluster_id} does not exist")
        return Response(200, self.clusters[cluster_id])

    def _cluster_list(self, request: Request) -> Response:
        return Response(200, {"clusters": list(self.clusters.values())})

    def _page(self, request: Request) -> Response:
        name = request.parts["run_id"]
        if not name.isdigit() or int(name) not in self.runs:
            raise missing(f"There is no run {name}.")
        text = page(self.runs[int(name)]).encode()
        return Response(200, text, {"Content-Type": "text/plain; charset=utf-8"})

    def _found(self, run_id: int) -> Run:
        run = self.runs.get(run_id) or self.runs.get(run_id - 1)
        if run is None:
            raise invalid(f"Run {run_id} does not exist.")
        return run


def _runtime(sent: dict[str, Any], task: dict[str, Any], cluster: dict[str, Any] | None) -> str:
    """Return what `DATABRICKS_RUNTIME_VERSION` says."""
    if cluster is not None:
        return ".".join(cluster["spark_version"].split(".")[:2])
    named = {one["environment_key"]: one.get("spec", {}) for one in sent["environments"]}
    spec = named[task["environment_key"]]
    return f"client.{spec.get('environment_version') or spec.get('client')}.0"


def _check_task(sent: dict[str, Any], clusters: dict[str, dict[str, Any]]) -> None:
    tasks = sent.get("tasks", [])
    if len(tasks) != 1:
        raise malformed("The emulation runs one task per run.")
    (task,) = tasks
    if "spark_python_task" not in task:
        raise malformed("The emulation runs spark_python_task only.")
    computes = {"existing_cluster_id", "new_cluster", "environment_key", "job_cluster_key"}
    given = sorted(computes & set(task))
    if len(given) != 1 or given == ["job_cluster_key"]:
        raise invalid(f"A task needs exactly one of the computes, found: {given}")
    if "environment_key" in task:
        _check_serverless(sent, task)
    elif not task["spark_python_task"]["python_file"].startswith(("dbfs:/", "/Volumes/")):
        raise invalid("Only python files in DBFS and volumes are supported.")
    if task.get("existing_cluster_id", None) not in (None, *clusters):
        raise invalid(f"Cluster {task['existing_cluster_id']} does not exist")
    if "new_cluster" in task:
        _check_cluster(task["new_cluster"])


def _check_serverless(sent: dict[str, Any], task: dict[str, Any]) -> None:
    known = [one["environment_key"] for one in sent.get("environments", [])]
    if task["environment_key"] not in known:
        raise invalid(f"The environment key {task['environment_key']} is not among {known}.")
    if task.get("libraries"):
        raise invalid("Libraries field is not supported for serverless task.")
    if not task["spark_python_task"]["python_file"].startswith("/Volumes/"):
        raise invalid("Serverless compute runs python files of volumes; DBFS is not supported.")


def _check_cluster(cluster: dict[str, Any]) -> None:
    missing_fields = [name for name in ("spark_version",) if not cluster.get(name)]
    if not {"node_type_id", "instance_pool_id"} & set(cluster):
        missing_fields.append("node_type_id")
    if not {"num_workers", "autoscale"} & set(cluster):
        missing_fields.append("num_workers")
    if missing_fields:
        raise invalid(f"Cluster validation error: Missing required field: {missing_fields}")
    master = cluster.get("spark_conf", {}).get("spark.master", "")
    single = cluster.get("is_single_node") or master.startswith("local[")
    if cluster.get("num_workers") == 0 and not single:
        text = "a cluster without workers needs spark.master local[*] and the singleNode profile"
        raise invalid(f"Cluster validation error: {text}")
