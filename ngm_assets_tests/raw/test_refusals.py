"""What a landing may not hold: each refusal names table, file, column, expectation and mend."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from ngm_assets.errors import DataError
from ngm_assets.raw.contract import raw_tables
from ngm_assets.raw.landing import Landing
from ngm_assets_tests.raw.files import AUDIT, QUERIES, USAGE, audit, put, refusal, statements


def test_a_missing_required_column(landing: Path) -> None:
    put(landing, AUDIT, "good.parquet", audit("a"))
    file = put(landing, AUDIT, "bad ü.parquet", audit("b").drop_columns(["event_time"]))
    error = refusal(landing, AUDIT)
    assert AUDIT in error.what
    assert "event_time" in error.what
    assert "event_id, action_name, user_identity" in error.what
    assert error.where == f"{file}, column event_time"
    assert "timestamp" in error.mend


@pytest.mark.parametrize(
    ("table", "column"), [(t, c) for t, r in raw_tables().items() for c in sorted(r.required)]
)
def test_every_required_column_is_missed(landing: Path, table: str, column: str) -> None:
    types = raw_tables()[table].arrow_types()
    types.pop(column)
    put(landing, table, "a.parquet", pa.schema(types).empty_table())
    error = refusal(landing, table)
    assert f"required column {column!r} is missing" in error.what
    assert error.mend == f"Export the column as {raw_tables()[table].types[column]}."


@pytest.mark.parametrize(
    ("column", "found", "expected"),
    [
        ("event_time", pa.array([1_709_553_600]), "timestamp"),
        ("event_time", pa.array([True]), "timestamp"),
        ("event_id", pa.array([b"\x00"]), "string"),
        ("event_id", pa.array([["a"]]), "string"),
        (
            "user_identity",
            pa.array(["ann@example.com"]),
            "struct<email:string,subject_name:string>",
        ),
        ("request_params", pa.array(["{}"]), "map<string,string>"),
        ("response", pa.array([["401"]]), "struct<status_code:int,error_message:string>"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(getattr(value, "type", value)),
)
def test_a_type_that_does_not_convert(
    landing: Path, column: str, found: pa.Array, expected: str
) -> None:
    file = put(landing, AUDIT, "a.parquet", audit("a", **{column: found}))
    error = refusal(landing, AUDIT)
    kind = str(found.type).replace("<item:", "<element:")
    assert error.what == f"{AUDIT}: column {column!r} has type {kind}, expected {expected}."
    assert error.where == f"{file}, column {column}"
    assert error.mend == f"Export the column as {expected}."


def test_a_field_of_a_struct_that_does_not_convert(landing: Path) -> None:
    answer = pa.array([{"status_code": [401]}])
    put(landing, AUDIT, "a.parquet", audit("a", response=answer))
    assert "column 'response' has type struct<status_code: list" in refusal(landing, AUDIT).what


@pytest.mark.parametrize(
    ("table", "column", "rows", "value"),
    [
        (AUDIT, "event_time", audit("a", event_time=pa.array(["gestern"])), "gestern"),
        (QUERIES, "total_duration_ms", statements("s", total_duration_ms=pa.array(["5 s"])), "5 s"),
        (
            QUERIES,
            "from_result_cache",
            statements("s", from_result_cache=pa.array(["perhaps"])),
            "perhaps",
        ),
        (
            QUERIES,
            "read_io_cache_percent",
            statements("s", read_io_cache_percent=pa.array([2**40])),
            str(2**40),
        ),
        (
            AUDIT,
            "response",
            audit("a", response=pa.array([{"status_code": "not found"}])),
            "not found",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_value_that_does_not_convert_is_named(
    landing: Path, table: str, column: str, rows: pa.Table, value: str
) -> None:
    good = audit("z") if table == AUDIT else statements("z")
    put(landing, table, "a good one.parquet", good)
    file = put(landing, table, "month=3/it's bad.parquet", rows)
    error = refusal(landing, table)
    assert (
        f"{table}: column {column!r} does not read as {raw_tables()[table].types[column]}"
        in error.what
    )
    assert value in error.what
    assert error.where == f"{file}, column {column}"
    assert raw_tables()[table].types[column] in error.mend


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: b"PAR1", id="only the first bytes"),
        pytest.param(lambda data: data[: len(data) // 2], id="cut off in the middle"),
        pytest.param(lambda data: data[:-1], id="last byte missing"),
        pytest.param(lambda data: b"not Parquet at all, whatever its name says", id="text"),
    ],
)
def test_an_unreadable_file(landing: Path, damage: object) -> None:
    put(landing, AUDIT, "good.parquet", audit("a"))
    file = put(landing, AUDIT, "bad.parquet", audit("b"))
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    error = refusal(landing, AUDIT)
    assert f"{AUDIT}: the file cannot be read as Parquet" in error.what
    assert error.where == str(file)
    assert "Export the file again" in error.mend


def test_a_file_with_a_good_footer_and_damaged_pages(landing: Path) -> None:
    names = [f"event {n * 7919 % 1000}" for n in range(1000)]
    put(landing, AUDIT, "good.parquet", audit("a"))
    file = put(
        landing, AUDIT, "bad.parquet", audit(*names), compression="zstd", use_dictionary=False
    )
    data = bytearray(file.read_bytes())
    data[40:2000] = b"\xff" * 1960
    file.write_bytes(bytes(data))
    error = refusal(landing, AUDIT)
    assert AUDIT in error.what
    assert error.where.startswith(str(file))


def test_a_file_that_may_not_be_opened_is_named(
    landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = put(landing, AUDIT, "a.parquet", audit("a"))

    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pyarrow.parquet.read_schema", denied)
    error = refusal(landing, AUDIT)
    assert error.where == str(file)
    assert "Permission denied" in error.what


def test_the_other_tables_are_read_although_one_is_broken(landing: Path) -> None:
    file = put(landing, AUDIT, "bad.parquet", audit("b"))
    file.write_bytes(b"")
    put(landing, QUERIES, "good.parquet", statements("s"))
    assert Landing(landing).date_range(QUERIES)[2] == 1
    with pytest.raises(DataError):
        Landing(landing).date_range(AUDIT)


def test_the_range_of_days_names_a_value_that_does_not_convert(landing: Path) -> None:
    put(landing, AUDIT, "a.parquet", audit("a", event_time=pa.array(["gestern"])))
    with pytest.raises(DataError, match="gestern"):
        Landing(landing).date_range(AUDIT)


def test_a_sound_table_is_diagnosed_as_sound(landing: Path) -> None:
    put(landing, AUDIT, "a.parquet", audit("a"))
    assert Landing(landing).diagnose(AUDIT) is None
    assert Landing(landing).diagnose(USAGE) is None
