"""Makes what the sides start from: landing, tables, champions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from ngm_assets.days import monday_of
from ngm_assets_tests.bench.stage import Stage

SCORED_DAYS = {"ref": 30, "small": 7}
TINY = 0.01
"""Factor on the numbers of entities at which all of them are at their least."""
TINY_DAYS = {"ref": 90, "small": 30}
WIDE_ROWS = {"ref": 625_000, "small": 20_000}


def landing(stage: Stage) -> dict[str, Any]:
    """Write the raw files."""
    from ngm_assets_tests.bench.reference_estate import make_landing

    return {"rows": make_landing(stage.landing, stage.scale, stage.share)}


def tables(stage: Stage) -> dict[str, Any]:
    """Write gold and features."""
    from ngm_assets_tests.estate import write_features, write_gold

    platform = stage.platform(stage.prepared("tables"))
    write_gold(platform, stage.start, stage.end)
    write_features(platform, stage.start, stage.end)
    return {}


def scored_days(stage: Stage) -> tuple[date, date]:
    """Return the first and last day that is scored."""
    return stage.end - timedelta(days=SCORED_DAYS[stage.name] - 1), stage.end


def champions(stage: Stage) -> dict[str, Any]:
    """Train every model as of the Monday before the scored days, and promote whatever comes out.

    How good a version is makes no difference to how long it takes to score with it.
    """
    from ngm_assets.errors import ModelError
    from ngm_assets.models.data.dataset import catalog, training_frame
    from ngm_assets.models.evaluation.gates import Decision
    from ngm_assets.models.training import train
    from ngm_assets.platform import open_registry
    from ngm_assets_tests.bench.sides.training import context_of

    platform = stage.platform(stage.prepared("tables"))
    registry = open_registry(platform.settings.model_copy(update={"home": champions_home(stage)}))
    monday, skipped = monday_of(scored_days(stage)[0]), {}
    promoted = Decision(True, "benchmark", ())
    for spec in catalog():
        try:
            frame = training_frame(platform.engine, spec, monday, platform.settings.words)
            made = train(spec, frame, as_of=monday, champion=None, context=context_of(spec))
        except ModelError as error:
            skipped[spec.name] = error.what
            continue
        version = registry.register(made)
        when = datetime.combine(monday, datetime.min.time(), UTC)
        registry.promote(spec.name, version.version, promoted, "benchmark", when)
    return {"skipped": skipped}


def champions_home(stage: Stage) -> Path:
    """Return the home whose registry holds the champions."""
    home = stage.prepared("champions")
    home.mkdir(parents=True, exist_ok=True)
    return home


def pyfuncs(stage: Stage) -> dict[str, Any]:
    """Save every champion as MLflow models for the peers of scoring."""
    from ngm_assets.platform import open_registry
    from ngm_assets_tests.bench.peers.pyfunc_loop import wrap

    settings = stage.settings(stage.prepared("tables"))
    registry = open_registry(settings.model_copy(update={"home": champions_home(stage)}))
    return {"models": wrap(registry, stage.prepared("pyfuncs"))}


def tiny(stage: Stage) -> dict[str, Any]:
    """Write raw files of as few entities as there can be."""
    from ngm_assets.demo.generate import generate

    made = generate(stage.prepared("tiny"), days=TINY_DAYS[stage.name], seed=7, scale=TINY)
    return {"rows": dict(made.rows)}


def wide(stage: Stage) -> dict[str, Any]:
    """Write the wide table and its reference."""
    from ngm_assets_tests.bench.sides.drift import make

    make(stage.prepared("wide"), WIDE_ROWS[stage.name])
    return {}
