"""Scoring of 30 days with every champion: by the product, and by loops over models and days."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ngm_assets.days import days_between
from ngm_assets_tests.bench.sides.preparing import champions_home, scored_days
from ngm_assets_tests.bench.stage import Stage

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.models.registry.registry import ModelRegistry
    from ngm_assets.platform import Platform

NUMBERS = ("prediction", "probability", "anomaly_score", "model_version")
TEXTS = ("severity", "predicted_label", "drivers", "recommended_action", "feature_fingerprint")
SCORED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def opened(stage: Stage) -> tuple[Platform, ModelRegistry]:
    """Open features and champions, and a place of its own for predictions."""
    from ngm_assets.platform import open_registry

    tables = stage.prepared("tables") / "lakehouse"
    for catalog in tables.iterdir():
        own = stage.scratch / "home" / "lakehouse" / catalog.name
        own.mkdir(parents=True)
        (own / "features").symlink_to(catalog / "features")
    platform = stage.platform(stage.scratch / "home")
    settings = platform.settings.model_copy(update={"home": champions_home(stage)})
    return platform, open_registry(settings)


def ours(stage: Stage) -> dict[str, Any]:
    """Score as the assets do, findings' counts included."""
    from ngm_assets.engine.base import Query
    from ngm_assets.lakehouse.quality import measure
    from ngm_assets.models.data.dataset import catalog
    from ngm_assets.predictions.partition import score_days
    from ngm_assets.predictions.tables import prediction_contract

    platform, registry = opened(stage)
    start, end = scored_days(stage)
    days, rows = days_between(start, end), {}
    registry.versions("none")
    specs = [spec for spec in catalog() if registry.champion(spec.name)]
    for spec in specs:
        contract = prediction_contract(spec)
        with stage.clock():
            score_days(platform, registry, spec, days, scored_at=SCORED_AT, run_id="bench")
            measure(platform.engine, contract, start, end)
    for spec in specs:
        written = Query(f"SELECT * FROM {prediction_contract(spec).full_name}", {})
        rows[spec.name] = summary(platform.engine.frame(written))
    skipped = [spec.name for spec in catalog() if spec not in specs]
    note = f"{len(specs)} models with a champion" + (
        f", without {', '.join(skipped)}." * bool(skipped)
    )
    return {"result": rows, "note": note}


def peer(stage: Stage) -> dict[str, Any]:
    """Load and predict by model and day, with all that a prediction row holds."""
    return _looped(stage, "full")


def bare(stage: Stage) -> dict[str, Any]:
    """Load and predict by model and day, the prediction alone."""
    return _looped(stage, "bare")


def _looped(stage: Stage, kind: str) -> dict[str, Any]:
    from ngm_assets_tests.bench.peers.pyfunc_loop import score_by_day

    platform, _ = opened(stage)
    start, end = scored_days(stage)
    folder, out = stage.prepared("pyfuncs") / kind, stage.scratch / "out"
    rows = score_by_day(platform.engine, folder, days_between(start, end), out, stage.clock)
    if kind == "full":
        return {"result": {name: summary(found) for name, found in rows.items()}}
    return {"rows": {name: len(found) for name, found in rows.items()}}


def summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Return numbers that change with the predictions."""
    found: dict[str, Any] = {"rows": len(rows)}
    for name in NUMBERS:
        found[name] = [int(rows[name].notna().sum()), float(rows[name].fillna(0).sum())]
    for name in TEXTS:
        texts = rows[name].dropna().astype(str)
        found[name] = [len(texts), int(texts.str.len().sum())]
    return found
