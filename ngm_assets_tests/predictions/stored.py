"""Writes prediction tables by hand, through the engine that reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from ngm_assets.engine.base import Query
from ngm_assets.models.data.dataset import model_spec
from ngm_assets.platform import Platform
from ngm_assets.predictions.tables import prediction_contract
from ngm_assets_tests.estate import open_estate

Row = Mapping[str, str | float | date | None]
COMMON: Row = {
    "run_id": "run",
    "feature_fingerprint": "0" * 16,
    "drivers": "[]",
    "model_version": 1,
    "scored_at": "2026-06-01 03:00:00",
}


def empty_platform(folder: Path) -> Platform:
    """Return a platform without any table."""
    return open_estate(folder / "landing", folder / "home")


def store(platform: Platform, model: str, rows: Sequence[Row]) -> None:
    """Write rows of a model's prediction table; columns that are not given are null."""
    contract = prediction_contract(model_spec(model))
    days = [row[contract.partition] for row in rows]
    first, last = min(map(str, days)), max(map(str, days))
    selects = []
    for row in rows:
        filled = {**COMMON, "model_name": model, **row}
        values = (f"{_literal(filled.get(name))} AS {name}" for name in contract.column_names)
        selects.append(f"SELECT {', '.join(values)}")
    query = Query(" UNION ALL ".join(selects), {})
    platform.engine.overwrite(
        contract, [query], date.fromisoformat(first), date.fromisoformat(last)
    )


def _literal(value: str | float | date | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, date):
        return f"DATE '{value}'"
    return f"'{value}'" if isinstance(value, str) else str(value)
