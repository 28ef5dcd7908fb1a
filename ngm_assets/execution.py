"""Executes jobs from a program: here, or with steps that are launched on Databricks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
from dagster import DagsterEvent, DagsterEventType, EventLogEntry

from ngm_assets.build import build_defs
from ngm_assets.settings import Settings

Progress = Callable[[str, int, int], None]
"""Called with the step that ended, how many ended, and how many there are."""


@dataclass(frozen=True)
class Request:
    """A run of a job to be executed.

    Attributes:
        job: Name of the job.
        run_id: Id of the run.
        tags: Tags of the run.
        selection: Assets to restrict the job to; None = all of its assets.
        progress: Told after every step.
        log_level: Level of Dagster's console log.
    """

    job: str
    run_id: str
    tags: Mapping[str, str]
    selection: Sequence[dg.AssetKey] | None
    progress: Progress | None
    log_level: str

    @property
    def steps(self) -> int:
        """Steps that were selected; 0 = all."""
        return len(self.selection or ())


def execute_here(
    settings: Settings, instance: dg.DagsterInstance, request: Request
) -> Sequence[DagsterEvent]:
    """Execute a job in this process."""
    definition = build_defs(settings).resolve_job_def(request.job)
    steps = request.steps or len(list(definition.nodes))
    instance.add_event_listener(request.run_id, _Steps(steps, request.progress).hear)
    result = definition.execute_in_process(
        instance=instance,
        run_id=request.run_id,
        tags=request.tags,
        asset_selection=request.selection,
        run_config={"loggers": {"console": {"config": {"log_level": request.log_level}}}},
        raise_on_error=False,
    )
    return result.all_events


def execute_remotely(
    settings: Settings, instance: dg.DagsterInstance, request: Request
) -> Sequence[DagsterEvent]:
    """Execute a job whose steps are launched from processes of their own.

    These load the definitions again by their module, and read the environment from variables.
    """
    from dagster._core.definitions.reconstruct import ReconstructableRepository
    from dagster._core.execution.api import execute_run_iterator

    os.environ.update({"NGM_ENV": settings.env, "NGM_HOME": str(settings.home)})
    repository = ReconstructableRepository.for_module("ngm_assets.definitions", "defs")
    job = repository.get_reconstructable_job(request.job)
    run = instance.create_run_for_job(
        job_def=job.get_definition(),
        run_id=request.run_id,
        tags=request.tags,
        job_code_origin=job.get_python_origin(),
        asset_selection=frozenset(request.selection) if request.selection else None,
    )
    told = _Steps(request.steps or len(list(job.get_definition().nodes)), request.progress)
    events = []
    for event in execute_run_iterator(job, run, instance):
        told.see(event)
        events.append(event)
    return events


class _Steps:
    """Counts steps that ended."""

    _ENDS = (
        DagsterEventType.STEP_SUCCESS,
        DagsterEventType.STEP_FAILURE,
        DagsterEventType.STEP_SKIPPED,
    )

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.total = total
        self.progress = progress
        self.done = 0

    def hear(self, entry: EventLogEntry) -> None:
        """Take note of an entry of the event log."""
        if entry.dagster_event is not None:
            self.see(entry.dagster_event)

    def see(self, event: DagsterEvent) -> None:
        """Take note of an event."""
        if event.event_type in self._ENDS and self.progress:
            self.done += 1
            self.progress((event.step_key or "").replace("__", "/"), self.done, self.total)
