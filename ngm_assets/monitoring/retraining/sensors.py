"""Sensors that ask for retraining on drift and on a loss of performance; they compute nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from ngm_assets.lakehouse.assets import asset_key
from ngm_assets.models.data.dataset import catalog
from ngm_assets.monitoring.events import newest_event, told_by_day
from ngm_assets.monitoring.evidence import NEW_LABELS, SEVERITY_BY_MODEL
from ngm_assets.monitoring.retraining.decision import Situation, Verdict, decide
from ngm_assets.partitions import Partitions
from ngm_assets.settings import Settings

DRIFT = asset_key("monitoring.drift_metrics")
PERFORMANCE = asset_key("monitoring.model_performance")
MODEL_TAG = "ngm/retraining"
DAY_TAG = "ngm/retraining_day"
REASON_TAG = "ngm/retraining_reason"
LOOK_BACK_DAYS = 28
"""Judged days a tick looks at."""
SOURCES = {
    "drift_sensor": (DRIFT, "Asks for retraining where drift is critical, or severe for days."),
    "performance_sensor": (PERFORMANCE, "Asks for retraining where live performance has fallen."),
}


def retraining_sensors(
    settings: Settings, partitions: Partitions, job: Any
) -> list[dg.SensorDefinition]:
    """Return the sensors.

    Args:
        settings: Cooldown, N of M, minimum of new labels.
        partitions: The Mondays there are.
        job: The training job.
    """
    return [
        _sensor(name, key, text, settings, partitions, job) for name, (key, text) in SOURCES.items()
    ]


def _sensor(
    name: str, key: dg.AssetKey, text: str, settings: Settings, partitions: Partitions, job: Any
) -> dg.SensorDefinition:
    @dg.sensor(name=name, job=job, description=text, minimum_interval_seconds=60)
    def _tick(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        instance = context.instance
        seen = ",".join(newest_event(instance, each) for each in (DRIFT, PERFORMANCE))
        days = instance.get_materialized_partitions(key)
        if not days:
            return dg.SkipReason(f"{key.to_user_string()} was never materialised.")
        newest = max(map(date.fromisoformat, days))
        if context.cursor == seen:
            return dg.SkipReason(f"Nothing was judged since {newest} was.")
        verdicts = [
            _feasible(verdict, partitions)
            for situation in _situations(instance, key, newest, job.name)
            if (verdict := decide(situation, settings.monitoring.retraining)) is not None
        ]
        requests = [_request(verdict, newest) for verdict in verdicts if verdict.as_of]
        told = "; ".join(f"{v.model}: {v.reason}" for v in verdicts)
        for verdict in verdicts:
            context.log.info(f"{verdict.model}: {verdict.reason}")
        nothing = told or f"Nothing that calls for training was found up to {newest}."
        return dg.SensorResult(
            run_requests=requests, skip_reason=None if requests else nothing, cursor=seen
        )

    return _tick


def _situations(
    instance: dg.DagsterInstance, key: dg.AssetKey, newest: date, job: str
) -> Iterator[Situation]:
    """Yield what the instance knows of each model, out of a bounded number of records."""
    days = [newest - timedelta(days=n) for n in range(LOOK_BACK_DAYS)]
    told = told_by_day(instance, key, days)
    labels = told_by_day(instance, PERFORMANCE, days)
    ripened = [labels[day][NEW_LABELS] for day in sorted(labels) if NEW_LABELS in labels[day]]
    busy = _in_training(instance, job)
    for spec in catalog():
        severities = {
            day: str(each.get(SEVERITY_BY_MODEL, {}).get(spec.name, "none"))
            for day, each in told.items()
        }
        yield Situation(
            model=spec.name,
            severities=severities,
            newest=newest,
            trained_as_of=_trained_as_of(instance, spec.name),
            requested_on=_requested_on(instance, spec.name),
            in_flight=busy is None or spec.name in busy,
            new_labels=ripened[-1].get(spec.name) if ripened else None,
        )


def _trained_as_of(instance: dg.DagsterInstance, model: str) -> date | None:
    weeks = instance.get_materialized_partitions(asset_key(f"models.{model}"))
    return max(map(date.fromisoformat, weeks), default=None)


def _requested_on(instance: dg.DagsterInstance, model: str) -> date | None:
    """Return the judged day of the newest request, whichever sensor made it."""
    records = instance.get_run_records(dg.RunsFilter(tags={MODEL_TAG: model}), limit=1)
    return date.fromisoformat(records[0].dagster_run.tags[DAY_TAG]) if records else None


def _in_training(instance: dg.DagsterInstance, job: str) -> set[str] | None:
    """Return the models that training runs under way include; None = all of them."""
    found: set[str] = set()
    active = dg.RunsFilter(job_name=job, statuses=NOT_FINISHED_STATUSES)
    for record in instance.get_run_records(active):
        selection = record.dagster_run.asset_selection
        if selection is None:
            return None
        found |= {key.path[-1] for key in selection}
    return found


def _feasible(verdict: Verdict, partitions: Partitions) -> Verdict:
    """Return a verdict that asks for no Monday there is none of: an estate can have ended."""
    if verdict.as_of is None or partitions.weekly.has_partition_key(verdict.as_of.isoformat()):
        return verdict
    reason = f"{verdict.reason}; there is no partition {verdict.as_of} to train"
    return Verdict(verdict.model, None, reason)


def _request(verdict: Verdict, newest: date) -> dg.RunRequest:
    """Return the request; its key is model and Monday, so that it runs once however often asked."""
    monday = str(verdict.as_of)
    return dg.RunRequest(
        run_key=f"{verdict.model} as of {monday}",
        partition_key=monday,
        asset_selection=[asset_key(f"models.{verdict.model}")],
        tags={MODEL_TAG: verdict.model, DAY_TAG: newest.isoformat(), REASON_TAG: verdict.reason},
    )
