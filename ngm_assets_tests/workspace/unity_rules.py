"""What Delta refuses to write, and the words in which it says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

    from ngm_assets_tests.workspace.statements import Statement


def predicate_of(condition: Statement, columns: list[str], partition: list[str]) -> str:
    """Return a condition on partition columns in the words of delta-rs."""
    known, parts = {name.lower(): name for name in columns}, []
    for token in condition.tokens:
        name = known.get(token.identifier.lower()) if token.is_name else None
        if name is not None and name not in partition:
            raise NotImplementedError(f"REPLACE WHERE names {name}, which is no partition column.")
        if name is not None:
            parts.append(f'"{name}"')
        elif token.upper != "DATE":
            parts.append(token.text)
    return " ".join(parts)


def fitted(rows: DataFrame, columns: StructType, condition: str) -> DataFrame:
    """Return rows as Delta takes them: by position, cast, with what it refuses made an error."""
    from pyspark.sql import functions

    if len(rows.columns) != len(columns.names):
        text = f"{len(rows.columns)} columns are given, the table has {len(columns.names)}."
        raise refusal("INSERT_COLUMN_ARITY_MISMATCH", text)
    made = rows.toDF(*columns.names).select(
        *(functions.col(f"`{one.name}`").cast(one.dataType).alias(one.name) for one in columns)
    )
    refusals = {f"({condition})": "DELTA_REPLACE_WHERE_MISMATCH: rows do not fit the condition"}
    for one in columns.fields:
        if not one.nullable:
            text = f"DELTA_NOT_NULL_CONSTRAINT_VIOLATED: {one.name}"
            refusals[f"`{one.name}` IS NOT NULL"] = text
    cases = " ".join(
        f"WHEN ({holds}) IS NOT TRUE THEN CAST(RAISE_ERROR('[{text}]') AS BOOLEAN)"
        for holds, text in refusals.items()
    )
    return made.where(functions.expr(f"CASE {cases} ELSE TRUE END"))


def refusal(condition: str, text: str, statement: str = "") -> Exception:
    """Return the error that Spark raises under a condition of that name."""
    from pyspark.errors import AnalysisException

    return AnalysisException(f"[{condition}] {text} {statement}".strip())
