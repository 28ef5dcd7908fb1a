"""SQL expressions (DuckDB) that turn what a Parquet file holds into what the raw contract says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


class NotConvertible(TypeError):
    """A found type cannot become the expected one."""


def duckdb_type(expected: pa.DataType) -> str:
    """Return the DuckDB spelling of a contract type; timestamps are naive UTC."""
    import pyarrow.types as t

    if t.is_struct(expected):
        fields = (expected.field(i) for i in range(expected.num_fields))
        return "STRUCT(" + ", ".join(f'"{f.name}" {duckdb_type(f.type)}' for f in fields) + ")"
    if t.is_map(expected):
        return f"MAP({duckdb_type(expected.key_type)}, {duckdb_type(expected.item_type)})"
    if t.is_list(expected):
        return f"{duckdb_type(expected.value_type)}[]"
    if t.is_decimal(expected):
        return f"DECIMAL({expected.precision}, {expected.scale})"
    names = {
        "string": "VARCHAR",
        "int64": "BIGINT",
        "int32": "INTEGER",
        "int8": "TINYINT",
        "double": "DOUBLE",
        "bool": "BOOLEAN",
        "date32[day]": "DATE",
    }
    return names.get(str(expected), "TIMESTAMP")


def convert(expression: str, found: pa.DataType, expected: pa.DataType) -> str:
    """Return SQL that converts `expression` of type `found` to `expected`.

    Raises:
        NotConvertible: No sensible conversion exists between the two types.
    """
    import pyarrow.types as t

    if t.is_null(found):
        return f"CAST(NULL AS {duckdb_type(expected)})"
    if t.is_dictionary(found):
        return convert(expression, found.value_type, expected)
    if t.is_struct(expected):
        return _struct(expression, found, expected)
    if t.is_map(expected):
        return _map(expression, found, expected)
    if t.is_list(expected):
        return _list(expression, found, expected)
    return _scalar(expression, found, expected)


def _struct(expression: str, found: pa.DataType, expected: pa.DataType) -> str:
    import pyarrow.types as t

    if not t.is_struct(found):
        raise NotConvertible
    inside = {found.field(i).name.lower(): found.field(i) for i in range(found.num_fields)}
    parts = []
    for i in range(expected.num_fields):
        want = expected.field(i)
        have = inside.get(want.name.lower())
        value = (
            f"CAST(NULL AS {duckdb_type(want.type)})"
            if have is None
            else convert(f"struct_extract({expression}, {text(have.name)})", have.type, want.type)
        )
        parts.append(f'"{want.name}" := {value}')
    return f"CASE WHEN {expression} IS NULL THEN NULL ELSE struct_pack({', '.join(parts)}) END"


def _map(expression: str, found: pa.DataType, expected: pa.DataType) -> str:
    import pyarrow.types as t

    target = duckdb_type(expected)
    if t.is_map(found):
        return f"CAST({expression} AS {target})"
    if t.is_struct(found):  # a dictionary written by pandas: one field per key, null = absent
        entries = ", ".join(
            f"struct_pack(k := {text(name)}, "
            f"v := CAST(struct_extract_at({expression}, {place}) AS VARCHAR))"
            for place, name in enumerate((field.name for field in found), start=1)
        )
        present = f"list_filter([{entries}], lambda e: e.v IS NOT NULL)"
        return f"CASE WHEN {expression} IS NULL THEN NULL ELSE map_from_entries({present}) END"
    raise NotConvertible


def _list(expression: str, found: pa.DataType, expected: pa.DataType) -> str:
    import pyarrow.types as t

    if not (t.is_list(found) or t.is_large_list(found) or t.is_fixed_size_list(found)):
        raise NotConvertible
    return f"CAST({expression} AS {duckdb_type(expected)})"


def _scalar(expression: str, found: pa.DataType, expected: pa.DataType) -> str:
    import pyarrow.types as t

    target = duckdb_type(expected)
    if t.is_floating(found) and not t.is_floating(expected):
        expression = f"CASE WHEN NOT isnan({expression}) THEN {expression} END"  # NaN = missing
    if t.is_string(expected) and (t.is_floating(found) or t.is_decimal(found)):
        return f"CAST(CAST({expression} AS DECIMAL(38, 0)) AS VARCHAR)"  # an id read as a number
    if t.is_decimal(expected) and t.is_floating(found):
        return (
            f"CAST(CAST({expression} AS VARCHAR) AS {target})"  # the shortest decimal, not the bits
        )
    if _has_zone(found) and _family(expected) in {"date", "timestamp"}:
        return f"CAST(CAST({expression} AS TIMESTAMPTZ) AS {target})"
    if _family(found) in _ACCEPTED[_family(expected)]:
        return f"CAST({expression} AS {target})"
    raise NotConvertible


def _has_zone(found: pa.DataType) -> bool:
    """Text may end in an offset; of nanoseconds with a zone only this cast is known to DuckDB."""
    return _family(found) == "text" or (_family(found) == "timestamp" and found.tz is not None)


_ACCEPTED = {
    "text": {"text", "number", "boolean"},
    "number": {"number", "text"},
    "boolean": {"boolean", "text"},
    "date": {"date", "timestamp", "text"},
    "timestamp": {"timestamp", "date", "text"},
    "other": set[str](),
}


def _family(kind: pa.DataType) -> str:
    import pyarrow.types as t

    if t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind):
        return "text"
    if t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind):
        return "number"
    if t.is_boolean(kind):
        return "boolean"
    if t.is_date(kind):
        return "date"
    return "timestamp" if t.is_timestamp(kind) else "other"


def text(value: str) -> str:
    """Quote a string literal."""
    return "'" + value.replace("'", "''") + "'"


def file_list(paths: Iterable[Path | str]) -> str:
    """Return a list of file names for `read_parquet`; `*?[` in a name mean themselves."""
    return "[" + ", ".join(text(re.sub(r"[*?[]", r"[\g<0>]", str(path))) for path in paths) + "]"


def identifier(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def open_duckdb(**config: str) -> duckdb.DuckDBPyConnection:
    """Open a private in-memory DuckDB in UTC that draws no progress bar into what is printed."""
    import duckdb

    connection = duckdb.connect(config=dict(config))
    connection.execute("LOAD icu; SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    return connection
