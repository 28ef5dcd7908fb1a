"""Turns rows into frames with the columns and types of a written contract, and back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

Row = dict[str, Any]

PACKAGE = Path(__file__).resolve().parents[2] / "ngm_assets"

DTYPES = {
    "bigint": "Int64",
    "int": "Int64",
    "double": "float64",
    "boolean": "boolean",
    "timestamp": "datetime64[us, UTC]",
}


def contract(layer: str, table: str) -> dict[str, str]:
    """Return a table's columns, name to type, in the contract's order."""
    document = yaml.safe_load((PACKAGE / layer / f"{table}.yaml").read_text(encoding="utf-8"))
    return {column["name"]: column["type"] for column in document["columns"]}


def key_of(layer: str, table: str) -> list[str]:
    """Return a table's key columns."""
    document = yaml.safe_load((PACKAGE / layer / f"{table}.yaml").read_text(encoding="utf-8"))
    return list(document["key"])


def frame_of(rows: list[Row], columns: dict[str, str]) -> pd.DataFrame:
    """Return rows as a frame with exactly these columns.

    Args:
        rows: One dictionary per row, each with exactly the columns' names.
        columns: Name to contract type.

    Returns:
        The frame. Doubles are float64 (unknown is NaN), whole numbers Int64, flags boolean,
        timestamps datetime64[us, UTC]; everything else is kept as Python objects, dates included.

    Raises:
        ValueError: A row has other columns than the contract.
    """
    for row in rows[:1]:
        if set(row) != set(columns):
            message = f"row and contract differ in {sorted(set(row) ^ set(columns))}"
            raise ValueError(message)
    return pd.DataFrame({name: column_of(rows, name, kind) for name, kind in columns.items()})


def column_of(rows: list[Row], name: str, kind: str) -> pd.Series[Any]:
    """Return one column of rows as a typed series."""
    values = [row[name] for row in rows]
    if kind == "double":
        return pd.Series([np.nan if v is None else float(v) for v in values], dtype="float64")
    return pd.Series(values, dtype=DTYPES.get(kind, "object"))


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """Return a frame's rows as plain Python values, every kind of missing as None."""
    columns = {str(name): [python(v) for v in frame[name].tolist()] for name in frame.columns}
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def python(value: Any) -> Any:
    """Return one cell as a plain Python value."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, pd.Timestamp):
        moment = value.to_pydatetime()
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value


def as_date(value: Any) -> date:
    """Return a date cell as a date, also where a frame stores dates as timestamps."""
    return value.date() if isinstance(value, datetime) else value
