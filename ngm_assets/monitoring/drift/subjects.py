"""What of a model version is held against its training rows: features, predictions and labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from ngm_assets.days import days_between
from ngm_assets.engine.sql import output_columns
from ngm_assets.errors import NgmError
from ngm_assets.features.tables import feature_contracts
from ngm_assets.models.data.dataset import label_parameters, label_sql
from ngm_assets.monitoring.drift.measure import Repeats, kinds_of
from ngm_assets.monitoring.drift.reference import (
    ReferenceColumn,
    reference_column,
    reference_columns,
)
from ngm_assets.monitoring.drift.windows import Source
from ngm_assets.monitoring.reach import quiet_days
from ngm_assets.predictions.tables import prediction_contracts, table_name

if TYPE_CHECKING:
    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.monitoring.drift.distribution import Kind
    from ngm_assets.monitoring.drift.watched import Watched
    from ngm_assets.platform import Platform

PREDICTION = "prediction"
LABELS = "labels."
"""Before the name of the feature table the labels belong to."""


@dataclass(frozen=True)
class Subject:
    """Columns of one table that are judged together.

    Attributes:
        table: What the results call it.
        source: Its rows.
        reference: Reference of each column.
        reference_rows: Training rows.
        kinds: Kind by column, as the table is now.
        importance: Weight by column; empty = all weigh the same.
        repeats: How many rows make one observation.
    """

    table: str
    source: Source
    reference: Mapping[str, ReferenceColumn]
    reference_rows: int
    kinds: Mapping[str, Kind | None]
    importance: Mapping[str, float]
    repeats: Repeats


def tables_of(model: str, feature_table: str) -> tuple[str, str, str]:
    """Return what the results call a model's features, predictions and labels."""
    return (
        f"features.{feature_table}",
        f"predictions.{table_name(model)}",
        f"{LABELS}{feature_table}",
    )


def subjects(
    platform: Platform, watched: Watched, window_days: int
) -> Iterator[tuple[str, Subject | str]]:
    """Yield features, predictions and labels of a version by the table's name in the results.

    Where one cannot be compared at all, the reason stands for it. An entity hardly changes within
    a window, so the rows of its days count as one observation.
    """
    builders = (_features, _prediction, _label)
    for table, build in zip(
        tables_of(watched.model, watched.spec.feature_table), builders, strict=True
    ):
        try:
            yield table, build(platform, watched, table, window_days)
        except NgmError as error:
            yield table, told(error)


def told(error: NgmError) -> str:
    """Return an error as a reason: its kind and what happened, in one line."""
    return f"{type(error).__name__}: {' '.join(error.what.split())}"


def _features(platform: Platform, watched: Watched, table: str, days: int) -> Subject | str:
    """Return the rows the model is to score, without columns that move by themselves."""
    contract = feature_contracts().get(watched.spec.feature_table)
    if contract is None:
        return "no_feature_table"
    moving = {column.name for column in contract.columns if not column.monitored}
    columns = reference_columns(watched.reference)
    return Subject(
        table,
        Source(contract.full_name, contract.partition, watched.spec.rows.scored()),
        {name: column for name, column in columns.items() if name not in moving},
        int(watched.reference["rows"]),
        kinds_of(contract),
        watched.importance,
        Repeats(days, days),
    )


def _prediction(platform: Platform, watched: Watched, table: str, days: int) -> Subject | str:
    """Return what this very version predicted."""
    contract = prediction_contracts().get(table_name(watched.model))
    if contract is None:
        return "no_prediction_table"
    column = reference_column(PREDICTION, watched.reference[PREDICTION])
    return Subject(
        table,
        Source(
            contract.full_name,
            contract.partition,
            "model_version = :version",
            {"version": watched.version},
        ),
        {PREDICTION: column},
        column.distribution.rows,
        kinds_of(contract),
        {},
        Repeats(days, days),
    )


def _label(platform: Platform, watched: Watched, table: str, days: int) -> Subject | str:
    """Return the known labels of the rows the model learns from.

    The labels of two days overlap as long as their horizon, so that many rows of the reference are
    one observation.
    """
    stored = watched.reference.get("label")
    if stored is None:
        return "reference_without_label"
    spec, contract = watched.spec, feature_contracts().get(watched.spec.feature_table)
    name = spec.target.column
    if contract is None:
        return "no_feature_table"
    if name not in output_columns(label_sql(contract.name)):
        return "label_without_definition"
    column = reference_column(name, stored)
    return Subject(
        table,
        Source(
            _labels(spec, contract),
            contract.partition,
            f"{name} IS NOT NULL",
            label_parameters(platform.settings.words),
            spec.horizon_days,
        ),
        {name: column},
        column.distribution.rows,
        {name: column.distribution.kind},
        {},
        Repeats(max(days, spec.horizon_days), days),
    )


def _labels(spec: ModelSpec, contract: TableContract) -> str:
    """Return a query in brackets: date and label of the rows the model learns from."""
    day, joined = contract.partition, " AND ".join(f"l.{n} = f.{n}" for n in contract.key)
    rows = (
        f"SELECT {', '.join(contract.key)} FROM {contract.full_name} "
        f"WHERE {spec.rows.where or 'TRUE'}"
    )
    return (
        f"(SELECT f.{day}, l.{spec.target.column} FROM ({rows}) AS f "
        f"JOIN ({label_sql(contract.name)}) AS l ON {joined} "
        f"WHERE f.{day} BETWEEN :start_date AND :end_date) AS labelled"
    )


def together(
    platform: Platform, source: Source, days: Sequence[date]
) -> tuple[tuple[date, ...], ...]:
    """Return which days may be counted together, in order.

    A label of date t looks at t + horizon at most, so that later days do not change it, with one
    exception: where days of the source tables are known by their last day alone, a day on which a
    table has no rows is known from the next one on. If there is such a day, each is counted with
    nothing read that is dated after it.
    """
    whole = tuple(days)
    if source.lag and len(whole) > 1:
        span = days_between(whole[0], whole[-1])
        if quiet_days(platform, f"SELECT * FROM {source.sql}", span):
            return tuple((each,) for each in whole)
    return (whole,)
