"""Scores whole days: every eligible key, with the champion in force on each day; safe to repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from ngm_assets.engine.base import Query, Window
from ngm_assets.features.tables import feature_contracts
from ngm_assets.models.data.dataset import eligible_keys, scoring_frame
from ngm_assets.platform import Platform
from ngm_assets.predictions.scoring import score
from ngm_assets.predictions.tables import prediction_contract

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.registry.registry import ModelRegistry

WHEN_AND_WHO = ("scored_at", "run_id")


@dataclass(frozen=True)
class ScoredDays:
    """What scoring a range of days did.

    Attributes:
        eligible: Keys in the feature table per day.
        scored: Rows written per day.
        flagged: Rows above severity info per day.
        versions: Version in force per day; None = no champion yet.
        changed: Days whose rows differ from what was stored.
    """

    eligible: dict[date, int]
    scored: dict[date, int]
    flagged: dict[date, int]
    versions: dict[date, int | None]
    changed: tuple[date, ...]


def score_days(
    platform: Platform,
    registry: ModelRegistry,
    spec: ModelSpec,
    days: Sequence[date],
    *,
    scored_at: datetime,
    run_id: str,
) -> ScoredDays:
    """Score consecutive days and overwrite their partitions in one commit.

    Rows that come out as they are stored keep their `scored_at` and `run_id`, so a repeated run
    changes nothing. A day before the first champion gets no rows.

    Raises:
        ModelError: The feature table no longer fits a version's contract.
    """
    import pandas as pd

    contract = prediction_contract(spec)
    platform.lakehouse.ensure(contract)
    days = list(days)
    versions = registry.versions_in_force(spec.name, days)
    parts = [
        _score_run(platform, registry, spec, run, version, scored_at, run_id)
        for version, run in _runs(days, versions)
    ]
    parts = [part for part in parts if len(part)]
    stored = _stored(platform, contract, days)
    fresh = pd.concat(parts, ignore_index=True) if parts else stored.iloc[:0]
    rows, changed = _keep_unchanged(contract, fresh, stored, days)
    if changed:
        table = to_arrow(contract, rows)
        platform.lakehouse.overwrite(contract, table.to_reader, days[0], days[-1])
    per_day = pd.to_datetime(rows[contract.partition]).dt.date
    eligible = eligible_keys(platform.engine, spec, days[0], days[-1])
    flagged = rows["severity"].notna() & (rows["severity"] != "info")
    return ScoredDays(
        eligible={day: eligible.get(day, 0) for day in days},
        scored={day: int((per_day == day).sum()) for day in days},
        flagged={day: int(((per_day == day) & flagged).sum()) for day in days},
        versions=versions,
        changed=tuple(changed),
    )


def _runs(
    days: Sequence[date], versions: dict[date, int | None]
) -> list[tuple[int, tuple[date, date]]]:
    """Return spans of consecutive days that share a version."""
    spans: list[tuple[int, tuple[date, date]]] = []
    for day in days:
        version = versions[day]
        if version is None:
            continue
        if spans and spans[-1][0] == version and (day - spans[-1][1][1]).days == 1:
            spans[-1] = (version, (spans[-1][1][0], day))
        else:
            spans.append((version, (day, day)))
    return spans


def _score_run(
    platform: Platform,
    registry: ModelRegistry,
    spec: ModelSpec,
    span: tuple[date, date],
    version: int,
    scored_at: datetime,
    run_id: str,
) -> pd.DataFrame:
    loaded = registry.load(spec.name, version)
    table = feature_contracts()[spec.feature_table]
    loaded.contract.require(table.name, {column.name: column.type for column in table.columns})
    frame = scoring_frame(platform.engine, loaded.spec, loaded.contract, *span)
    return score(loaded, frame.keys, frame.features, scored_at=scored_at, run_id=run_id)


def _stored(platform: Platform, contract: TableContract, days: Sequence[date]) -> pd.DataFrame:
    sql = f"SELECT * FROM {contract.full_name}"
    return platform.engine.frame(Query(sql, {}, Window(days[0], days[-1])))


def _keep_unchanged(
    contract: TableContract, fresh: pd.DataFrame, stored: pd.DataFrame, days: Sequence[date]
) -> tuple[pd.DataFrame, list[date]]:
    import pandas as pd

    order = [contract.partition, *contract.entity_key]
    new = to_arrow(contract, fresh).to_pandas().sort_values(order, ignore_index=True)
    old = to_arrow(contract, stored).to_pandas().sort_values(order, ignore_index=True)
    kept, changed = [], []
    for day in days:
        now, then = (part[part[contract.partition] == day] for part in (new, old))
        same = (
            now.drop(columns=list(WHEN_AND_WHO))
            .reset_index(drop=True)
            .equals(then.drop(columns=list(WHEN_AND_WHO)).reset_index(drop=True))
        )
        kept.append(then if same else now)
        if not same:
            changed.append(day)
    return pd.concat(kept, ignore_index=True), changed


def to_arrow(contract: TableContract, rows: pd.DataFrame) -> pa.Table:
    """Return the rows as an Arrow table with the contract's schema.

    What pandas called the types is forgotten: it differs between fresh and stored rows.
    """
    import pyarrow as pa

    schema = contract.arrow_schema()
    table = pa.Table.from_pandas(
        rows[schema.names], schema=schema, preserve_index=False, safe=False
    )
    return table.replace_schema_metadata(None)
