"""Feature, gold and prediction tables made row by row, and a registry that only promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from ngm_assets.errors import RegistryError
from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.models.data.dataset import model_spec
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets.models.registry.versions import VersionInfo, newest_promoted
from ngm_assets.platform import Platform
from ngm_assets.predictions.tables import prediction_contract
from ngm_assets_tests.estate import open_estate

Row = Mapping[str, Any]
START = date(2024, 3, 1)
FILLERS: dict[str, Any] = {
    "string": "x",
    "boolean": False,
    "date": START,
    "timestamp": datetime(2024, 1, 1, tzinfo=UTC),
}


def day(number: int) -> date:
    """Return the day so many days after the first."""
    return START + timedelta(days=number)


def empty_platform(folder: Path) -> Platform:
    """Return a platform without any table."""
    return open_estate(folder / "landing", folder / "home")


def filled(contract: TableContract, row: Row) -> dict[str, Any]:
    """Return a row with something in every column that must not be null."""
    needed = {c.name: _filler(c.type, c.min) for c in contract.columns if not c.nullable}
    return {**needed, **row}


def _filler(kind: str, least: float | None) -> Any:
    name = kind.partition("(")[0]
    if name in FILLERS:
        return FILLERS[name]
    return float(least or 0) if name == "double" else int(least or 0)


def store(platform: Platform, full_name: str, rows: Sequence[Row]) -> None:
    """Make a table hold these rows from their first to their last day."""
    contract = platform.contracts[full_name]
    days = [row[contract.partition] for row in rows]
    whole = [filled(contract, row) for row in rows]
    platform.engine.store(contract, whole, min(days), max(days))


def store_predictions(platform: Platform, model: str, rows: Sequence[Row]) -> None:
    """Make a prediction table hold these rows; what is not given is null."""
    contract = prediction_contract(model_spec(model))
    store(platform, contract.full_name, [{"model_name": model, **row} for row in rows])


@dataclass
class Promised:
    """A registry of which only versions, evaluations and specifications are asked.

    Attributes:
        model: Name of the one model.
        holdouts: Record of the primary metric by version: value, low, high.
        positive_share: Of every holdout.
        trained_through: Last day of training by version.
        broken: Versions whose files are gone.
    """

    model: str
    holdouts: dict[int, tuple[float | None, float | None, float | None]]
    positive_share: float = 0.5
    trained_through: dict[int, date] = field(default_factory=dict)
    metric: str = ""
    column: str = ""
    broken: tuple[int, ...] = ()

    def as_registry(self) -> ModelRegistry:
        """Return it under the type that callers expect."""
        return cast(ModelRegistry, self)

    def versions(self, model: str) -> tuple[VersionInfo, ...]:
        """Return the versions of the model; another has none."""
        if model != self.model:
            return ()
        return tuple(
            VersionInfo(
                model,
                version,
                f"run{version}",
                as_of=day(version),
                trained_through=self.trained_through.get(version, START),
                tags={"promotion": "promoted"},
            )
            for version in self.holdouts
        )

    def champion_in_force(self, model: str, on: date) -> VersionInfo | None:
        """Return the newest promoted version of a day."""
        return newest_promoted(self.versions(model), on)

    def evaluation_of(self, info: VersionInfo) -> dict[str, Any]:
        """Return what was measured on the holdout."""
        if info.version in self.broken:
            raise RegistryError("A file of the version cannot be read.")
        value, low, high = self.holdouts[info.version]
        metric = self.metric or model_spec(self.model).metric.name
        share = self.positive_share
        return {
            "measured": {"metric": metric, "value": value, "low": low, "high": high, "reason": ""},
            "secondary": {"precision_at_budget": 0.5, "lift_at_budget": 0.5 / share},
            "class_counts": {},
        }

    def specification_of(self, info: VersionInfo) -> dict[str, Any]:
        """Return what the version was made by."""
        spec = model_spec(info.model).model_dump(mode="json")
        if self.column:
            kind = "label" if spec["label"] else "proxy"
            spec[kind] = {**spec[kind], "column": self.column}
        return spec
