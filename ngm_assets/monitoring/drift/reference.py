"""The reference of a model version, as its training stored it, made ready to count by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ngm_assets.errors import DataError
from ngm_assets.monitoring.drift.distribution import (
    Bins,
    Distribution,
    NumericBins,
    TextBins,
)

FEWEST_LISTED = 10
"""Training rows of a category below which it is not told apart.

Rare categories are on the list because they happened to occur in training. Later windows have as
many others instead (Good, The population frequencies of species, 1953), without any drift.
"""


@dataclass(frozen=True)
class ReferenceColumn:
    """What a column looked like in training.

    Attributes:
        name: Column.
        bins: What later values are counted by.
        distribution: The training rows in these bins.
        coarse: The values differed, and yet all lie in one cell, which therefore shows nothing.
    """

    name: str
    bins: Bins
    distribution: Distribution
    coarse: bool = False


def reference_columns(stored: Mapping[str, Any]) -> dict[str, ReferenceColumn]:
    """Return the features of a version's stored reference by name, in order.

    Args:
        stored: `features`: statistics by column.

    Raises:
        DataError: The stored statistics contradict themselves.
    """
    return {name: reference_column(name, each) for name, each in stored["features"].items()}


def reference_column(name: str, stored: Mapping[str, Any]) -> ReferenceColumn:
    """Return one column of a stored reference.

    Args:
        name: Column.
        stored: rows with either `edges`, `counts`, `min` and `max` (null without known values),
            or `texts` (count by text) and `other`.

    Raises:
        DataError: The stored statistics contradict themselves.
    """
    try:
        return _text(name, stored) if "texts" in stored else _numeric(name, stored)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"The stored reference cannot be used: {type(error).__name__}: {error}.",
            where=f"reference.json:{name}",
            mend="Train the model again.",
        ) from error


def _text(name: str, stored: Mapping[str, Any]) -> ReferenceColumn:
    known = sum(stored["texts"].values()) + stored["other"]
    listed = {text: n for text, n in stored["texts"].items() if n >= FEWEST_LISTED}
    counts = (*listed.values(), known - sum(listed.values()))
    found = Distribution("categorical", counts, stored["rows"] - known)
    return ReferenceColumn(name, TextBins(tuple(listed)), found, bool(known) and not listed)


def _numeric(name: str, stored: Mapping[str, Any]) -> ReferenceColumn:
    """Set values below the minimum apart where the lowest bin holds nothing but the minimum."""
    edges, counts = tuple(stored["edges"]), tuple(stored["counts"]) or (0,)
    if list(edges) != sorted(set(edges)) or len(counts) != len(edges) + 1:
        raise ValueError(f"{len(counts)} counts for the edges {edges}")
    missing = stored["rows"] - sum(counts)
    if edges and edges[0] == stored["min"]:
        edges, counts = (math.nextafter(edges[0], -math.inf), *edges), (0, *counts)
    found = Distribution("numeric", counts, missing)
    coarse = found.constant and stored["min"] != stored["max"]
    return ReferenceColumn(name, NumericBins(edges), found, coarse)
