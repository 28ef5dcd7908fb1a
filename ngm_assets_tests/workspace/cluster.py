"""Compute of the emulated workspace: one JVM with a real Spark, and a process for every task."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from ngm_assets_tests.workspace.image import build_image

HERE = Path(__file__).parent
PATIENCE = 20
SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "10000",
    "spark.sql.session.timeZone": "America/New_York",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.adaptive.enabled": "false",
    "spark.python.worker.reuse": "false",
    "spark.log.level": "OFF",
}
"""Small, soon warm, and away from UTC: what is not pinned shows. Workers are new for every task."""


@dataclass(frozen=True)
class Plan:
    """What goes wrong with a run; see `Cluster.next_run`."""

    slow_start: float = 0
    fail: str | None = None
    cancel: bool = False
    crash: bool = False


@dataclass(frozen=True)
class Task:
    """What a process is to run.

    Attributes:
        name: Name of the run; also of its folder and of its Spark jobs.
        python_file: The program, as a file that is there.
        parameters: Its arguments.
        mounts: Folder by what paths of the program start with, such as `/dbfs`.
        environment: Environment variables the cluster is made with.
        spark_conf: Spark settings the cluster is made with.
        context: Whether the program is given `sc`.
        serverless: Whether Spark refuses what serverless compute refuses.
        unity: Whether Unity Catalog is there.
        own_cluster: Whether no other run shares its Spark.
        runtime: Version of the runtime.
    """

    name: str
    python_file: Path
    parameters: list[str]
    mounts: Mapping[str, Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    spark_conf: Mapping[str, str] = field(default_factory=dict)
    context: bool = True
    serverless: bool = False
    unity: bool = True
    own_cluster: bool = True
    runtime: str = "17.3"


class TaskProcess:
    """A task that runs in a process group of its own, in an empty folder."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process, self.folder = process, folder

    def wait(self, seconds: float | None) -> int | None:
        """Wait for its end; return the exit code, negative for a signal, None = still running."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End the process and those it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        if self.process.stdin is not None:
            self.process.stdin.close()

    def output(self, name: str) -> str:
        """Return `stdout` or `stderr` so far."""
        return self.folder.joinpath(name).read_text(encoding="utf-8", errors="replace")

    def failure(self) -> tuple[str, str]:
        """Return what the program raised, short and with traceback; empty when it told nothing."""
        file = self.folder / "failure.json"
        if not file.is_file():
            return "", ""
        told = json.loads(file.read_text(encoding="utf-8"))
        return told["error"], told["trace"]


class Cluster:
    """One warm JVM, started when the first task needs it, and the processes of tasks.

    Args:
        root: Folder of the JVM and of tasks.
        tables: Folder of the tables of the emulated Unity Catalog.
        raw: Folder of Parquet files by full name of a system table; tests may add to it.
        secrets: Secrets by scope and key; tests may add to it.
    """

    def __init__(
        self,
        root: Path,
        tables: Path,
        raw: dict[str, Path],
        secrets: dict[str, dict[str, str]],
    ) -> None:
        self.root, self.tables, self.raw, self.secrets = root, tables, raw, secrets
        self._plans: deque[Plan] = deque()
        self._lock = Lock()
        self._holder: subprocess.Popen[str] | None = None
        self._address: tuple[int, str] = (0, "")
        self._running: list[TaskProcess] = []
        self._closed = False

    def next_run(
        self,
        *,
        slow_start: float = 0,
        fail: str | None = None,
        cancel: bool = False,
        crash: bool = False,
    ) -> None:
        """Plan what goes wrong with the next run that is submitted; calls add up in a queue.

        Args:
            slow_start: Seconds it stays PENDING.
            fail: The cluster does not start, for this reason; nothing runs.
            cancel: Somebody cancels it as soon as it is RUNNING.
            crash: Its process dies before the program's first line.
        """
        self._plans.append(Plan(slow_start, fail, cancel, crash))

    def take_plan(self) -> Plan:
        """Return the plan of a run that is being submitted."""
        return self._plans.popleft() if self._plans else Plan()

    def start(self, task: Task, *, crash: bool = False) -> TaskProcess:
        """Start a task's process."""
        port, secret = self._gateway()
        folder = self.root / "tasks" / task.name
        for name in ("home", "tmp", "work"):
            folder.joinpath(name).mkdir(parents=True)
        environment = {
            **self._environment(folder),
            "PYSPARK_GATEWAY_PORT": str(port),
            "PYSPARK_GATEWAY_SECRET": secret,
            "DATABRICKS_RUNTIME_VERSION": task.runtime,
            **({"IS_SERVERLESS": "TRUE"} if task.serverless else {}),
            **{name: self._resolved(value) for name, value in task.environment.items()},
        }
        with self._lock:
            if self._closed:
                raise RuntimeError("The workspace is closed.")
            with (
                folder.joinpath("stdout").open("w") as out,
                folder.joinpath("stderr").open("w") as err,
            ):
                process = subprocess.Popen(
                    [self._python(), "-P", HERE / "runtime.py"],
                    stdin=subprocess.PIPE,
                    stdout=out,
                    stderr=err,
                    env=environment,
                    cwd=folder / "work",
                    text=True,
                    start_new_session=True,
                )
            made = TaskProcess(process, folder)
            self._running.append(made)
        _tell(process, self._told(task, folder, crash=crash))
        return made

    def ended(self, process: TaskProcess, name: str) -> None:
        """End a task: its process group, and its Spark jobs."""
        process.kill()
        with self._lock:
            self._running.remove(process)
            holder = self._holder
        if holder is not None and holder.poll() is None:
            _tell(holder, name)

    def close(self) -> None:
        """End all tasks and the JVM."""
        with self._lock:
            self._closed = True
            running, holder = list(self._running), self._holder
        for process in running:
            process.kill()
        if holder is None:
            return
        if holder.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                holder.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            holder.wait(PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(holder.pid, signal.SIGKILL)
        holder.wait(PATIENCE)
        if holder.stdout is not None:
            holder.stdout.close()

    def _told(self, task: Task, folder: Path, *, crash: bool) -> str:
        told = {
            "name": task.name,
            "python_file": str(task.python_file),
            "parameters": task.parameters,
            "mounts": {front: str(place) for front, place in task.mounts.items()},
            "spark_conf": dict(task.spark_conf),
            "context": task.context,
            "serverless": task.serverless,
            "tables": str(self.tables) if task.unity else None,
            "raw": {name: str(place) for name, place in self.raw.items()},
            "secrets": self.secrets,
            "failure": str(folder / "failure.json"),
            "own_cluster": task.own_cluster,
            "crash": crash,
        }
        return json.dumps(told)

    def _resolved(self, value: str) -> str:
        if not (value.startswith("{{secrets/") and value.endswith("}}")):
            return value
        scope, _, key = value[len("{{secrets/") : -2].partition("/")
        return self.secrets[scope][key]

    def _gateway(self) -> tuple[int, str]:
        with self._lock:
            if self._holder is None or self._holder.poll() is not None:
                self._holder = self._hold()
            return self._address

    def _hold(self) -> subprocess.Popen[str]:
        folder = self.root / "cluster"
        for name in ("home", "tmp", "work"):
            folder.joinpath(name).mkdir(parents=True, exist_ok=True)
        python = self._python()
        if not python.exists():
            build_image(python.parent.parent)
        with folder.joinpath("log").open("a") as log:
            holder = subprocess.Popen(
                [python, "-P", HERE / "gateway.py"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment(folder),
                cwd=folder / "work",
                text=True,
                start_new_session=True,
            )
        places = {
            "spark.local.dir": str(folder / "local"),
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
        }
        _tell(holder, json.dumps({**SETTINGS, **places}))
        answer = holder.stdout.readline() if holder.stdout is not None else ""
        if not answer:
            told = folder.joinpath("log").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"The emulated cluster does not start:\n{told}")
        port, secret = json.loads(answer)
        self._address = (port, secret)
        return holder

    def _environment(self, folder: Path) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ}
        return {
            **kept,
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "LANG": "C.UTF-8",
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": str(self._python()),
        }

    def _python(self) -> Path:
        return self.root / "python" / "bin" / "python"


def _tell(process: subprocess.Popen[str], line: str) -> None:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(line + "\n")
            process.stdin.flush()
