"""Scores whole days: every eligible key, with the champion in force on each day; safe to repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from ngm_assets.engine.base import Mapped, Query, Window
from ngm_assets.features.tables import feature_contracts
from ngm_assets.models.data.dataset import eligible_keys, scoring_query
from ngm_assets.platform import Platform
from ngm_assets.predictions.scorer import Scorer
from ngm_assets.predictions.tables import prediction_contract

if TYPE_CHECKING:
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
    """Score consecutive days and replace the partitions that changed, in one commit.

    Days whose rows come out as they are stored stay untouched with their `scored_at` and
    `run_id`, so a repeated run changes nothing. A day before the first champion gets no rows.

    Raises:
        ModelError: The feature table no longer fits a version's contract.
    """
    engine, contract = platform.engine, prediction_contract(spec)
    versions = registry.versions_in_force(spec.name, days)
    parts = [
        _scored(registry, spec, version, run, scored_at, run_id)
        for version, run in _runs(days, versions)
    ]
    changed = engine.refresh(contract, parts, days[0], days[-1], ignoring=WHEN_AND_WHO)
    eligible = eligible_keys(engine, spec, days[0], days[-1])
    scored, flagged = _counts(platform, contract, days)
    return ScoredDays(
        eligible={day: eligible.get(day, 0) for day in days},
        scored={day: scored.get(day, 0) for day in days},
        flagged={day: flagged.get(day, 0) for day in days},
        versions=versions,
        changed=changed,
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


def _scored(
    registry: ModelRegistry,
    spec: ModelSpec,
    version: int,
    span: tuple[date, date],
    scored_at: datetime,
    run_id: str,
) -> Mapped:
    loaded = registry.load(spec.name, version)
    table = feature_contracts()[spec.feature_table]
    loaded.contract.require(table.name, {column.name: column.type for column in table.columns})
    scorer = Scorer(loaded, registry.folder(spec.name, version), table, scored_at, run_id)
    return Mapped(scoring_query(loaded.spec, loaded.contract, *span), scorer)


def _counts(
    platform: Platform, contract: TableContract, days: Sequence[date]
) -> tuple[dict[date, int], dict[date, int]]:
    """Return the stored rows per day, and those above severity info."""
    sql = (
        f"SELECT {contract.partition} AS day, COUNT(*) AS n, "
        f"COUNT(CASE WHEN severity <> 'info' THEN 1 END) AS above "
        f"FROM {contract.full_name} GROUP BY {contract.partition}"
    )
    rows = platform.engine.rows(Query(sql, {}, Window(days[0], days[-1])))
    return {r["day"]: int(r["n"]) for r in rows}, {r["day"]: int(r["above"]) for r in rows}
