"""Judges a window of a table, column by column, against the reference of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from ngm_assets.monitoring.drift.distribution import Distribution
from ngm_assets.monitoring.drift.policy import Policy
from ngm_assets.monitoring.drift.reference import ReferenceColumn
from ngm_assets.monitoring.drift.severity import (
    BROKEN,
    ColumnDrift,
    Measured,
    TableDrift,
    table_drift,
    worst,
)
from ngm_assets.monitoring.drift.statistics.base import (
    Outcome,
    Statistic,
    Status,
    not_evaluated,
)

Found = Distribution | str
"""A column's current distribution, or the word for why there is none."""
Key = TypeVar("Key")


def judge(
    reference: Mapping[str, ReferenceColumn],
    current: Mapping[str, Found],
    policy: Policy,
    importance: Mapping[str, float] | None = None,
) -> TableDrift:
    """Judge a window of a table.

    A statistic shows drift where its effect reaches the moderate band and its p-value, adjusted
    over all columns and statistics of the table, is significant. A missing column and a changed
    type are critical.

    Args:
        reference: Columns of the reference.
        current: What was found of each; one that is not named is missing.
        policy: Statistics and bands.
        importance: Weight by column, not negative; without any, all columns weigh the same.
    """
    statistics = policy.resolved()
    found = {name: current.get(name, "missing_column") for name in reference}
    outcomes = {
        (name, statistic.name): _outcome(statistic, column, found[name])
        for name, column in reference.items()
        for statistic in statistics
        if column.distribution.kind in statistic.kinds
    }
    adjusted = benjamini_hochberg(
        {key: each.p_value for key, each in outcomes.items() if _has_p_value(each)}
    )
    weights = _weights(list(reference), importance or {})
    columns = []
    for name in reference:
        measured = tuple(
            _measured(statistic, outcomes[key], adjusted.get(key), policy)
            for statistic in statistics
            if (key := (name, statistic.name)) in outcomes
        )
        columns.append(_column(name, weights[name], found[name], measured, policy))
    return table_drift(columns, policy)


def benjamini_hochberg(p_values: Mapping[Key, float | None]) -> dict[Key, float]:
    """Return p-values adjusted for their number, so that the false discovery rate is kept.

    The i-th smallest of k becomes the least of p_j k / j over j >= i, at most 1. Source: Benjamini
    and Hochberg, Controlling the false discovery rate, 1995.

    Args:
        p_values: By what they belong to; those that are None are left out.
    """
    known = {key: p_value for key, p_value in p_values.items() if p_value is not None}
    least, adjusted = 1.0, {}
    falling = sorted(known.items(), key=lambda item: item[1], reverse=True)
    for place, (key, p_value) in enumerate(falling):
        least = min(least, p_value * len(falling) / (len(falling) - place))
        adjusted[key] = least
    return adjusted


def _has_p_value(outcome: Outcome) -> bool:
    return outcome.status != "could_not_evaluate" and outcome.p_value is not None


def _outcome(statistic: Statistic, column: ReferenceColumn, found: Found) -> Outcome:
    """Return what a statistic says; what goes wrong in it is a reason, never the end of a run."""
    if isinstance(found, str):
        return not_evaluated(found)
    if column.coarse and statistic.name != "missing_rate":
        return not_evaluated("reference_in_one_cell")
    try:
        return statistic.evaluate(column.distribution, found)
    except Exception as error:
        return not_evaluated(f"{statistic.name} failed: {type(error).__name__}: {error}")


def _measured(
    statistic: Statistic, outcome: Outcome, adjusted: float | None, policy: Policy
) -> Measured:
    if outcome.effect is None or outcome.status == "could_not_evaluate":
        return Measured(statistic.name, outcome, None, "none")
    severity = policy.bands_of(statistic).severity(outcome.effect)
    chance = adjusted is not None and adjusted > policy.significance
    if severity == "none" or chance:
        return Measured(statistic.name, replace(outcome, status="stable"), adjusted, "none")
    return Measured(statistic.name, replace(outcome, status="drifted"), adjusted, severity)


def _weights(names: Sequence[str], importance: Mapping[str, float]) -> dict[str, float]:
    total = sum(importance.get(name, 0.0) for name in names)
    if total <= 0.0:
        return {name: 1.0 / len(names) for name in names}
    return {name: importance.get(name, 0.0) / total for name in names}


def _column(
    name: str, weight: float, found: Found, measured: tuple[Measured, ...], policy: Policy
) -> ColumnDrift:
    if isinstance(found, str) and found in BROKEN:
        return ColumnDrift(name, weight, "critical", "drifted", found, measured)
    decisive = [each for each in measured if each.statistic in policy.decisive]
    severity = worst(each.severity for each in decisive)
    reasons = [o.reason for o in (m.outcome for m in measured) if o.status == "could_not_evaluate"]
    reasons += [] if decisive else ["no_decisive_statistic"]
    status: Status = "could_not_evaluate" if reasons else "stable"
    return ColumnDrift(
        name,
        weight,
        severity,
        status if severity == "none" else "drifted",
        "; ".join(dict.fromkeys(reasons)),
        measured,
    )
