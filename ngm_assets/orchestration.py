"""Runs the project's Dagster jobs from a program: same jobs, same instance as the UI shows."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from platform import node
from typing import Any

import dagster as dg
from dagster import DagsterEvent, DagsterEventType, DagsterRunStatus, RunsFilter

from ngm_assets.dagster_home import URL_VARIABLE, prepare_instance, storage_errors
from ngm_assets.errors import DISK_FULL, ComputeError, NgmError
from ngm_assets.execution import Progress, Request, execute_here, execute_remotely
from ngm_assets.models.registry.locks import OPENING, one_at_a_time
from ngm_assets.processes import alive
from ngm_assets.resources import RANGE_END, RANGE_START
from ngm_assets.settings import Settings, make_home

FROM_FAILURE_TAGS = ("dagster/is_resume_retry", "dagster/is_asset_resume_retry")
PID_TAG = ".dagster/ngm_pid"
HOST_TAG = ".dagster/ngm_host"
"""The machine of that process: others may share the instance, and know nothing of it."""
DAYS_TAG = "ngm/days"
PLAN_TAG = "ngm/plan"
BATCH_TAG = "ngm/batch"
START_TAG = "ngm/start"
"""Which start of a plan a run belongs to: what an earlier start made knows nothing of new data."""
LOCATION_TAGS = {
    "dagster/code_location": "ngm_assets.definitions",
    ".dagster/repository": "__repository__@ngm_assets.definitions",
}
"""What the UI puts on its own runs; with it, runs from here stand under their jobs."""


@dataclass(frozen=True)
class Problem:
    """A step that failed: its asset and what the error says."""

    step: str
    kind: str
    message: str
    trace: str


@dataclass(frozen=True)
class CheckRecord:
    """One check evaluation of a run."""

    asset: str
    check: str
    passed: bool
    warn: bool
    description: str


@dataclass(frozen=True)
class JobRun:
    """How a job run ended."""

    job: str
    run_id: str
    success: bool
    problems: tuple[Problem, ...]
    checks: tuple[CheckRecord, ...]

    @property
    def errors(self) -> tuple[CheckRecord, ...]:
        """Checks that failed as errors."""
        return tuple(check for check in self.checks if not check.passed and not check.warn)

    @property
    def warnings(self) -> tuple[CheckRecord, ...]:
        """Checks that failed as warnings."""
        return tuple(check for check in self.checks if not check.passed and check.warn)


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open the Dagster instance of the home; runs whose process died are marked as failed.

    Raises:
        ConfigError: The home cannot be made or written, or its storage is not set up.
        ComputeError: Its database does not answer.
    """
    make_home(settings.home)
    prepare_instance(settings.dagster_home, settings.dagster_storage)
    with _opened(settings) as instance:
        yield instance


def _opened(settings: Settings) -> dg.DagsterInstance:
    try:
        with one_at_a_time(settings.dagster_home, OPENING):  # the first one makes the tables
            instance = dg.DagsterInstance.from_config(str(settings.dagster_home))
        _bury_dead_runs(instance)
    except storage_errors(settings.dagster_storage) as error:
        cause = error.__cause__ or error
        raise ComputeError(
            f"The database of the Dagster instance does not answer ({type(cause).__name__}).",
            where=URL_VARIABLE,
            mend="Check that it runs, its address, its user and the password.",
        ) from None
    return instance


_UNFINISHED = (
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)


def _bury_dead_runs(instance: dg.DagsterInstance) -> None:
    for run in instance.get_runs(RunsFilter(statuses=list(_UNFINISHED))):
        pid = run.tags.get(PID_TAG)
        if run.tags.get(HOST_TAG, node()) != node():
            continue
        copied = run.parent_run_id is not None  # run again from the UI, with the tags of this one
        if pid is not None and not copied and not alive(int(pid)):
            instance.report_run_failed(run, f"The process {pid} that ran it died.")


def last_start(instance: dg.DagsterInstance, plan: str) -> tuple[str, int] | None:
    """Return the newest start of a plan and how many batches have succeeded since; None without.

    A batch counts when it succeeded after those before it: what ran on a hole is not done. A run of
    an older start, run again from the UI, does not make that start the newest.
    """
    runs = instance.get_runs(RunsFilter(tags={PLAN_TAG: plan}))
    newest = next((run for run in runs if run.parent_run_id is None), None)
    if newest is None:
        return None
    start = newest.tags.get(START_TAG, "")
    done = 0
    for run in reversed(runs):  # the oldest first
        good = run.status == DagsterRunStatus.SUCCESS and run.tags.get(START_TAG, "") == start
        done += good and _whole(run) and int(run.tags[BATCH_TAG]) == done
    return start, done


def _whole(run: dg.DagsterRun) -> bool:
    """Tell whether a run makes a batch whole: chosen steps, run again from the UI, do not."""
    again = run.parent_run_id is not None and run.step_keys_to_execute is not None
    return not again or any(run.tags.get(tag) == "true" for tag in FROM_FAILURE_TAGS)


def run_job(
    settings: Settings,
    instance: dg.DagsterInstance,
    job: str,
    first: str,
    last: str,
    *,
    assets: Sequence[Sequence[str]] | None = None,
    progress: Progress | None = None,
    log_level: str = "CRITICAL",
    tags: Mapping[str, str] | None = None,
) -> JobRun:
    """Run a job over a range of partition keys; on Databricks this process only launches the steps.

    Args:
        settings: The environment.
        instance: Where the run is recorded.
        job: Name of the job.
        first: First partition key.
        last: Last partition key.
        assets: Keys to restrict the job to; None = all of its assets.
        progress: Told after every step.
        log_level: Level of Dagster's console log.
        tags: Further tags of the run.
    """
    request = Request(
        job=job,
        run_id=str(uuid.uuid4()),
        tags={
            RANGE_START: first,
            RANGE_END: last,
            DAYS_TAG: first if first == last else f"{first}..{last}",
            PID_TAG: str(os.getpid()),
            HOST_TAG: node(),
            **LOCATION_TAGS,
            **(tags or {}),
        },
        selection=None if assets is None else [dg.AssetKey(list(key)) for key in assets],
        progress=progress,
        log_level=log_level,
    )
    execute = execute_here if settings.local else execute_remotely
    events = execute(settings, instance, request)
    if any(_interrupted(event) for event in events):
        raise KeyboardInterrupt
    return JobRun(
        job=job,
        run_id=request.run_id,
        success=any(event.event_type == DagsterEventType.RUN_SUCCESS for event in events),
        problems=tuple(
            _problem(e) for e in events if e.event_type == DagsterEventType.STEP_FAILURE
        ),
        checks=tuple(
            _check(e) for e in events if e.event_type == DagsterEventType.ASSET_CHECK_EVALUATION
        ),
    )


_NAMED = {kind.__name__ for kind in NgmError.__subclasses__()}


def _problem(event: DagsterEvent) -> Problem:
    error = event.step_failure_data.error
    trace = error.to_string() if error is not None else ""
    while error is not None and error.cause is not None and error.cls_name not in _NAMED:
        error = error.cause
    kind = (error.cls_name or "") if error is not None else ""
    message = error.message.strip() if error is not None else "unknown"
    step = (event.step_key or "").replace("__", "/")
    return Problem(step, kind, _mendable(_plain(message, kind)), trace)


def _mendable(message: str) -> str:
    """Say of a full disk what to do about it; whichever library met it does not."""
    if not any(sign in message for sign in DISK_FULL):
        return message
    what = f"The disk is full: {message.splitlines()[0]}"
    return str(ComputeError(what, mend="Free some space and run the same again to go on."))


def _interrupted(event: DagsterEvent) -> bool:
    """Dagster turns Ctrl-C within a step into a failure of the step."""
    if event.event_type != DagsterEventType.STEP_FAILURE:
        return False
    error = event.step_failure_data.error
    while error is not None:
        if error.cls_name in {"DagsterExecutionInterruptedError", "KeyboardInterrupt"}:
            return True
        error = error.cause or error.context
    return False


def _plain(message: str, kind: str) -> str:
    head, _, rest = message.partition(": ")
    return rest if kind and head.endswith(kind) else message


def _check(event: DagsterEvent) -> CheckRecord:
    data: Any = event.asset_check_evaluation_data
    return CheckRecord(
        asset=data.asset_key.to_user_string(),
        check=data.check_name,
        passed=data.passed,
        warn=data.severity == dg.AssetCheckSeverity.WARN,
        description=data.description or "",
    )


def summary_of(checks: Sequence[CheckRecord]) -> Mapping[str, int]:
    """Count passed, warned and failed checks."""
    return {
        "passed": sum(check.passed for check in checks),
        "warned": sum(not check.passed and check.warn for check in checks),
        "failed": sum(not check.passed and not check.warn for check in checks),
    }
