"""Arrow columns from numpy codes: text from vocabularies, ids, decimals, maps and structs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import pyarrow as pa

    from ngm_assets.demo.draws import Array

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000
SECOND_US = 1_000_000


def pick(vocabulary: Sequence[str | None], codes: Array) -> pa.Array:
    """Return the words at the given positions; a negative code is null."""
    import pyarrow as pa

    return pa.array(vocabulary, pa.string()).take(pa.array(codes, pa.int64(), mask=codes < 0))


def constant(value: str, n: int) -> pa.Array:
    """Return a string column that holds one value n times."""
    import pyarrow as pa

    return pa.repeat(pa.scalar(value, pa.string()), n)


def stamps(micros: Array, mask: Array | None = None) -> pa.Array:
    """Return microseconds since 1970 as UTC timestamps; null where the mask is true."""
    import numpy as np
    import pyarrow as pa

    values = pa.array(np.asarray(micros, dtype=np.int64), mask=mask)
    return values.cast(pa.timestamp("us", tz="UTC"))


def dates(epoch_days: Array) -> pa.Array:
    """Return days since 1970 as dates."""
    import numpy as np
    import pyarrow as pa

    return pa.array(np.asarray(epoch_days, dtype=np.int32)).cast(pa.date32())


def decimals(values: Array, mask: Array | None = None) -> pa.Array:
    """Return values, rounded to millionths, as decimal(38,18)."""
    import numpy as np
    import pyarrow as pa

    micro = np.round(np.asarray(values, dtype=np.float64) * 1e6).astype(np.int64)
    raw = np.stack([micro, micro >> 63], axis=1).tobytes()
    valid = None if mask is None else pa.py_buffer(np.packbits(~mask, bitorder="little").tobytes())
    small = pa.Array.from_buffers(pa.decimal128(38, 6), len(micro), [valid, pa.py_buffer(raw)])
    return small.cast(pa.decimal128(38, 18))


def uuids(rng: np.random.Generator, n: int) -> pa.Array:
    """Draw n UUIDs as a string column."""
    import numpy as np
    import pyarrow as pa

    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)[rng.integers(0, 16, (n, 32))]
    text = np.full((n, 36), ord("-"), dtype=np.uint8)
    where = [i for i in range(36) if i not in (8, 13, 18, 23)]
    text[:, where] = digits
    text[:, 14] = ord("4")
    offsets = np.arange(n + 1, dtype=np.int32) * 36
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))


def tag_maps(entries: Sequence[Mapping[str, str] | None], codes: Array) -> pa.Array:
    """Return map<string,string> values by position; an entry of None is a null map."""
    import pyarrow as pa

    kind = pa.map_(pa.string(), pa.string())
    words = [None if e is None else list(e.items()) for e in entries]
    return pa.array(words, kind).take(pa.array(codes, pa.int64(), mask=codes < 0))


def record(kind: pa.StructType, n: int, children: Mapping[str, pa.Array]) -> pa.Array:
    """Build a struct column; fields that are not given are null.

    Args:
        kind: The struct type.
        n: Number of rows.
        children: Columns by field name; every name must be a field of the type.
    """
    import pyarrow as pa

    arrays = [
        children[f.name].cast(f.type) if f.name in children else pa.nulls(n, f.type) for f in kind
    ]
    return pa.StructArray.from_arrays(arrays, fields=list(kind))


def frame(schema: pa.Schema, n: int, columns: Mapping[str, Any]) -> pa.Table:
    """Build a table of the schema; a struct may be given as a mapping, what is missing is null."""
    import pyarrow as pa

    arrays = []
    for field in schema:
        value = columns.get(field.name)
        if value is None:
            value = pa.nulls(n, field.type)
        elif isinstance(value, dict):
            value = record(field.type, n, value)
        elif not isinstance(value, pa.Array | pa.ChunkedArray):
            value = pa.array(value, field.type)
        arrays.append(value if value.type == field.type else value.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=schema)
