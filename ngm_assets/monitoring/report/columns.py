"""Picks the columns a report shows and lays their shares side by side, bin by bin."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ngm_assets.monitoring.alerting.sinks.base import one_line
from ngm_assets.monitoring.drift.metrics import ALL
from ngm_assets.monitoring.drift.statistics.base import DRIFT_SEVERITIES
from ngm_assets.monitoring.telling import NOT_EVALUATED

UNKNOWN = "not evaluated"
WORST_COLUMNS = 9
MOST_BINS = 20
"""Bins of a column that are shown one by one; of more categories, those that moved most."""
LONGEST_LABEL = 60
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Bin:
    """A bin's shares, 0..1, in training and in the window.

    Attributes:
        label: Its name.
        before: Share in training.
        now: Share in the window.
        one: Whether it is one bin, not several that are told as one.
    """

    label: str
    before: float
    now: float
    one: bool = True


@dataclass(frozen=True)
class Column:
    """A column on a day, as it is held against the training rows of one model.

    Attributes:
        title: Table and column.
        severity: none to critical, or "not evaluated".
        note: Model, PSI effect, reason.
        bins: Shares; empty where there are no counts.
    """

    title: str
    severity: str
    note: str
    bins: tuple[Bin, ...]

    @property
    def most(self) -> float:
        """The greatest share of one bin, 1 where all are 0."""
        shares = (max(each.before, each.now) for each in self.bins if each.one)
        return max(shares, default=0.0) or 1.0


def said_of(row: Row) -> str:
    """Return a row's severity, or that it was not evaluated, which is no good news."""
    severity: str = row["severity"]
    return UNKNOWN if severity == "none" and row["status"] == NOT_EVALUATED else severity


def worst_columns(rows: Sequence[Row]) -> list[Column]:
    """Return the columns that moved most, the worst first, each for the model that says worst.

    A column that has no counts is shown only where it drifted: it is missing, or of another type.

    Args:
        rows: The judgements of columns and the statistic `psi` of one day.
    """
    effects = {_key(row): row["effect"] or 0.0 for row in rows if row["statistic"] == "psi"}
    judged = [row for row in rows if row["statistic"] == ALL and row["column_name"] != ALL]

    def rank(row: Row) -> tuple[int, float, tuple[str, ...]]:
        return -DRIFT_SEVERITIES.index(row["severity"]), -effects.get(_key(row), 0.0), _key(row)

    shown: dict[tuple[str, str], Column] = {}
    for row in sorted(judged, key=rank):
        place = (row["table_name"], row["column_name"])
        counted = row["bins"] and row["reference_counts"] and row["current_counts"]
        if place not in shown and (counted or row["severity"] != "none"):
            shown[place] = _column(row, effects.get(_key(row)), bool(counted))
        if len(shown) == WORST_COLUMNS:
            break
    return list(shown.values())


def _key(row: Row) -> tuple[str, ...]:
    return row["model_name"], row["table_name"], row["column_name"]


def _column(row: Row, effect: float | None, counted: bool) -> Column:
    psi = "" if effect is None else f", PSI {effect:.3f}"
    reason = f", {row['reason']}" if row["reason"] else ""
    return Column(
        title=f"{row['table_name']}.{row['column_name']}",
        severity=said_of(row),
        note=f"{row['model_name']} v{row['model_version']}{psi}{reason}",
        bins=_bins(row) if counted else (),
    )


def _bins(row: Row) -> tuple[Bin, ...]:
    listed = json.loads(row["bins"])
    before = _shares(json.loads(row["reference_counts"]))
    now = _shares(json.loads(row["current_counts"]))
    if not listed:
        labels = ["all values"]
    elif isinstance(listed[0], str):
        labels = [*(_label(text) for text in listed), "others"]
    else:
        labels = [*_edges(listed), "above"]
    found = [Bin(*each) for each in zip(labels, before, now, strict=True)]
    return _fewer(found)


def _shares(counts: Sequence[int]) -> tuple[float, ...]:
    total = sum(counts)
    return tuple(count / total if total else 0.0 for count in counts)


def _label(text: str) -> str:
    """Return a text in one short line that keeps its beginning and its end."""
    line = one_line(text) or "(empty text)"
    if len(line) <= LONGEST_LABEL:
        return line
    half = LONGEST_LABEL // 2
    return f"{line[: half - 1]}…{line[-half:]}"


def _edges(edges: Sequence[float]) -> list[str]:
    """Return the edges with as few digits as tell them apart, at least 4."""
    for digits in range(4, 17):
        texts = [f"≤ {edge:.{digits}g}" for edge in edges]
        if len(set(texts)) == len(texts):
            return texts
    return [f"≤ {edge!r}" for edge in edges]


def _fewer(bins: Sequence[Bin]) -> tuple[Bin, ...]:
    """Keep the bins that moved most, in their order, and the rest as one."""
    if len(bins) <= MOST_BINS:
        return tuple(bins)
    moved = sorted(range(len(bins)), key=lambda n: -abs(bins[n].now - bins[n].before))
    kept = set(moved[: MOST_BINS - 1])
    rest = [each for n, each in enumerate(bins) if n not in kept]
    more = Bin(f"{len(rest)} more", sum(r.before for r in rest), sum(r.now for r in rest), False)
    return (*(each for n, each in enumerate(bins) if n in kept), more)
