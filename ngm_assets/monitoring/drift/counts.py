"""Counts rows by the bins of their columns, each of which is read once."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Query, Value, Window
from ngm_assets.errors import ComputeError
from ngm_assets.lakehouse.statements import quoted
from ngm_assets.monitoring.drift.distribution import Bins, Distribution, NumericBins

if TYPE_CHECKING:
    from ngm_assets.engine.base import Engine

LARGEST = sys.float_info.max
AT_ONCE = 600
"""Counts in one query, which is about 50 columns: it bounds the memory, and a query's text."""
DAY = "counted_day"

Counted = dict[str, Distribution]
"""Distribution by column."""


def count_columns(
    engine: Engine,
    table: str,
    bins: Mapping[str, Bins],
    window: Window,
    *,
    where: str = "TRUE",
    parameters: Mapping[str, Value] | None = None,
) -> Counted:
    """Count a window of a table: in one query, or in several where there are many columns.

    No column is read twice.

    Args:
        engine: Runs the query.
        table: `schema.table`.
        bins: What to count by, by column; numbers, decimals and booleans (0, 1) by NumericBins,
            texts by TextBins.
        window: Partition dates, both ends inclusive.
        where: Condition on the rows, in the Databricks dialect.
        parameters: Values of the named parameters in `where`.

    Raises:
        ComputeError: A query fails, or the table was written to between two of them.
    """
    found: Counted = {}
    for some in _batches(bins):
        query = count_query(table, some, window, where=where, parameters=parameters)
        found |= distributions(engine.rows(query)[0], some)
    _require_same_rows(found, table)
    return found


def count_days(
    engine: Engine,
    source: str,
    bins: Mapping[str, Bins],
    window: Window,
    day: str,
    *,
    where: str = "TRUE",
    parameters: Mapping[str, Value] | None = None,
) -> dict[date, Counted]:
    """Count every day of a window by itself, in as many queries as `count_columns` takes for it.

    Args:
        engine: Runs the query.
        source: `schema.table`, or a query in brackets with a name.
        bins: What to count by, by column; as for `count_columns`.
        window: Partition dates the query may read, both ends inclusive.
        day: Date column of the source.
        where: Condition on the rows, in the Databricks dialect.
        parameters: Values of the named parameters in `source` and `where`.

    Returns:
        Distributions by day and column; days without rows are left out.

    Raises:
        ComputeError: A query fails, or the rows changed between two of them.
    """
    found: dict[date, Counted] = {}
    for some in _batches(bins):
        query = count_query(source, some, window, where=where, parameters=parameters, day=day)
        for row in engine.rows(query):
            found.setdefault(row[DAY], {}).update(distributions(row, some))
    for each in found.values():
        _require_same_rows(each, source)
        if len(each) != len(bins):
            raise _changed(source)
    return found


def _require_same_rows(found: Counted, source: str) -> None:
    if len({each.rows for each in found.values()}) > 1:
        raise _changed(source)


def _changed(source: str) -> ComputeError:
    return ComputeError(
        f"The rows of {source} changed while they were counted.", where=source, mend="Run again."
    )


def _batches(bins: Mapping[str, Bins]) -> Iterator[dict[str, Bins]]:
    """Yield the columns in order, `AT_ONCE` counts at a time; once without any column."""
    batch: dict[str, Bins] = {}
    for name, cells in bins.items():
        if sum(each.cells for each in batch.values()) + cells.cells > AT_ONCE:
            yield batch
            batch = {}
        batch[name] = cells
    yield batch


def count_query(
    table: str,
    bins: Mapping[str, Bins],
    window: Window,
    *,
    where: str = "TRUE",
    parameters: Mapping[str, Value] | None = None,
    day: str | None = None,
) -> Query:
    """Return one query for all columns; its rows are read by `distributions`.

    There is one row, or with `day`, a date column, one for each day that has any.

    Numbers are counted cumulatively, up to each edge: one comparison and no branch per edge, which
    costs an engine a fifth of grouping by a computed bin. Nothing is joined or sorted.
    """
    bound: dict[str, Value] = dict(parameters or {})
    dated = [] if day is None else [f"{quoted(day)} AS {DAY}"]
    read, counted = [*dated], [*([DAY] if dated else []), "COUNT(*) AS n"]
    for place, (name, cells) in enumerate(bins.items()):
        numeric = isinstance(cells, NumericBins)
        read.append(f"CAST({quoted(name)} AS {'DOUBLE' if numeric else 'STRING'}) AS c{place}")
        conditions = _conditions(f"c{place}", cells, bound)
        counted += [f"COUNT_IF({text}) AS c{place}_{k}" for k, text in enumerate(conditions)]
    inner = f"SELECT {', '.join(read) or '1'} FROM {table} WHERE {where}"
    grouped = f" GROUP BY {DAY}" if dated else ""
    return Query(f"SELECT {', '.join(counted)} FROM ({inner}) AS counted{grouped}", bound, window)


def _conditions(column: str, bins: Bins, bound: dict[str, Value]) -> Iterator[str]:
    """Yield what is counted of a column; texts become parameters and enter `bound`."""
    if isinstance(bins, NumericBins):
        yield f"{column} < {_double(-LARGEST)}"
        for edge in (*bins.edges, LARGEST):
            yield f"{column} <= {_double(edge)}"
        return
    yield f"{column} IS NOT NULL"
    for text in bins.texts:
        name = f"category_{_letters(len(bound))}"
        bound[name] = text
        yield f"{column} = :{name}"


def distributions(row: Mapping[str, Any], bins: Mapping[str, Bins]) -> Counted:
    """Return the distribution of each column.

    Args:
        row: One row of the query; null is 0, as some engines count a column of nulls.
        bins: What was counted by, as the query was given them.
    """
    found = {}
    for place, (name, cells) in enumerate(bins.items()):
        extra = 2 if isinstance(cells, NumericBins) else 1
        numbers = [int(row[f"c{place}_{k}"] or 0) for k in range(cells.cells - 1 + extra)]
        found[name] = _distribution(cells, numbers, int(row["n"]))
    return found


def _distribution(bins: Bins, numbers: list[int], rows: int) -> Distribution:
    if isinstance(bins, NumericBins):
        counts = tuple(b - a for a, b in pairwise(numbers))
        return Distribution("numeric", counts, rows - sum(counts))
    known, *listed = numbers
    return Distribution("categorical", (*listed, known - sum(listed)), rows - known)


def _double(value: float) -> str:
    """Return a literal both engines read as this very double: with an exponent it is no decimal."""
    text = repr(float(value))
    return text if "e" in text else f"{text}e0"


def _letters(number: int) -> str:
    """Return a number in letters a..z, as names of parameters hold no digits."""
    text = chr(ord("a") + number % 26)
    return text if number < 26 else _letters(number // 26 - 1) + text
