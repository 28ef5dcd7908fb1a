"""A run of the emulated workspace: its states, and the process behind it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Any

from ngm_assets_tests.workspace.cluster import Cluster, Plan, Task, TaskProcess

ENDED = {"TERMINATED", "INTERNAL_ERROR", "SKIPPED"}
LOOK = 0.05


@dataclass
class Run:
    """A submitted run with its one task.

    Attributes:
        run_id: Of the run.
        task_run_id: Of its task.
        sent: The request that made it.
        task: What its process runs.
        plan: What goes wrong.
        cluster_id: The cluster; None on serverless compute.
        host: Address of the workspace.
        python_file: Where the program must be when it starts.
    """

    run_id: int
    task_run_id: int
    sent: dict[str, Any]
    task: Task
    plan: Plan
    cluster_id: str | None
    host: str
    started: float = field(default_factory=time.time)
    ended: float = 0
    life_cycle: str = "PENDING"
    result: str | None = None
    message: str = ""
    error: str = ""
    trace: str = ""
    process: TaskProcess | None = None
    stopped: Event = field(default_factory=Event)
    done: Event = field(default_factory=Event)
    stop_result: str = "CANCELED"
    lock: Lock = field(default_factory=Lock)

    def execute(self, cluster: Cluster, at_end: Callable[[Run], None]) -> None:
        """Go through the states of the run until it has ended."""
        try:
            self._execute(cluster)
        except Exception as error:
            self._end("INTERNAL_ERROR", "FAILED", f"The emulated cluster broke: {error}")
        finally:
            try:
                at_end(self)
            finally:
                self.done.set()

    def cancel(self, result: str = "CANCELED") -> None:
        """Ask it to stop."""
        self.stop_result = result
        self.stopped.set()

    def state(self) -> dict[str, Any]:
        """Return the state as `runs/get` tells it."""
        with self.lock:
            told: dict[str, Any] = {
                "life_cycle_state": self.life_cycle,
                "state_message": self.message,
                "user_cancelled_or_timedout": self.result in ("CANCELED", "TIMEDOUT"),
            }
            return told if self.result is None else {**told, "result_state": self.result}

    def output(self) -> dict[str, str]:
        """Return what its process wrote so far."""
        if self.process is None:
            return {"stdout": "", "stderr": ""}
        return {name: self.process.output(name) for name in ("stdout", "stderr")}

    def told(self) -> dict[str, Any]:
        """Return the run as `runs/get` tells it."""
        (sent,) = self.sent["tasks"]
        times = {"start_time": int(self.started * 1000), "end_time": int(self.ended * 1000)}
        common = {
            "state": self.state(),
            "run_page_url": f"{self.host}/run/{self.run_id}",
            **times,
            **self._instance(),
        }
        return {
            "job_id": self.run_id + 1000,
            "run_id": self.run_id,
            "number_in_job": self.run_id,
            "run_name": self.sent.get("run_name", "Untitled"),
            "run_type": "SUBMIT_RUN",
            "format": "MULTI_TASK",
            "creator_user_name": "emulated@example.com",
            **common,
            "tasks": [{**sent, "run_id": self.task_run_id, "attempt_number": 0, **common}],
        }

    def _instance(self) -> dict[str, Any]:
        if self.cluster_id is None or (self.life_cycle == "PENDING"):
            return {}
        made = {"cluster_id": self.cluster_id, "spark_context_id": str(self.run_id)}
        return {"cluster_instance": made}

    def _execute(self, cluster: Cluster) -> None:
        if self.stopped.wait(self.plan.slow_start):
            return self._cancelled()
        if self.plan.fail is not None:
            return self._end("INTERNAL_ERROR", "FAILED", self.plan.fail)
        if not self.task.python_file.is_file():
            text = f"Cannot read the python file {self._named()}. Please check driver logs."
            return self._end("INTERNAL_ERROR", "FAILED", text)
        self.process = cluster.start(self.task, crash=self.plan.crash)
        with self.lock:
            self.life_cycle, self.message = "RUNNING", "In run"
        if self.plan.cancel:
            self.cancel()
        return self._watch(cluster, self.process)

    def _watch(self, cluster: Cluster, process: TaskProcess) -> None:
        deadline = self._deadline()
        code = process.wait(LOOK)
        while code is None and not self.stopped.is_set():
            if deadline is not None and time.time() > deadline:
                self.cancel("TIMEDOUT")
                break
            code = process.wait(LOOK)
        if code is None:
            with self.lock:
                self.life_cycle, self.message = "TERMINATING", "Cancelling."
        cluster.ended(process, self.task.name)
        if code is None:
            return self._cancelled()
        if code == 0:
            return self._end("TERMINATED", "SUCCESS", "")
        self.error, self.trace = process.failure()
        if code < 0 or not self.error:
            self.error = (
                f"The Python process exited with exit code {128 - code if code < 0 else code}."
            )
        text = "Workload failed, see run output for details"
        return self._end("TERMINATED", "FAILED", text)

    def _deadline(self) -> float | None:
        limits = [self.sent.get("timeout_seconds"), self.sent["tasks"][0].get("timeout_seconds")]
        given = [seconds for seconds in limits if seconds]
        return self.started + min(given) if given else None

    def _named(self) -> str:
        return str(self.sent["tasks"][0]["spark_python_task"]["python_file"])

    def _cancelled(self) -> None:
        told = {"CANCELED": "Run cancelled.", "TIMEDOUT": "Run timed out."}
        self._end("TERMINATED", self.stop_result, told[self.stop_result])

    def _end(self, life_cycle: str, result: str, message: str) -> None:
        with self.lock:
            self.ended = time.time()
            self.life_cycle, self.result, self.message = life_cycle, result, message


def page(run: Run) -> str:
    """Return the run's page."""
    state, output = run.state(), run.output()
    parts = [f"Run {run.run_id}", str(state), run.trace, output["stdout"], output["stderr"]]
    return "\n".join(parts)


def keep_logs(run: Run, folder: Path) -> None:
    """Write the driver's logs into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in run.output().items():
        folder.joinpath(name).write_text(text, encoding="utf-8")
