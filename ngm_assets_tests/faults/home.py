"""A small home made once, stage by stage without a disturbance; each stage's end is kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from ngm_assets import build
from ngm_assets.orchestration import open_instance, run_job
from ngm_assets.pipeline import settings_for
from ngm_assets.planning import RunPlan
from ngm_assets.platform import open_registry
from ngm_assets.settings import load_settings
from ngm_assets_tests.faults.child import Begun, Ended, Work, in_child
from ngm_assets_tests.faults.picture import Picture, settings_of, take
from ngm_assets_tests.faults.points import Points

DAYS, SEED, SCALE = 60, 3, 0.42
"""The least estate on which a model is promoted over a champion, and another refused."""
SHORT_DAYS, SHORT_SCALE = 30, 0.1
LAST_DAYS = 4
PROMOTED, REFUSED = "cluster_capacity_planner", "cost_anomaly_detector"
MODELS = (PROMOTED, REFUSED)
GOLD = ("gold.fact_query_history", "gold.fact_usage")
OTHER_GOLD = "dim_cluster"
REJECTS = tuple(f"{name}_rejects" for name in GOLD)
FEATURES = ("features.cost_features", "features.performance_features")
PREDICTIONS = tuple(f"predictions.{name}_predictions" for name in MODELS)


@dataclass(frozen=True)
class Stage:
    """One job run of the pipeline.

    Attributes:
        name: Of the stage.
        job: Dagster job.
        assets: What it is restricted to, `schema.name` each.
        first: First partition key.
        last: Last partition key.
        begin: State it starts from.
        end: State it leaves.
        tables: Tables it writes.
        models: Models it touches.
    """

    name: str
    job: str
    assets: tuple[str, ...]
    first: date
    last: date
    begin: str
    end: str
    tables: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def run(self, home: Path, begun: Begun) -> dict[str, Any]:
        """Run it as `ngm run` runs a stage; return whether it went well and what failed."""
        begun()
        settings = settings_of(home)
        with open_instance(settings) as instance:
            keys = [name.split(".") for name in self.assets]
            first, last = self.first.isoformat(), self.last.isoformat()
            run = run_job(settings, instance, self.job, first, last, assets=keys)
        problems = [f"{p.step}: {p.kind}: {p.message}" for p in run.problems]
        return {"success": run.success, "problems": problems}


@dataclass(frozen=True)
class Undisturbed:
    """What a stage does when nobody disturbs it.

    Attributes:
        seconds: How long it takes in a warm child.
        points: Named points it passes.
        before: Picture of its tables and models when it starts.
        after: Picture when it has ended.
    """

    seconds: float
    points: tuple[str, ...]
    before: Picture
    after: Picture


@dataclass
class Workshop:
    """The home, which always lies at the same place, and the states it was in.

    Attributes:
        root: Folder of everything.
        stages: The stages by name, in order.
        known: What each does undisturbed.
    """

    root: Path
    stages: Mapping[str, Stage]
    known: dict[str, Undisturbed] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """The home that is disturbed; MLflow keeps its absolute path."""
        return self.root / "home"

    @property
    def landing(self) -> Path:
        """The raw files of the undisturbed home."""
        return self.root / "landing"

    def state(self, name: str) -> Path:
        """Return the folder of a kept state."""
        return self.root / "states" / name

    def keep(self, name: str) -> None:
        """Keep a copy of the home as it is."""
        shutil.copytree(self.home, self.state(name))

    def restore(self, name: str) -> None:
        """Put the home back into a kept state; the folder itself stays, it may be a mount."""
        self.home.mkdir(exist_ok=True)
        for part in self.home.iterdir():
            if part.is_dir():
                shutil.rmtree(part)
            else:
                part.unlink()
        shutil.copytree(self.state(name), self.home, dirs_exist_ok=True)

    def run(self, stage: Stage, points: Points | None = None, **how: Any) -> Ended:
        """Run a stage in a child, with points if there are any."""
        return in_child(self.work(stage, points), **how)

    def work(self, stage: Stage, points: Points | None = None) -> Work:
        """Return what a child does to run a stage."""

        def work(begun: Begun) -> Any:
            if points is not None:
                points.install()
            done = stage.run(self.home, begun)
            return done | {"points": points.passed if points else []}

        return work


def make(root: Path, *, short: bool = False, log: Callable[[str], None] = print) -> Workshop:
    """Generate the estate and run every stage once, keeping each state.

    Args:
        root: Folder of everything.
        short: A smaller estate, and only gold.
        log: Told what was done.
    """
    root.mkdir(parents=True, exist_ok=True)
    days, scale = (SHORT_DAYS, SHORT_SCALE) if short else (DAYS, SCALE)
    made = _must(in_child(lambda _: _fill(root, days, scale)))
    start, end = date.fromisoformat(made["start"]), date.fromisoformat(made["end"])
    weeks = [date.fromisoformat(week) for week in made["weeks"]]
    shop = Workshop(root, {stage.name: stage for stage in _stages(start, end, weeks)})
    shop.keep("eve")
    for job in (build.FEATURE_JOB, build.TRAINING_JOB, build.INFERENCE_JOB):
        build.build_defs(settings_of(shop.home)).resolve_job_def(job)  # children have it cached
    for stage in shop.stages.values():
        if stage.name == "promotion":
            continue
        _undisturbed(shop, stage)
        log(f"{stage.name}: {shop.known[stage.name].seconds:.1f} s undisturbed")
        if short:
            return shop
    shop.restore("champion")
    _must(in_child(lambda begun: _only_register(shop, begun)))
    shop.keep("registered")
    _undisturbed(shop, shop.stages["promotion"], keep=False)
    return shop


def _must(ended: Ended) -> Any:
    if ended.error or ended.result is None:
        raise RuntimeError(ended.error or "a child ended without a result")
    return ended.result


def _fill(root: Path, days: int, scale: float) -> dict[str, Any]:
    """Generate the landing, and write gold and features up to the last days."""
    from ngm_assets.demo.generate import generate
    from ngm_assets_tests.estate import open_estate, write_features, write_gold
    from ngm_assets_tests.whole import plan_for

    made = generate(root / "landing", days=days, seed=SEED, scale=scale)
    plan: RunPlan = plan_for(root / "landing", made.start, made.end)
    settings_for(plan, load_settings(home=root / "home", landing=root / "landing", environ={}))
    platform = open_estate(root / "landing", root / "home")
    with open_instance(platform.settings):  # so that no stage has to make its tables
        open_registry(platform.settings).versions(PROMOTED)
    eve = made.end - timedelta(days=LAST_DAYS)
    write_gold(platform, plan.warm_up, made.end, [OTHER_GOLD])
    write_gold(platform, plan.start, eve, [name.removeprefix("gold.") for name in GOLD])
    write_features(platform, plan.start, eve, [f.removeprefix("features.") for f in FEATURES])
    return {
        "start": (eve + timedelta(days=1)).isoformat(),
        "end": made.end.isoformat(),
        "weeks": [week.isoformat() for week in plan.weeks],
    }


def _stages(start: date, end: date, weeks: Sequence[date]) -> list[Stage]:
    one, other = (f"models.{PROMOTED}",), (f"models.{REFUSED}",)
    feature, train, score = build.FEATURE_JOB, build.TRAINING_JOB, build.INFERENCE_JOB
    first, last = weeks[0], weeks[-1]
    written = (*GOLD, *REJECTS)
    around = (last - timedelta(days=2), last + timedelta(days=1))
    return [
        Stage("gold", feature, GOLD, start, end, "eve", "gold", written),
        Stage("features", feature, FEATURES, start, end, "gold", "features", FEATURES),
        Stage("first week", train, one + other, first, first, "features", "week", (), MODELS),
        Stage("refusal", train, other, last, last, "week", "champion", (), (REFUSED,)),
        Stage("training", train, one, last, last, "champion", "trained", (), MODELS),
        Stage("promotion", train, one, last, last, "registered", "promoted", (), (PROMOTED,)),
        Stage("scoring", score, PREDICTIONS, *around, "trained", "scored", PREDICTIONS, MODELS),
    ]


def _undisturbed(shop: Workshop, stage: Stage, *, keep: bool = True) -> None:
    """Run a stage from its beginning and remember all about it."""

    def picture(_: Begun) -> Any:
        return take(settings_of(shop.home), stage.tables, stage.models).as_dict()

    shop.restore(stage.begin)
    before = Picture(**_must(in_child(picture)))
    ended = shop.run(stage, Points())
    done = _must(ended)
    if not done["success"]:
        raise RuntimeError(f"{stage.name}: {done['problems']}")
    if keep:
        shop.keep(stage.end)
    after = Picture(**_must(in_child(picture)))
    shop.known[stage.name] = Undisturbed(ended.seconds, tuple(done["points"]), before, after)
    if not keep:
        shop.keep(stage.end)


def _only_register(shop: Workshop, begun: Begun) -> dict[str, Any]:
    """Train and register the second week of a model, and die before anything is decided."""
    from ngm_assets.models import lifecycle

    def never(*_: object, **__: object) -> None:
        raise InterruptedError

    lifecycle._decide = never  # type: ignore[assignment]
    return shop.stages["promotion"].run(shop.home, begun)
