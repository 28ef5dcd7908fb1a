"""Writes rows as Parquet files of three makes: plain, wide and narrow, and one that is empty."""

from __future__ import annotations

from datetime import UTC, date
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from ngm_assets_tests.landing_rows.dice import dice
from ngm_assets_tests.landing_rows.types import NARROW_DROPS, NARROW_STRUCTS, SCHEMAS

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, Any]

PLACES = ("a b.parquet", "month=odd one/day=3/PART 1.PARQUET", "deep/er/still/x'y-0.parquet")
MAKES = ("plain", "wide", "narrow")


def write_table(folder: Path, table: str, rows: list[Row], seed: int) -> None:
    """Write a table as three files of different makes and a fourth without rows."""
    rng = dice(seed, f"{table}:files")
    for number, make in enumerate(MAKES):
        mine = [row for row in rows if row["_home"] == number]
        rng.shuffle(mine)
        write_file(folder / PLACES[number], mine, schema_of(table, make), make)
    write_file(folder / "month=none" / "empty.parquet", [], SCHEMAS[table], "plain")


def write_snapshots(folder: Path, table: str, by_day: dict[date, list[Row]]) -> None:
    """Write one folder per snapshot day, its make changing from day to day."""
    for number, (day, rows) in enumerate(sorted(by_day.items())):
        make = MAKES[number % 3]
        place = folder / f"snapshot_date={day.isoformat()}" / PLACES[number % 2].split("/")[-1]
        write_file(place, rows, schema_of(table, make), make)
        if number % 7 == 0:
            again = place.with_name("again") / "copy of.parquet"
            whole = [row for row in rows if None not in key_parts(row)]
            write_file(again, whole, schema_of(table, "plain" if make == "wide" else make), make)


def key_parts(row: Row) -> list[Any]:
    """Return the parts of a snapshot row's key."""
    names = ("table_catalog", "table_schema", "table_name", "column_name")
    return [row[name] for name in names if name in row]


def schema_of(table: str, make: str) -> pa.Schema:
    """Return the Arrow schema a make of file has for a table."""
    schema = SCHEMAS[table]
    if make == "wide":
        fields = [pa.field(f.name, wide(f.type)) for f in reversed(schema)]
        return pa.schema([pa.field("Extra ü", pa.int16()), *fields])
    if make == "narrow":
        kept = [f for f in schema if f.name not in NARROW_DROPS[table]]
        return pa.schema([pa.field(f.name, narrow(f)) for f in kept])
    return schema


def wide(kind: pa.DataType) -> pa.DataType:
    """Return a wider or looser type that means the same."""
    if pa.types.is_string(kind):
        return pa.large_string()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("ns")
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_decimal(kind):
        return pa.decimal128(24, 8)
    return kind


def narrow(field: pa.Field[Any]) -> pa.DataType:
    """Return a narrower type, structs without the fields nobody needs."""
    kind = field.type
    if field.name in NARROW_STRUCTS:
        kept = [kind.field(name) for name in NARROW_STRUCTS[field.name]]
        return pa.struct([pa.field(f.name, narrow(f)) for f in kept])
    if field.name == "workspace_id":
        return pa.int64()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("ms", tz="Europe/Berlin")
    if pa.types.is_int64(kind):
        return pa.int32()
    return pa.float64() if pa.types.is_decimal(kind) else kind


def write_file(file: Path, rows: list[Row], schema: pa.Schema, make: str) -> None:
    """Write one Parquet file."""
    columns = [
        pa.array([fitted(row.get(f.name), f.type) for row in rows], type=f.type) for f in schema
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.Table.from_arrays(columns, schema=schema),
        file,
        compression="snappy" if make == "wide" else "zstd",
    )


def fitted(value: Any, kind: pa.DataType) -> Any:
    """Return a value as Arrow takes it for a type."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        return {f.name: fitted(value.get(f.name), f.type) for f in kind}
    if pa.types.is_timestamp(kind):
        if kind.tz is None:
            return value.astimezone(UTC).replace(tzinfo=None)
        return value.astimezone(ZoneInfo(kind.tz))
    if pa.types.is_map(kind):
        return list(value.items())
    if pa.types.is_decimal(kind):
        return Decimal(value.numerator) / Decimal(value.denominator)
    if pa.types.is_floating(kind):
        return float(value)
    return int(value) if pa.types.is_integer(kind) else value
