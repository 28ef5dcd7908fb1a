"""Drift of a window of a table: counted by the engine, judged by the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ngm_assets.monitoring.drift.counts import Counted, count_columns
from ngm_assets.monitoring.drift.distribution import Bins, Kind
from ngm_assets.monitoring.drift.judgement import Found, judge

if TYPE_CHECKING:
    from ngm_assets.engine.base import Engine, Value, Window
    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.monitoring.drift.policy import Policy
    from ngm_assets.monitoring.drift.reference import ReferenceColumn
    from ngm_assets.monitoring.drift.severity import TableDrift

NUMBERS = ("double", "float", "decimal", "bigint", "int", "smallint", "tinyint", "boolean")


def measure_drift(
    engine: Engine,
    contract: TableContract,
    reference: Mapping[str, ReferenceColumn],
    window: Window,
    policy: Policy,
    *,
    importance: Mapping[str, float] | None = None,
    where: str = "TRUE",
    parameters: Mapping[str, Value] | None = None,
    repeats: float = 1.0,
) -> TableDrift:
    """Judge the rows of a window against a model's reference, in one pass over the table.

    Args:
        engine: Reads the table.
        contract: The table as it is now.
        reference: Columns of the version's reference.
        window: Partition dates, both ends inclusive.
        policy: Statistics and bands.
        importance: Weight by column; without any, all weigh the same.
        where: Which rows the model is for, in the Databricks dialect.
        parameters: Values of the named parameters in `where`.
        repeats: Rows per independent observation, at least 1: up to the days of the window where an
            entity's values hardly change from day to day.

    Raises:
        ComputeError: The query fails.
    """
    kinds = kinds_of(contract)
    counted = count_columns(
        engine,
        contract.full_name,
        comparable_bins(reference, kinds),
        window,
        where=where,
        parameters=parameters,
    )
    return judge_counts(reference, kinds, counted, policy, importance, Repeats(repeats, repeats))


@dataclass(frozen=True)
class Repeats:
    """Rows per independent observation, at least 1, in the reference and in the window."""

    reference: float
    current: float


def comparable_bins(
    reference: Mapping[str, ReferenceColumn], kinds: Mapping[str, Kind | None]
) -> dict[str, Bins]:
    """Return what to count by: the columns that are still there and of the same kind."""
    return {
        name: column.bins
        for name, column in reference.items()
        if kinds.get(name) == column.distribution.kind
    }


def judge_counts(
    reference: Mapping[str, ReferenceColumn],
    kinds: Mapping[str, Kind | None],
    counted: Counted,
    policy: Policy,
    importance: Mapping[str, float] | None,
    repeats: Repeats,
) -> TableDrift:
    """Judge a window that was counted.

    Args:
        reference: Columns of the version's reference.
        kinds: Kind by column, as the table is now.
        counted: The window, by the columns of `comparable_bins`.
        policy: Statistics and bands.
        importance: Weight by column; without any, all weigh the same.
        repeats: How many rows make one observation.
    """
    current: dict[str, Found] = {
        name: "changed_type" if name in kinds else "missing_column" for name in reference
    }
    current |= {name: replace(each, repeats=repeats.current) for name, each in counted.items()}
    held = {
        name: replace(column, distribution=replace(column.distribution, repeats=repeats.reference))
        for name, column in reference.items()
    }
    return judge(held, current, policy, importance)


def kinds_of(contract: TableContract) -> dict[str, Kind | None]:
    """Return how each column of a table is compared."""
    return {column.name: kind_of(column.type) for column in contract.columns}


def kind_of(sql_type: str) -> Kind | None:
    """Return how a column type is compared; None for one that is not (dates, nested types)."""
    name = sql_type.lower().partition("(")[0].strip()
    if name in NUMBERS:
        return "numeric"
    return "categorical" if name == "string" else None
