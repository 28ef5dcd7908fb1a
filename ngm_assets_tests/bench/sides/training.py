"""Training of every model as of one Monday: the product's way and the textbook's, frames apart."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from ngm_assets.days import monday_of
from ngm_assets_tests.bench.stage import Stage

if TYPE_CHECKING:
    from ngm_assets.models.candidate import TrainingContext
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import ModelFrame

DOMAINS = ("cost", "quality", "performance", "reliability", "security")
"""From few rows to many, so that a side that is stopped has done most models."""


def context_of(spec: ModelSpec) -> TrainingContext:
    """Return what a training knows besides its rows."""
    from ngm_assets.models.candidate import TrainingContext
    from ngm_assets.models.data.dataset import feature_contract, label_sql_hash
    from ngm_assets.models.training import library_versions

    return TrainingContext(
        contract=feature_contract(spec),
        feature_version="0",
        label_sql_hash=label_sql_hash(spec.feature_table),
        git_sha="",
        library_versions=library_versions(),
    )


def ours(stage: Stage) -> dict[str, Any]:
    """Train, measure and refit; register what came out, which is not counted."""
    from ngm_assets.errors import InsufficientData
    from ngm_assets.models.training import key_for, train
    from ngm_assets.platform import open_registry

    settings = stage.settings(stage.prepared("tables"))
    registry = open_registry(settings.model_copy(update={"home": stage.scratch}))
    with stage.clock("opening the registry"):
        registry.versions("none")
    told: dict[str, Any] = {"result": {}, "models": {}, "skipped": {}}
    for spec, frame, monday in frames(stage):
        begun = time.perf_counter()
        try:
            with stage.clock():
                context = context_of(spec)
                key_for(spec, frame, as_of=monday, context=context)
                made = train(spec, frame, as_of=monday, champion=None, context=context)
        except InsufficientData as error:
            told["skipped"][spec.name] = error.what
            continue
        told["models"][spec.name] = {
            "seconds": time.perf_counter() - begun,
            "metric": spec.metric.name,
            "value": made.measured.value,
            "rows": dict(made.rows),
            "reason": made.measured.reason,
        }
        told["result"][spec.name] = [made.rows["train"], made.rows["refit"]]
        with stage.clock("logging and registering"):
            registry.register(made)
        stage.keep(told)
    return _noted(told)


def peer(stage: Stage) -> dict[str, Any]:
    """Fit, measure and refit by the textbook on the same rows and splits."""
    from ngm_assets.errors import InsufficientData
    from ngm_assets_tests.bench.peers.textbook import cut, taught

    told: dict[str, Any] = {"result": {}, "models": {}, "skipped": {}}
    for spec, frame, monday in frames(stage):
        try:
            parts = cut(spec, frame, monday)
        except InsufficientData as error:
            told["skipped"][spec.name] = error.what
            continue
        begun = time.perf_counter()
        with stage.clock():
            value, judged, once = taught(spec, parts)
        told["models"][spec.name] = {
            "seconds": time.perf_counter() - begun,
            "fitted_once": once,
            "metric": spec.metric.name,
            "value": value,
            "rows": {"train": len(parts.train), "holdout": judged},
        }
        told["result"][spec.name] = [len(parts.train), len(parts.rows)]
        stage.keep(told)
    return _noted(told)


def frames(stage: Stage) -> Iterator[tuple[ModelSpec, ModelFrame, date]]:
    """Yield every model with its rows as of the newest Monday; making them is not counted."""
    from ngm_assets.models.data.dataset import catalog, training_frame

    platform = stage.platform(stage.prepared("tables"))
    monday = monday_of(stage.end)
    for spec in sorted(catalog(), key=lambda spec: DOMAINS.index(spec.domain)):
        with stage.clock("frames"):
            frame = training_frame(platform.engine, spec, monday, platform.settings.words)
        yield spec, frame, monday


def _noted(told: dict[str, Any]) -> dict[str, Any]:
    skipped = ", ".join(told["skipped"])
    note = f"{len(told['models'])} models trained" + (f", without {skipped}." if skipped else ".")
    return told | {"note": note}
