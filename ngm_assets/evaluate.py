"""The evaluation report: every model out of time against its baseline, for people and machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ngm_assets.demo.ranking import detects, planted_incidents
from ngm_assets.demo.recall import recall_of
from ngm_assets.engine.base import Query
from ngm_assets.errors import ConfigError, InsufficientData
from ngm_assets.features.tables import feature_contracts
from ngm_assets.models.data.dataset import catalog, named, training_frame
from ngm_assets.models.evaluation.backtest import Backtest, Fold, backtest
from ngm_assets.models.evaluation.metrics import metrics

if TYPE_CHECKING:
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.registry.registry import ModelRegistry
    from ngm_assets.platform import Platform

Told = Callable[[str, int, int], None]
COLUMNS = (
    "model",
    "metric",
    "model's value [90 %]",
    "baseline",
    "gain [90 %]",
    "lift at budget",
    "calibration error",
    "incidents found",
    "flagged when quiet / budget",
    "rows, origins",
    "champion",
)


def evaluate(
    platform: Platform,
    registry: ModelRegistry,
    models: Sequence[str] = (),
    *,
    origins: int = 4,
    told: Told | None = None,
) -> list[dict[str, Any]]:
    """Backtest models on everything the home holds.

    Args:
        platform: Where features and labels are read.
        registry: Says which version is champion, or why none is.
        models: Names; empty = all.
        origins: Training days per model, at least 3.
        told: Called with (model, done, total).

    Returns:
        One row of plain values per model, in the order of the catalogue.

    Raises:
        ConfigError: A name is unknown, or there are no features yet.
    """
    chosen = [named(name) for name in models] if models else list(catalog())
    found = []
    for number, spec in enumerate(chosen):
        if told is not None:
            told(spec.name, number, len(chosen))
        found.append(evaluate_model(platform, registry, spec, origins=origins))
    return found


def evaluate_model(
    platform: Platform, registry: ModelRegistry, spec: ModelSpec, *, origins: int
) -> dict[str, Any]:
    """Backtest one model; too little data is a reason in the row, not an error."""
    metric = metrics()[spec.metric.name]
    row: dict[str, Any] = {
        "model": spec.name,
        "problem": spec.problem,
        "supervised": spec.problem != "anomaly",
        "target": spec.target.column,
        "unit": spec.target.unit,
        "horizon_days": spec.horizon_days,
        "metric": metric.name,
        "better": metric.direction,
        "baseline_rule": spec.baseline.description,
        "alert_budget": spec.alert_budget,
        "champion": champion_of(registry, spec.name),
        "reason": "",
    }
    as_of = _last_day(platform, spec) + timedelta(days=1)
    frame = training_frame(platform.engine, spec, as_of, platform.settings.words)
    try:
        tested = backtest(spec, frame, count=origins)
    except InsufficientData as error:
        return row | {"beats_baseline": None, "reason": error.what, "folds": []}
    return row | _measured(tested) | _incidents(platform, spec, tested)


def champion_of(registry: ModelRegistry, model: str) -> str:
    """Return the champion's number, or why there is none."""
    champion = registry.champion(model)
    if champion is not None:
        return f"v{champion.version}"
    versions = registry.versions(model)
    if not versions:
        return "none: never trained, or too little data"
    return f"none: {versions[-1].tags.get('gates_reason', 'not promoted')}"


def _last_day(platform: Platform, spec: ModelSpec) -> date:
    contract = feature_contracts()[spec.feature_table]
    sql = f"SELECT MAX({contract.partition}) AS last FROM {contract.full_name}"
    last: date | None = platform.engine.rows(Query(sql, {}))[0]["last"]
    if last is None:
        raise ConfigError(
            f"{contract.full_name} is empty.",
            where=str(platform.settings.home),
            mend="Run `ngm demo` or `ngm run` first, or name another --home.",
        )
    return last


def _measured(tested: Backtest) -> dict[str, Any]:
    measured, compared = tested.measured, tested.baseline
    return {
        "value": measured.value,
        "low": measured.low,
        "high": measured.high,
        "model_on_baseline_rows": compared.ours,
        "baseline": compared.theirs,
        "gain": compared.gain,
        "gain_low": compared.gain_low,
        "gain_high": compared.gain_high,
        "beats_baseline": None if compared.gain is None else compared.gain > 0,
        "reason": measured.reason or compared.reason,
        "lift_at_budget": tested.lift,
        "calibration_error": tested.calibration,
        "rows": tested.rows,
        "folds": [_fold(fold) for fold in tested.folds],
    }


def _fold(fold: Fold) -> dict[str, Any]:
    return {
        "origin": fold.origin.isoformat(),
        "tested_until": fold.until.isoformat(),
        "train_rows": fold.train_rows,
        "test_rows": fold.measured.rows if fold.measured else 0,
        "value": fold.measured.value if fold.measured else None,
        "model_on_baseline_rows": fold.baseline.ours if fold.baseline else None,
        "baseline": fold.baseline.theirs if fold.baseline else None,
        "gain": fold.baseline.gain if fold.baseline else None,
        "reason": fold.reason or (fold.measured.reason if fold.measured else ""),
    }


def _incidents(platform: Platform, spec: ModelSpec, tested: Backtest) -> dict[str, Any]:
    if tested.scored is None or tested.scores is None:
        return {}
    planted = planted_incidents(platform.settings.local_landing)
    if planted is None:
        return {}
    wanted = [incident for incident in planted if detects(spec.name, incident["kind"])]
    found = recall_of(tested.scored.keys, tested.scores, wanted, planted)
    share = found.quiet_flagged / found.quiet_rows if found.quiet_rows else None
    return {"incidents": asdict(found), "quiet_flagged_share": share}


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the report as Markdown: how it was measured, the table, and what did not work."""
    supervised = [row for row in rows if row["supervised"]]
    better = sum(row["beats_baseline"] is True for row in supervised)
    lines = [
        "| " + " | ".join(COLUMNS) + " |",
        "|" + "---|" * len(COLUMNS),
        *("| " + " | ".join(_cells(row)) + " |" for row in rows),
        "",
        "Out of time: trained at each origin on what was known by then, tested on the days up to "
        "the next one; intervals are 90 %, from resampled blocks of days as long as the horizon. "
        "A gain is positive where the model is better, whatever the direction of the metric.",
    ]
    if supervised:
        lines += ["", f"{better} of {len(supervised)} supervised models beat their baseline."]
    notes = [f"- {row['model']}: {row['reason']}" for row in rows if row["reason"]]
    return "\n".join([*lines, *(["", *notes] if notes else [])]) + "\n"


def _cells(row: Mapping[str, Any]) -> list[str]:
    sign = "higher" if row["better"] == "higher" else "lower"
    folds = [fold for fold in row["folds"] if fold["train_rows"]]
    found, share = row.get("incidents"), row.get("quiet_flagged_share")
    return [
        row["model"],
        f"{row['metric']}{_unit(row)} ({sign} is better)",
        _number(row.get("value")) + _span(row.get("low"), row.get("high")),
        _number(row.get("baseline")),
        _number(row.get("gain")) + _span(row.get("gain_low"), row.get("gain_high")),
        _number(row.get("lift_at_budget")),
        _number(row.get("calibration_error")),
        f"{found['recalled']} of {found['incidents']} "
        f"({found['flagged_days']} of {found['days']} days)"
        if found
        else "",
        f"{share:.2%} / {row['alert_budget']:.2%}" if share is not None else "",
        f"{row.get('rows', 0)}, {len(folds)}",
        str(row["champion"]).split(":", 1)[0],
    ]


def _unit(row: Mapping[str, Any]) -> str:
    """Return the unit of a metric that has the label's."""
    return f", {row['unit']}" if row["metric"] in ("mae", "rmse") else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{low:.3g}, {high:.3g}]"
