"""The rows of monitoring.drift_metrics: every model's champion, held against its training rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from ngm_assets.days import days_between
from ngm_assets.errors import NgmError
from ngm_assets.models.data.dataset import catalog, named
from ngm_assets.models.registry.versions import newest_promoted
from ngm_assets.monitoring.drift.measure import comparable_bins, judge_counts
from ngm_assets.monitoring.drift.metrics import Place, Row, not_evaluated_row, table_rows
from ngm_assets.monitoring.drift.policy import policy_of
from ngm_assets.monitoring.drift.subjects import (
    LABELS,
    Subject,
    subjects,
    tables_of,
    together,
    told,
)
from ngm_assets.monitoring.drift.watched import watched_version
from ngm_assets.monitoring.drift.windows import Source, trailing_windows

if TYPE_CHECKING:
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.registry.registry import ModelRegistry
    from ngm_assets.models.registry.versions import VersionInfo
    from ngm_assets.monitoring.drift.policy import Policy
    from ngm_assets.platform import Platform


def drift_rows(
    platform: Platform,
    registry: ModelRegistry,
    start: date,
    end: date,
    models: Sequence[str] | None = None,
) -> list[Row]:
    """Return the rows of monitoring.drift_metrics of the days start..end.

    For every day and model with a champion in force on it, three tables are judged over the
    trailing window: the features of the rows to score, what the champion predicted, and the labels
    that became known within the window, each against the champion's training rows. What fails
    becomes a table row that could not be evaluated. A day's rows depend on nothing dated after it,
    and are the same whatever range they are asked for in.

    Args:
        platform: Tables and settings.
        registry: Versions and what they keep of their training.
        start: First day.
        end: Last day, inclusive.
        models: Names of models; None = all.

    Raises:
        ConfigError: There is no such model, or the settings do not do.
        RegistryError: The registry does not tell which versions there are.
    """
    drift = platform.settings.monitoring.drift
    policy = policy_of(drift.policy)
    specs = catalog() if models is None else [named(name) for name in models]
    rows: list[Row] = []
    for spec in specs:
        for info, days in _in_force(registry, spec.name, days_between(start, end)):
            rows += _version_rows(platform, registry, info, spec, days, policy)
    return sorted(rows, key=_order)


def _order(row: Row) -> tuple[date, str, str, str, str]:
    return (
        row["monitor_date"],
        row["model_name"],
        row["table_name"],
        row["column_name"],
        row["statistic"],
    )


def _in_force(
    registry: ModelRegistry, model: str, days: Iterable[date]
) -> Iterator[tuple[VersionInfo, list[date]]]:
    """Yield each champion with the days on which it was in force."""
    versions = registry.versions(model)
    found: dict[int, tuple[VersionInfo, list[date]]] = {}
    for day in days:
        info = newest_promoted(versions, day)
        if info is not None:
            found.setdefault(info.version, (info, []))[1].append(day)
    yield from found.values()


def _version_rows(
    platform: Platform,
    registry: ModelRegistry,
    info: VersionInfo,
    spec: ModelSpec,
    days: Sequence[date],
    policy: Policy,
) -> Iterator[Row]:
    length = platform.settings.monitoring.drift.window_days
    try:
        watched = watched_version(registry, info)
    except NgmError as error:
        for table in tables_of(info.model, spec.feature_table):
            yield from _failed(info, table, spec.horizon_days, days, length, told(error))
        return
    for table, subject in subjects(platform, watched, length):
        try:
            if not isinstance(subject, str):
                yield from list(_subject_rows(platform, info, subject, days, length, policy))
                continue
            reason = subject
        except NgmError as error:
            reason = told(error)
        yield from _failed(info, table, watched.spec.horizon_days, days, length, reason)


def _subject_rows(
    platform: Platform,
    info: VersionInfo,
    subject: Subject,
    days: Sequence[date],
    length: int,
    policy: Policy,
) -> Iterator[Row]:
    bins = comparable_bins(subject.reference, subject.kinds)
    for some in together(platform, subject.source, days):
        windows = trailing_windows(platform.engine, subject.source, bins, some, length)
        for day, counted in windows.items():
            drift = judge_counts(
                subject.reference,
                subject.kinds,
                counted,
                policy,
                subject.importance,
                subject.repeats,
            )
            window = subject.source.span(day, length)
            place = Place(info.model, info.version, subject.table, day, window)
            yield from table_rows(place, subject, counted, drift)


def _failed(
    info: VersionInfo, table: str, lag: int, days: Sequence[date], length: int, reason: str
) -> Iterator[Row]:
    source = Source(table, "", lag=lag if table.startswith(LABELS) else 0)
    for day in days:
        place = Place(info.model, info.version, table, day, source.span(day, length))
        yield not_evaluated_row(place, reason)
