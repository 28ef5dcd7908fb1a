"""Drift of a window of a table: counted by the engine, judged by the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ngm_assets.monitoring.counts import count_columns
from ngm_assets.monitoring.distribution import Kind
from ngm_assets.monitoring.judgement import Found, judge

if TYPE_CHECKING:
    from ngm_assets.engine.base import Engine, Value, Window
    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.monitoring.policy import Policy
    from ngm_assets.monitoring.reference import ReferenceColumn
    from ngm_assets.monitoring.severity import TableDrift

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
    kinds = {column.name: kind_of(column.type) for column in contract.columns}
    known = {
        name: column
        for name, column in reference.items()
        if kinds.get(name) == column.distribution.kind
    }
    counted = count_columns(
        engine,
        contract.full_name,
        {name: column.bins for name, column in known.items()},
        window,
        where=where,
        parameters=parameters,
    )
    current: dict[str, Found] = {
        name: "changed_type" if name in kinds else "missing_column" for name in reference
    }
    current |= {name: replace(each, repeats=repeats) for name, each in counted.items()}
    held = {
        name: replace(column, distribution=replace(column.distribution, repeats=repeats))
        for name, column in reference.items()
    }
    return judge(held, current, policy, importance)


def kind_of(sql_type: str) -> Kind | None:
    """Return how a column type is compared; None for one that is not (dates, nested types)."""
    name = sql_type.lower().partition("(")[0].strip()
    if name in NUMBERS:
        return "numeric"
    return "categorical" if name == "string" else None
