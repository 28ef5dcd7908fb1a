"""A small home with made-up cost features, predictions and versions, for the tests of drift."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.models.catalog.spec import ModelSpec
from ngm_assets.models.data.dataset import model_spec, training_frame
from ngm_assets.models.reference import reference_statistics
from ngm_assets.models.registry.versions import COMPLETE, PROMOTED, PROMOTION, VersionInfo
from ngm_assets.monitoring.drift.rows import drift_rows
from ngm_assets.platform import Platform, open_platform
from ngm_assets.settings import load_settings

if TYPE_CHECKING:
    from ngm_assets.models.registry.registry import ModelRegistry

MODEL = "chargeback_attribution"
FEATURES = "features.cost_features"
PREDICTIONS = "predictions.chargeback_attribution_predictions"
LABELS = "labels.cost_features"
FIRST = date(2026, 3, 2)
WORKSPACES = 30
DAYS = 70
TRAINED = FIRST + timedelta(days=50)
"""The first version knows nothing of this day or later."""
LAST = FIRST + timedelta(days=DAYS - 1)
SHIFTED = "tagged_share_28d"

Row = dict[str, Any]
Change = Callable[[date, Row], Row | None]
"""Makes another row of a row of features; None = there is none."""


def as_it_is(_day: date, row: Row) -> Row:
    """Change nothing."""
    return row


@dataclass
class Home:
    """Tables of a home and the versions of its models."""

    platform: Platform
    folder: Path
    infos: list[VersionInfo] = field(default_factory=list)

    @property
    def registry(self) -> ModelRegistry:
        """The versions, answering as the registry does."""
        return cast("ModelRegistry", _Versions(self))

    def rows(self, start: date, end: date, models: Iterable[str] = (MODEL,)) -> list[Row]:
        """Return the rows of drift."""
        return drift_rows(self.platform, self.registry, start, end, list(models))

    def train(self, version: int, as_of: date, name: str = MODEL, **changes: Any) -> None:
        """Keep a champion that learnt the rows before a day; `changes` replace what it keeps."""
        spec = model_spec(name)
        frame = training_frame(self.platform.engine, spec, as_of, self.platform.settings.words)
        predicted = np.random.default_rng(version).normal(size=len(frame))
        reference = reference_statistics(frame, predicted)
        importance = dict.fromkeys(spec.features, 1.0)
        kept = {"spec": spec.model_dump(mode="json"), "reference": reference}
        kept |= {"evaluation": {"importance": importance}} | changes
        folder = self.folder / f"{name}-{version}" / "ngm"
        folder.mkdir(parents=True)
        for part, content in kept.items():
            (folder / f"{part}.json").write_text(json.dumps(content, allow_nan=False))
        tags = {COMPLETE: "true", PROMOTION: PROMOTED}
        run = f"{name}-{version}"
        self.infos.append(VersionInfo(name, version, run, as_of, as_of, tags))

    def kept(self, version: int, part: str) -> Path:
        """Return the file a version keeps."""
        return self.folder / f"{MODEL}-{version}" / "ngm" / f"{part}.json"


@dataclass(frozen=True)
class _Versions:
    home: Home

    @property
    def store(self) -> _Versions:
        return self

    def versions(self, model: str) -> tuple[VersionInfo, ...]:
        return tuple(info for info in self.home.infos if info.model == model)

    def artifacts(self, run_id: str) -> Path:
        return self.home.folder / run_id


def open_home(folder: Path, change: Change = as_it_is, *, gaps: Iterable[date] = ()) -> Home:
    """Return a home with features, usage and predictions, and no version yet.

    Args:
        folder: Empty folder.
        change: What is otherwise than made-up stationary rows.
        gaps: Days without any usage record.
    """
    settings = load_settings(env="local", home=folder, landing=folder / "none", environ={})
    home = Home(open_platform(settings), folder / "versions")
    write_days(home, FIRST, LAST, change, gaps=gaps)
    return home


def write_days(
    home: Home, start: date, end: date, change: Change = as_it_is, *, gaps: Iterable[date] = ()
) -> None:
    """Write the rows of some days, the same for each day whatever the others are."""
    store = home.platform.engine.store
    contracts = home.platform.contracts
    features, usage = contracts[FEATURES], contracts["gold.fact_usage"]
    days = [start + timedelta(days=n) for n in range((end - start).days + 1)]
    made = [change(day, row) for day in days for row in _features(features, day)]
    store(features, [row for row in made if row is not None], start, end)
    used = [
        filled(usage, record_id=f"r{day}", usage_date=day) for day in days if day not in set(gaps)
    ]
    store(usage, used, start, end)
    predicted = [row for day in days for row in _predictions(contracts[PREDICTIONS], day)]
    store(contracts[PREDICTIONS], predicted, start, end)


def filled(contract: TableContract, **values: Any) -> Row:
    """Return a row whose other required columns hold something of their type."""
    anything: dict[str, Any] = {
        "string": "x",
        "double": 0.0,
        "bigint": 0,
        "int": 1,
        "boolean": False,
        "date": FIRST,
        "timestamp": datetime(2026, 1, 1, tzinfo=UTC),
    }
    blank = {
        column.name: anything.get(column.type, Decimal(0))
        for column in contract.columns
        if not column.nullable
    }
    return blank | values


def _features(contract: TableContract, day: date) -> list[Row]:
    rng = np.random.default_rng(day.toordinal())
    spec: ModelSpec = model_spec(MODEL)
    names = [name for name in spec.features if name != "day_of_week"]
    values = rng.normal(size=(WORKSPACES, len(names)))
    shares = rng.uniform(0.4, 0.9, size=WORKSPACES)
    return [
        filled(
            contract,
            workspace_id=f"w{place:02d}",
            usage_date=day,
            day_of_week=day.isoweekday(),
            daily_cost=100.0,
            tagged_cost=float(100.0 * shares[place]),
            **dict(zip(names, map(float, values[place]), strict=True)),
        )
        for place in range(WORKSPACES)
    ]


def _predictions(contract: TableContract, day: date) -> list[Row]:
    rng = np.random.default_rng(10_000_000 + day.toordinal())
    return [
        filled(
            contract,
            workspace_id=f"w{place:02d}",
            usage_date=day,
            prediction=float(value),
            model_name=MODEL,
            model_version=1,
        )
        for place, value in enumerate(rng.normal(size=WORKSPACES))
    ]
