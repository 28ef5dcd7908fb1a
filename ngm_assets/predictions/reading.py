"""Reads predictions for people: the newest per key, or one day, the most severe first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Query, Window
from ngm_assets.errors import ConfigError
from ngm_assets.models.catalog.spec import SEVERITIES
from ngm_assets.models.data.dataset import named
from ngm_assets.predictions.latest import latest_view
from ngm_assets.predictions.tables import prediction_contract

if TYPE_CHECKING:
    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.platform import Platform


@dataclass(frozen=True)
class Found:
    """Rows of a prediction table.

    Attributes:
        title: What they are.
        keys: Key columns.
        rows: Plain values by column.
    """

    title: str
    keys: tuple[str, ...]
    rows: list[dict[str, Any]]


def prediction_rows(platform: Platform, model: str, day: date | None, top: int) -> Found:
    """Return at most `top` predictions, the most severe first, then by size and key.

    Args:
        platform: Where predictions are read.
        model: Name of the model.
        day: Feature date; None = the newest row of each key.
        top: Greatest number of rows.

    Raises:
        ConfigError: There is no such model, or no prediction.
    """
    spec = named(model)
    contract = prediction_contract(spec)
    source = latest_view(spec.name) if day is None else contract.full_name
    rank = " ".join(f"WHEN '{name}' THEN {place}" for place, name in enumerate(SEVERITIES))
    direction = "DESC" if spec.worse == "higher" else "ASC"
    keys = ", ".join(contract.key)
    sql = (
        f"SELECT * FROM {source} ORDER BY CASE severity {rank} ELSE -1 END DESC, "
        f"prediction {direction} NULLS LAST, {keys} LIMIT {int(top)}"
    )
    rows = platform.engine.rows(Query(sql, {}, Window(day, day)))
    if not rows:
        raise ConfigError(
            f"{spec.name} has no predictions{'' if day is None else f' of {day}'}.",
            where=contract.full_name,
            mend=_what_there_is(platform, contract),
        )
    when = "newest row of each key" if day is None else f"of {day}"
    return Found(f"{spec.name}, {when}", contract.key, rows)


def _what_there_is(platform: Platform, contract: TableContract) -> str:
    day = contract.partition
    sql = f"SELECT MIN({day}) AS first, MAX({day}) AS last FROM {contract.full_name}"
    row = platform.engine.rows(Query(sql, {}))[0]
    if row["first"] is None:
        return "See `ngm models` whether it has a champion, then score some days: `ngm run`."
    return f"There are predictions from {row['first']} to {row['last']}."
