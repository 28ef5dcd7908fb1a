"""How many rows a gold, feature or prediction table should have on each day, by its source."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from ngm_assets.features.quality import expected_counts
from ngm_assets.gold.quality import sound_counts, source_counts
from ngm_assets.gold.tables import rejects_contract
from ngm_assets.lakehouse.quality import daily_counts
from ngm_assets.models.data.dataset import eligible_keys

if TYPE_CHECKING:
    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.platform import Platform


def due_rows(
    platform: Platform, contract: TableContract, spec: ModelSpec | None, start: date, end: date
) -> dict[date, int]:
    """Return the rows due by day: sound raw keys, keys of gold, or keys to score.

    Args:
        platform: Where sources are read.
        contract: A gold or feature table, or the prediction table of `spec`.
        spec: The model of a prediction table; None for another table.
        start: First day.
        end: Last day.

    Raises:
        NgmError: A source cannot be read.
    """
    if spec is not None:
        return eligible_keys(platform.engine, spec, start, end)
    if contract.schema_name == "features":
        return expected_counts(platform.engine, contract, start, end)
    rejects = daily_counts(platform.engine, rejects_contract(contract), start, end)
    return sound_counts(source_counts(platform.engine, contract, start, end), rejects)


def scores_every_row(spec: ModelSpec) -> bool:
    """Tell whether a model scores all rows of its feature table.

    The others score as many as happen to meet their condition, which may be few: half as many as
    last week is nothing unusual.
    """
    return spec.rows.where is None and spec.rows.scored_where is None
