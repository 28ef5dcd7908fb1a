"""What Spark 3.5 (Databricks Runtime 15.4) has under another name than Spark 4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame
    from pyspark.sql.types import DataType


def spark_type(text: str) -> DataType:
    """Return the type that a text in SQL names."""
    from pyspark.sql import types

    parse: Any = getattr(types.DataType, "fromDDL", None) or types._parse_datatype_string
    found: DataType = parse(text)
    return found


def collected(frame: DataFrame) -> pa.Table:
    """Return a small frame's rows as an Arrow table."""
    if hasattr(frame, "toArrow"):
        return frame.toArrow()
    import pyarrow as pa
    from pyspark.sql.pandas.types import to_arrow_schema

    older: Any = frame
    batches = older._collect_as_arrow()
    return pa.Table.from_batches(batches, schema=None if batches else to_arrow_schema(frame.schema))
