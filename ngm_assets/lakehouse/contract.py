"""Table contracts: the one place that says which columns a table has, their types and limits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ngm_assets.errors import ConfigError, DataError
from ngm_assets.overlays import read_yaml

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


NAME = r"^[a-z][a-z0-9_]*$"
"""What a table or a column may be called: queries name them without quotes."""
TYPE = r"^[A-Za-z0-9_<>(),: ]+$"
Name = Annotated[str, Field(pattern=NAME)]


class Column(BaseModel):
    """One column: type in Databricks SQL, meaning and limits.

    Attributes:
        monitored: Whether its values are held against earlier ones; False where they move by
            themselves, with the calendar or with age, so that a shift is no drift, and for names,
            which like keys tell rows apart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME)
    type: str = Field(pattern=TYPE)
    doc: str
    nullable: bool = True
    min: float | None = None
    max: float | None = None
    accepted: tuple[str, ...] = ()
    monitored: bool = True


class TableContract(BaseModel):
    """One table of the lakehouse.

    Attributes:
        name: Table name.
        schema_name: Schema (YAML: `schema`).
        key: Columns that are unique within a partition date.
        partition: Date column the table is partitioned by.
        sources: Tables its SQL reads.
        lookback_days: Days before t that a row of t may depend on.
        rows_at_once: Rows of its first source on the days that one query makes, where an engine
            takes days in turn; all when not given.
        every_day: Rows are due every day; False for tables of changes, which may be rare.
        columns: Columns in order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str = Field(pattern=NAME)
    schema_name: str = Field(alias="schema", pattern=NAME)
    description: str
    key: tuple[Name, ...] = Field(min_length=1)
    partition: Name
    sources: tuple[str, ...] = ()
    lookback_days: int = Field(default=0, ge=0)
    rows_at_once: int | None = Field(default=None, ge=1)
    every_day: bool = True
    columns: tuple[Column, ...]

    @property
    def full_name(self) -> str:
        """`schema.table`."""
        return f"{self.schema_name}.{self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns in order."""
        return tuple(column.name for column in self.columns)

    @property
    def entity_key(self) -> tuple[str, ...]:
        """The key without the partition date."""
        return tuple(name for name in self.key if name != self.partition)

    def column(self, name: str) -> Column:
        """Return the column of that name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def arrow_schema(self) -> pa.Schema:
        """Return the Arrow schema, with comments as field metadata."""
        import pyarrow as pa

        return pa.schema(
            [
                pa.field(
                    c.name, arrow_type(c.type), nullable=c.nullable, metadata={"comment": c.doc}
                )
                for c in self.columns
            ]
        )

    def arrow_table(self, rows: pd.DataFrame) -> pa.Table:
        """Return the rows as an Arrow table with the contract's schema.

        What pandas called the types is forgotten: it differs between fresh and stored rows.
        """
        import pyarrow as pa

        schema = self.arrow_schema()
        table = pa.Table.from_pandas(
            rows[schema.names], schema=schema, preserve_index=False, safe=False
        )
        return table.replace_schema_metadata(None)

    def arrow_rows(self, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        """Return plain values by column as an Arrow table with the contract's schema.

        Raises:
            DataError: A value does not fit its column, is missing where it is required, is no
                finite number, or has no column.
        """
        import pyarrow as pa

        names = set(self.column_names)
        try:
            unknown = sorted({name for row in rows for name in row} - names)
            table = pa.Table.from_pylist([dict(row) for row in rows], schema=self.arrow_schema())
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise DataError(f"A row does not fit: {error}", where=self.full_name) from None
        empty = [c.name for c in self.columns if not c.nullable and table[c.name].null_count]
        endless = [
            name
            for row in rows
            for name, value in row.items()
            if isinstance(value, float) and not math.isfinite(value)
        ]
        if unknown or empty or endless:
            raise DataError(
                f"Rows do not fit: no column {unknown}, nothing in {empty}, not finite {endless}.",
                where=self.full_name,
            )
        return table


@cache
def load_contract(path: Path) -> TableContract:
    """Load a contract from its YAML file.

    Raises:
        ConfigError: Unknown field, unknown type, key or partition without a column.
    """
    try:
        contract = TableContract(**read_yaml(path))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(p) for p in item['loc'])}: {item['msg']}" for item in error.errors()
        )
        raise ConfigError(f"Invalid table contract: {problems}", where=str(path)) from None
    names = contract.column_names
    for needed in (*contract.key, contract.partition):
        if needed not in names:
            raise ConfigError(f"Key column {needed!r} is not among the columns.", where=str(path))
    if len(set(names)) != len(names):
        raise ConfigError("A column name occurs twice.", where=str(path))
    return contract


def load_contracts(folder: Path) -> dict[str, TableContract]:
    """Load every contract of a layer's folder, by table name in alphabetical order."""
    loaded = [load_contract(path) for path in sorted(folder.glob("*.yaml")) if _is_contract(path)]
    return {contract.name: contract for contract in loaded}


def _is_contract(path: Path) -> bool:
    return path.with_suffix(".sql").is_file()


@cache
def arrow_type(sql_type: str) -> pa.DataType:
    """Translate a Databricks SQL type to Arrow; nested structs, maps and arrays included.

    Raises:
        ConfigError: The type is not known here.
    """
    from sqlglot import exp

    return _arrow(exp.DataType.build(sql_type, dialect="databricks"), sql_type)


def _arrow(node: Any, text: str) -> pa.DataType:
    import pyarrow as pa
    from sqlglot import exp

    kind = node.this
    scalars: dict[Any, Any] = {
        exp.DataType.Type.TEXT: pa.string(),
        exp.DataType.Type.VARCHAR: pa.string(),
        exp.DataType.Type.BIGINT: pa.int64(),
        exp.DataType.Type.INT: pa.int32(),
        exp.DataType.Type.TINYINT: pa.int8(),
        exp.DataType.Type.DOUBLE: pa.float64(),
        exp.DataType.Type.BOOLEAN: pa.bool_(),
        exp.DataType.Type.DATE: pa.date32(),
        exp.DataType.Type.TIMESTAMP: pa.timestamp("us", tz="UTC"),
        exp.DataType.Type.TIMESTAMPTZ: pa.timestamp("us", tz="UTC"),
    }
    if kind in scalars:
        return scalars[kind]
    parts = node.expressions
    if kind == exp.DataType.Type.DECIMAL:
        precision, scale = (int(part.this.this) for part in parts)
        return pa.decimal128(precision, scale)
    if kind == exp.DataType.Type.MAP:
        return pa.map_(_arrow(parts[0], text), _arrow(parts[1], text))
    if kind == exp.DataType.Type.ARRAY:
        return pa.list_(_arrow(parts[0], text))
    if kind == exp.DataType.Type.STRUCT:
        return pa.struct([(part.this.name, _arrow(part.args["kind"], text)) for part in parts])
    raise ConfigError(f"Unknown column type {text!r}.", mend="Use a Databricks SQL type.")
