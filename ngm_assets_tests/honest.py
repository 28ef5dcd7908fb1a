"""A demo estate, whole and as it was known on the eve of two Mondays, with its labels and frames.

What was known on a Monday is made anew from raw files that hold nothing later.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ngm_assets.demo.generate import generate
from ngm_assets.engine.base import Query
from ngm_assets.features.tables import feature_contracts
from ngm_assets.gold.tables import gold_contracts
from ngm_assets.models.data.dataset import (
    label_parameters,
    label_sql,
    model_spec,
    training_frame,
)
from ngm_assets.models.data.frames import ModelFrame
from ngm_assets.platform import Platform
from ngm_assets_tests.estate import open_estate, write_features, write_gold
from ngm_assets_tests.trimming import trim

if TYPE_CHECKING:
    import pandas as pd

DAYS, SEED, SCALE = 110, 3, 0.3
MONDAYS = (date(2026, 6, 8), date(2026, 6, 22))
KEPT_WHOLE = ("gold.fact_usage", "gold.dim_cluster")
"""Tables that are not cut: cost labels need only the last day of the one; a change of runtime in
the other has no outcome without the runs that follow it."""


class Estates:
    """The whole estate and what was known of it on the eve of each Monday; labels and frames."""

    def __init__(self, folder: Path) -> None:
        made = generate(folder / "landing", days=DAYS, seed=SEED, scale=SCALE)
        self.start, self.end = made.start, made.end
        self.whole = open_estate(folder / "landing", folder / "whole")
        write_gold(self.whole, made.start, made.end)
        write_features(self.whole, made.start, made.end)
        self.known = {monday: self._known_on(folder, monday) for monday in MONDAYS}
        self.labels = cache(self._labels)
        self.cut_out = cache(self._cut_out)
        self.frame = cache(self._frame)

    def _known_on(self, folder: Path, monday: date) -> Platform:
        trim(folder / "landing", folder / f"until {monday}", lambda _, day: day < monday)
        platform = open_estate(folder / f"until {monday}", folder / f"home {monday}")
        write_gold(platform, self.start, self.end)
        write_features(platform, self.start, monday - timedelta(days=1))
        return platform

    def _labels(self, table: str, monday: date | None = None) -> pd.DataFrame:
        """Return a feature table's label columns by key, as known on a Monday or in the end."""
        platform = self.whole if monday is None else self.known[monday]
        last = self.end if monday is None else monday - timedelta(days=1)
        return labels_of(platform, table, label_sql(table), self.start, last)

    def _cut_out(self, table: str, day: date, horizon: int, *, later: bool) -> pd.DataFrame:
        """Return a day's labels without the rows of its horizon, with or without later ones."""
        return labels_of(
            self.whole, table, cut(label_sql(table), day, horizon, later=later), day, day
        )

    def _frame(self, model: str, monday: date, *, early: bool) -> ModelFrame:
        """Return the training rows as of a Monday, from the whole estate or the earlier one."""
        spec = model_spec(model)
        platform = self.known[monday] if early else self.whole
        return training_frame(platform.engine, spec, monday, platform.settings.words)


def labels_of(platform: Platform, table: str, sql: str, start: date, end: date) -> pd.DataFrame:
    """Return the columns of label SQL on the days `start..end`, indexed by day and entity."""
    contract = feature_contracts()[table]
    parameters = {"start_date": start, "end_date": end, **label_parameters(platform.settings.words)}
    rows = platform.engine.frame(Query(sql, parameters))
    rows[contract.partition] = rows[contract.partition].dt.date
    return rows.set_index([contract.partition, *contract.entity_key]).sort_index()


def cut(sql: str, day: date, horizon: int, *, later: bool) -> str:
    """Return label SQL over tables without the days of the horizon, and perhaps later ones."""
    contracts = feature_contracts() | gold_contracts()
    for contract in contracts.values():
        name, column = contract.full_name, contract.partition
        if name not in KEPT_WHOLE:
            after = f" OR {column} > DATE '{day + timedelta(days=horizon)}'" if later else ""
            rows = f"(SELECT * FROM {name} WHERE {column} <= DATE '{day}'{after})"
            sql = re.sub(rf"\b{re.escape(name)}\b", rows, sql)
    return sql
