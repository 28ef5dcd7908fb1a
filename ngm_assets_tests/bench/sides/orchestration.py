"""One ranged run of gold and features, and of the same graph of empty assets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ngm_assets_tests.bench.sides.preparing import TINY_DAYS
from ngm_assets_tests.bench.stage import Stage

if TYPE_CHECKING:
    import dagster as dg

    from ngm_assets.settings import Settings

COMPARED = ("ASSET_MATERIALIZATION_PLANNED", "ASSET_MATERIALIZATION", "ASSET_CHECK_EVALUATION")


def tiny_settings(stage: Stage) -> Settings:
    """Return settings of a home over the tiny landing."""
    return stage.settings(stage.scratch / "home").model_copy(
        update={
            "landing": stage.prepared("tiny"),
            "start_date": stage.end - timedelta(days=TINY_DAYS[stage.name] - 1),
        }
    )


def ours(stage: Stage) -> dict[str, Any]:
    """Run the job as `ngm run` does."""
    from ngm_assets import build
    from ngm_assets.orchestration import open_instance, run_job

    settings = tiny_settings(stage)
    with open_instance(settings) as instance:
        with stage.clock():
            first, last = settings.start_date.isoformat(), stage.end.isoformat()
            run = run_job(settings, instance, build.FEATURE_JOB, first, last)
        if run.problems:
            raise RuntimeError(run.problems[0].message)
        return told(stage, instance, run.run_id)


def peer(stage: Stage) -> dict[str, Any]:
    """Run empty assets with the same keys, dependencies, partitions and checks."""
    from ngm_assets import build
    from ngm_assets.orchestration import open_instance
    from ngm_assets.resources import RANGE_END, RANGE_START
    from ngm_assets_tests.bench.peers.empty_assets import empty_definitions, graph_of

    settings = tiny_settings(stage)
    graph = graph_of(settings)
    with open_instance(settings) as instance:
        with stage.clock():
            job = empty_definitions(graph, build.FEATURE_JOB).resolve_job_def(build.FEATURE_JOB)
            tags = {RANGE_START: settings.start_date.isoformat(), RANGE_END: stage.end.isoformat()}
            loud = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
            run = job.execute_in_process(instance=instance, tags=tags, run_config=loud)
        return told(stage, instance, run.run_id)


def told(stage: Stage, instance: dg.DagsterInstance, run_id: str) -> dict[str, Any]:
    """Return how many events of each kind a run wrote."""
    counts: dict[str, int] = {}
    for kind in _kinds(instance, run_id):
        counts[kind] = counts.get(kind, 0) + 1
    total = sum(counts.values())
    each = 1000 * stage.clock.seconds[stage.clock.WORK] / total
    return {
        "result": {kind: counts.get(kind, 0) for kind in COMPARED},
        "counts": counts,
        "note": f"{total} events, {each:.2f} ms each.",
    }


def _kinds(instance: dg.DagsterInstance, run_id: str) -> Iterator[str]:
    for entry in instance.all_logs(run_id):
        event = entry.dagster_event
        yield event.event_type_value if event is not None else "LOG"
