"""Compares two tables cell by cell and says in words where they differ."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
Key = tuple[Any, ...]

SHOWN = 5


def assert_same_rows(
    table: str,
    found: Iterable[Row],
    expected: Iterable[Row],
    key: Sequence[str],
    *,
    tolerance: float = 0.0,
) -> None:
    """Fail unless two tables have the same columns, keys and values.

    Args:
        table: Name for the message.
        found: What the package wrote.
        expected: What it should have written.
        key: Columns that identify a row.
        tolerance: Largest relative difference of floats; at 0 they must be equal to the last bit.
            Everything else is compared exactly, types included.

    Raises:
        AssertionError: They differ; the message names table, key, column and both values.
    """
    lines = differences(list(found), list(expected), key, tolerance)
    assert not lines, f"{table}: {len(lines)} differences\n" + "\n".join(lines[:SHOWN])


def differences(
    found: list[Row], expected: list[Row], key: Sequence[str], tolerance: float
) -> list[str]:
    """Return a line for every difference."""
    mine, lines = by_key(found, key)
    theirs, more = by_key(expected, key)
    lines += [f"expected: {line}" for line in more]
    lines += [f"key {k} should not be there" for k in mine if k not in theirs]
    lines += [f"key {k} is missing" for k in theirs if k not in mine]
    for k in mine.keys() & theirs.keys():
        a, b = mine[k], theirs[k]
        lines += [f"key {k}, column {name}: only on one side" for name in a.keys() ^ b.keys()]
        lines += [
            f"key {k}, column {name}: {a[name]!r} instead of {b[name]!r}"
            for name in a.keys() & b.keys()
            if not same(a[name], b[name], tolerance)
        ]
    return lines


def by_key(rows: list[Row], key: Sequence[str]) -> tuple[dict[Key, Row], list[str]]:
    """Return rows by key as plain values, and a line for every key that occurs more than once."""
    tidy = [{name: plain(value) for name, value in row.items()} for row in rows]
    keys = [tuple(row[name] for name in key) for row in tidy]
    repeated = [f"key {k} occurs {n} times" for k, n in Counter(keys).items() if n > 1]
    return dict(zip(keys, tidy, strict=True)), repeated


def same(found: Any, expected: Any, tolerance: float) -> bool:
    """Tell whether two values are the same; only floats may differ, by a relative tolerance."""
    if type(found) is type(expected) and found == expected:
        return True
    if isinstance(found, float) and isinstance(expected, float) and tolerance:
        return math.isclose(found, expected, rel_tol=tolerance, abs_tol=tolerance)
    return False


def plain(value: Any) -> Any:
    """Return a cell in one spelling: NaN as None, moments in UTC, lists as tuples, maps sorted."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, dict):
        return tuple(sorted(value.items()))
    if isinstance(value, list | tuple):
        pairs = bool(value) and all(isinstance(part, tuple) for part in value)
        return tuple(sorted(value)) if pairs else tuple(plain(part) for part in value)
    return value
