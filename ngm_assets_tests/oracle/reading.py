"""Reads a landing folder into plain Python rows, whatever widths and orders its files have."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, Any]

SNAPSHOT_MARK = "snapshot_date="


def raw_rows(landing: Path, table: str) -> list[Row]:
    """Return every row of a raw table; an absent table or column is simply not there.

    Args:
        landing: The landing folder.
        table: Path below it, such as `billing/usage`.

    Returns:
        One dictionary per row: timestamps aware and in UTC, maps as dictionaries. A folder named
        `snapshot_date=YYYY-MM-DD` above a file gives its rows that `snapshot_date`.
    """
    rows: list[Row] = []
    for file in parquet_files(landing / table):
        snapshot = snapshot_of(file)
        for row in file_rows(file):
            if snapshot is not None:
                row["snapshot_date"] = snapshot
            rows.append(row)
    return rows


def parquet_files(folder: Path) -> list[Path]:
    """Return the Parquet files at any depth, the extension in any case."""
    if not folder.exists():
        return []
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() == ".parquet")


def snapshot_of(file: Path) -> date | None:
    """Return the snapshot day a Hive-style folder name gives a file."""
    for part in file.parts:
        if part.startswith(SNAPSHOT_MARK):
            return date.fromisoformat(part.removeprefix(SNAPSHOT_MARK))
    return None


def file_rows(file: Path) -> list[Row]:
    """Return the rows of one Parquet file as plain Python values."""
    table = pq.ParquetFile(file).read()
    columns = {}
    for field in table.schema:
        column = table.column(field.name)
        if pa.types.is_timestamp(field.type):
            column = column.cast(pa.timestamp("us", tz=field.type.tz), safe=False)
        columns[field.name] = [plain(v, field.type) for v in column.to_pylist()]
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def plain(value: Any, kind: pa.DataType) -> Any:
    """Return one value with maps as dictionaries and timestamps aware and in UTC."""
    if value is None:
        return None
    if pa.types.is_map(kind):
        return {k: plain(v, kind.item_type) for k, v in value}
    if pa.types.is_struct(kind):
        return {field.name: plain(value[field.name], field.type) for field in kind}
    if isinstance(value, datetime):
        return utc(value)
    return value


def utc(value: datetime) -> datetime:
    """Return a moment in UTC; one without a zone is UTC already."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def inner(row: Row, *path: str) -> Any:
    """Return a value inside nested structs, or None where any step is missing."""
    value: Any = row
    for step in path:
        if value is None:
            return None
        value = value.get(step)
    return value


def text(row: Row, *path: str) -> str | None:
    """Return a value as text; whole numbers are ids written as numbers."""
    value = inner(row, *path)
    return None if value is None else str(value)


def whole(row: Row, *path: str) -> int | None:
    """Return a value as a whole number."""
    value = inner(row, *path)
    return None if value is None else int(value)


def exact(row: Row, *path: str) -> Decimal | None:
    """Return a value as a decimal with 18 places."""
    value = inner(row, *path)
    if value is None:
        return None
    return Decimal(value).quantize(Decimal(1).scaleb(-18), context=Context(prec=60))


def moment(row: Row, *path: str) -> datetime | None:
    """Return a timestamp in UTC."""
    value = inner(row, *path)
    return None if value is None else utc(value)


def day(row: Row, *path: str) -> date | None:
    """Return a date; of a timestamp, its UTC day."""
    value = inner(row, *path)
    return utc(value).date() if isinstance(value, datetime) else value
