"""SQL expressions (Spark) that turn what a system table holds into what the raw contract says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ngm_assets.errors import DataError
from ngm_assets.lakehouse.statements import quoted
from ngm_assets.raw.convert import NotConvertible

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructType

    from ngm_assets.raw.contract import RawTable


def raw_select(raw: RawTable, reference: str, found: StructType) -> str:
    """Return a query over a stored table with the contract's columns and types.

    Args:
        raw: What the columns should be.
        reference: What to name in FROM.
        found: What the stored columns are; names are compared without regard to case.

    Raises:
        DataError: A required column is missing, or a column has a type that does not convert.
    """
    stored = {field.name.lower(): field for field in found.fields}
    columns = []
    for name, kind in raw.types.items():
        field = stored.get(name)
        if field is not None:
            value = _converted(raw, name, quoted(field.name), field.dataType, reference)
        elif name in raw.required:
            raise DataError(
                f"{raw.name}: required column {name!r} is missing; "
                f"found columns: {', '.join(found.names)}.",
                where=f"{reference}, column {name}",
                mend=f"Make the table have the column as {kind}.",
            )
        else:
            value = f"CAST(NULL AS {kind})"
        columns.append(f"{value} AS {quoted(name)}")
    return f"SELECT {', '.join(columns)} FROM {reference}"


def _converted(raw: RawTable, name: str, expression: str, found: DataType, reference: str) -> str:
    from pyspark.sql.types import DataType

    try:
        return convert(expression, found, DataType.fromDDL(raw.types[name]))
    except NotConvertible:
        raise DataError(
            f"{raw.name}: column {name!r} has type {found.simpleString()}, "
            f"expected {raw.types[name]}.",
            where=f"{reference}, column {name}",
            mend=f"Make the column {raw.types[name]}.",
        ) from None


def convert(expression: str, found: DataType, expected: DataType) -> str:
    """Return SQL that converts `expression` of type `found` to `expected`.

    Raises:
        NotConvertible: No sensible conversion exists between the two types.
    """
    from pyspark.sql.types import ArrayType, MapType, StructType

    target = expected.simpleString()
    if found.simpleString() == target:
        return expression
    if found.typeName() == "void":
        return f"CAST(NULL AS {target})"
    if isinstance(expected, StructType):
        return _struct(expression, found, expected)
    if isinstance(expected, ArrayType | MapType):
        if found.typeName() != expected.typeName():
            raise NotConvertible
        return f"CAST({expression} AS {target})"
    return _scalar(expression, found, expected)


def _struct(expression: str, found: DataType, expected: StructType) -> str:
    from pyspark.sql.types import StructType

    if not isinstance(found, StructType):
        raise NotConvertible
    inside = {field.name.lower(): field for field in found.fields}
    parts = []
    for want in expected.fields:
        have = inside.get(want.name.lower())
        value = (
            f"CAST(NULL AS {want.dataType.simpleString()})"
            if have is None
            else convert(f"{expression}.{quoted(have.name)}", have.dataType, want.dataType)
        )
        parts.append(f"'{want.name}', {value}")
    return f"CASE WHEN {expression} IS NOT NULL THEN NAMED_STRUCT({', '.join(parts)}) END"


def _scalar(expression: str, found: DataType, expected: DataType) -> str:
    source, target = _family(found), _family(expected)
    if source not in _ACCEPTED[target]:
        raise NotConvertible
    if found.typeName() in {"double", "float"} and expected.typeName() not in {"double", "float"}:
        expression = f"CASE WHEN NOT ISNAN({expression}) THEN {expression} END"  # NaN = missing
    if target == "text" and found.typeName() in {"double", "float", "decimal"}:
        expression = f"CAST({expression} AS DECIMAL(38, 0))"  # an id read as a number
    return f"CAST({expression} AS {expected.simpleString()})"


_ACCEPTED = {
    "text": {"text", "number", "boolean"},
    "number": {"number", "text"},
    "boolean": {"boolean", "text"},
    "date": {"date", "timestamp", "text"},
    "timestamp": {"timestamp", "date", "text"},
    "other": set[str](),
}


def _family(kind: DataType) -> str:
    from pyspark.sql.types import NumericType

    if isinstance(kind, NumericType):
        return "number"
    name = kind.typeName()
    if name in {"string", "varchar", "char"}:
        return "text"
    if name in {"boolean", "date"}:
        return name
    return "timestamp" if name.startswith("timestamp") else "other"
