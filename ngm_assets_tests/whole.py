"""The whole pipeline on a small demo estate, run twice over the same days; shared because slow.

Sixty days at scale 0.6 are about the least on which a model of every domain has enough rows.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.demo.generate import generate
from ngm_assets.execution import Progress
from ngm_assets.models.data.dataset import catalog
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets.orchestration import JobRun
from ngm_assets.pipeline import day_spans, run_pipeline, settings_for
from ngm_assets.planning import RunPlan, plan_run
from ngm_assets.platform import Platform, open_platform, open_registry
from ngm_assets.predictions.partition import WHEN_AND_WHO
from ngm_assets.raw.landing import Landing
from ngm_assets.settings import Settings, load_settings
from ngm_assets_tests.estate import read, write_features, write_gold

if TYPE_CHECKING:
    import pandas as pd

DAYS, SEED, SCALE = 60, 3, 0.6
LAST_DAYS = 4
"""Days of the second step, which also trains and scores."""
Versions = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Whole:
    """A home on which gold and features ran up to a day, then the whole pipeline, twice.

    Attributes:
        landing: The raw files.
        early: Copy of the home before the last days, without any model.
        settings: Settings of the home itself.
        plan: The plan of the whole range.
        first: Runs of the last days.
        again: Runs of the last days once more.
        tables: Every table after the first time, by full name.
        tables_again: The same after the second.
        versions: What the registry held after the first time, by model.
        versions_again: The same after the second.
    """

    landing: Path
    early: Path
    settings: Settings
    plan: RunPlan
    first: list[JobRun]
    again: list[JobRun]
    tables: dict[str, pd.DataFrame]
    tables_again: dict[str, pd.DataFrame]
    versions: Versions
    versions_again: Versions

    @property
    def platform(self) -> Platform:
        """The tables."""
        return open_platform(self.settings)

    @property
    def registry(self) -> ModelRegistry:
        """The models."""
        return open_registry(self.settings)

    @property
    def scored_days(self) -> list[date]:
        """The days the plan scores."""
        span = (self.plan.end - self.plan.score_from).days
        return [self.plan.score_from + timedelta(days=n) for n in range(span + 1)]

    def incidents(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the planted incidents of some kinds that fall on scored days."""
        planted = json.loads((self.landing / "_incidents.json").read_text(encoding="utf-8"))
        days = {day.isoformat() for day in self.scored_days}
        return [i for i in planted if i["kind"] in kinds and i["start"] in days]


def silent(_title: str) -> Progress:
    """Tell nobody."""
    return lambda _step, _done, _total: None


def versions_of(settings: Settings, models: Sequence[str]) -> Versions:
    """Return what identifies every complete version, by model."""
    registry = open_registry(settings)
    return {
        name: [
            {
                "version": info.version,
                "as_of": info.as_of,
                "trained_through": info.trained_through,
                "training_key": info.tags["training_key"],
                "dataset_fingerprint": info.tags["dataset_fingerprint"],
                "promoted": info.promoted,
                "status": info.status,
                "aliases": sorted(info.aliases),
            }
            for info in registry.versions(name)
        ]
        for name in models
    }


def tables_of(settings: Settings) -> dict[str, pd.DataFrame]:
    """Return every table of the lakehouse, sorted by key."""
    platform = open_platform(settings)
    return {name: read(platform, name) for name in platform.lakehouse.tables()}


def without_provenance(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without the run and the time that wrote them."""
    return frame.drop(columns=[name for name in WHEN_AND_WHO if name in frame.columns])


def last_days(plan: RunPlan, models: Sequence[str] = ()) -> RunPlan:
    """Return the plan of the last days: no warm-up, the same weeks, the same days to score."""
    start = plan.end - timedelta(days=LAST_DAYS - 1)
    return replace(
        plan, start=start, warm_up=start, warm_tables=(), models=tuple(models) or plan.models
    )


def plan_for(landing: Path, start: date, end: date) -> RunPlan:
    """Plan the whole range; a week of warm-up stands for the three months there could be."""
    spans, morrow = day_spans(Landing(landing)), end + timedelta(days=1)
    plan = plan_run(spans, start, end, score_days=14, models=[], today=morrow)
    return replace(plan, warm_up=max(plan.warm_up, start - timedelta(days=7)))


def run_whole(folder: Path) -> Whole:
    """Generate the estate, fill gold and features up to the last days, run these twice."""
    landing, home, early = folder / "landing", folder / "home", folder / "early"
    made = generate(landing, days=DAYS, seed=SEED, scale=SCALE)
    plan = plan_for(landing, made.start, made.end)
    current = load_settings(env="local", home=home, landing=landing, environ={})
    settings = settings_for(plan, current)
    eve = last_days(plan).start - timedelta(days=1)
    platform = open_platform(settings)
    write_gold(platform, plan.warm_up, plan.start - timedelta(days=1), plan.warm_tables)
    write_gold(platform, plan.start, eve)
    write_features(platform, plan.start, eve)
    shutil.copytree(home, early)
    names = [spec.name for spec in catalog()]
    first_runs = run_pipeline(last_days(plan), settings, stage=silent, monitored=False)
    tables, versions = tables_of(settings), versions_of(settings, names)
    again = run_pipeline(last_days(plan), settings, stage=silent, monitored=False)
    return Whole(
        landing=landing,
        early=early,
        settings=settings,
        plan=plan,
        first=first_runs,
        again=again,
        tables=tables,
        tables_again=tables_of(settings),
        versions=versions,
        versions_again=versions_of(settings, names),
    )


def main(home: str, start: str, end: str, models: str) -> None:
    """Run the last days in this process, and print a line after every step."""
    settings = load_settings(home=Path(home), environ={})
    plan = plan_for(settings.local_landing, date.fromisoformat(start), date.fromisoformat(end))

    def stage(title: str) -> Progress:
        return lambda step, _done, _total: print(f"{title}: {step}", flush=True)

    run_pipeline(last_days(plan, models.split(",")), settings, stage=stage, monitored=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
