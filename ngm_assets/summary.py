"""What a run produced, as plain data for people and machines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Query, Window
from ngm_assets.models.data.dataset import catalog
from ngm_assets.models.registry.versions import VersionInfo, newest_promoted
from ngm_assets.monitoring.alerting.acknowledging import open_alerts
from ngm_assets.orchestration import JobRun, summary_of
from ngm_assets.platform import Platform, open_platform
from ngm_assets.predictions.tables import prediction_contract
from ngm_assets.settings import Settings

if TYPE_CHECKING:
    from ngm_assets.models.registry.registry import ModelRegistry

TOP = 3


def run_result(
    settings: Settings, registry: ModelRegistry, runs: Sequence[JobRun], start: date, end: date
) -> dict[str, Any]:
    """Return what a run did: job runs, models, and on `local` what is in the tables.

    The tables of a workspace are not read from here: `tables`, `alerts` and `monitoring_alerts` are
    empty then.
    """
    platform = open_platform(settings) if settings.local else None
    return {
        "success": all(run.success for run in runs),
        "home": str(settings.home),
        "landing": str(settings.landing) if settings.landing else None,
        "runs": run_rows(runs),
        "failed_models": failed_models(runs, registry),
        "tables": table_rows(platform) if platform else {},
        "models": model_rows(registry),
        "alerts": alerts(platform, start, end) if platform else [],
        "monitoring_alerts": open_alerts(platform.engine) if platform else [],
    }


def model_rows(registry: ModelRegistry) -> list[dict[str, Any]]:
    """Return one row per model: champion, newest version, metric against baseline, verdict."""
    rows = []
    for spec in catalog():
        versions = registry.versions(spec.name)
        champion = newest_promoted(versions)
        newest = max(versions, key=lambda info: info.order, default=None)
        shown = champion or newest
        record = registry.evaluation_of(shown) if shown else None
        rows.append(
            {
                "model": spec.name,
                "problem": spec.problem,
                "champion": champion.version if champion else None,
                "champion_as_of": champion.as_of.isoformat() if champion else None,
                "newest": newest.version if newest else None,
                "newest_as_of": newest.as_of.isoformat() if newest else None,
                "metric": spec.metric.name,
                "value": record["measured"]["value"] if record else None,
                "low": record["measured"]["low"] if record else None,
                "high": record["measured"]["high"] if record else None,
                "baseline": record["baseline"]["theirs"] if record else None,
                "verdict": _verdict(newest),
            }
        )
    return rows


def _verdict(newest: VersionInfo | None) -> str:
    if newest is None:
        return "no version yet: never trained, or too little data (see its check minimum_data)"
    if newest.rolled_back:
        return f"rolled back {newest.deed('rolled_back')}"
    return newest.tags.get("gates_reason", "")


def failed_models(runs: Sequence[JobRun], registry: ModelRegistry) -> list[dict[str, Any]]:
    """Return the models whose training failed, with the champion that goes on scoring."""
    steps = {problem.step for run in runs for problem in run.problems}
    found = []
    for name in sorted(s.removeprefix("models/") for s in steps if s.startswith("models/")):
        champion = registry.champion(name)
        found.append(
            {
                "model": name,
                "champion": champion.version if champion else None,
                "champion_as_of": champion.as_of.isoformat() if champion else None,
            }
        )
    return found


def table_rows(platform: Platform) -> dict[str, int]:
    """Return the number of rows of every table on disk."""
    found = {}
    for name in platform.lakehouse.tables():
        if name in platform.contracts:
            query = Query(f"SELECT COUNT(*) AS n FROM {name}", {})
            found[name] = platform.engine.rows(query)[0]["n"]
    return found


def alerts(platform: Platform, start: date, end: date) -> list[dict[str, Any]]:
    """Return the rows with the strongest severity per model over the scored days."""
    found: list[dict[str, Any]] = []
    for spec in catalog():
        contract = prediction_contract(spec)
        keys = ", ".join(contract.key)
        measure = "anomaly_score" if spec.problem == "anomaly" else "prediction"
        sql = (
            f"SELECT {keys}, severity, {measure} AS score, recommended_action "
            f"FROM {contract.full_name} WHERE severity <> 'info' "
            f"ORDER BY score DESC, {keys} LIMIT {TOP}"
        )
        for row in platform.engine.rows(Query(sql, {}, Window(start, end))):
            day = row.pop(contract.partition)
            entity = {name: row.pop(name) for name in contract.entity_key}
            found.append({"model": spec.name, "day": day.isoformat(), "entity": entity, **row})
    return found


def run_rows(runs: Sequence[JobRun]) -> list[dict[str, Any]]:
    """Return one row per job run, with problems and failed checks."""
    return [
        {
            "job": run.job,
            "run_id": run.run_id,
            "success": run.success,
            "checks": dict(summary_of(run.checks)),
            "problems": [
                {"step": p.step, "kind": p.kind, "message": p.message} for p in run.problems
            ],
            "failed_checks": [
                {"asset": c.asset, "check": c.check, "warn": c.warn, "description": c.description}
                for c in (*run.errors, *run.warnings)
            ],
        }
        for run in runs
    ]
