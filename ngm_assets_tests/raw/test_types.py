"""Which widths, units and spellings of a column are taken for what the contract says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest

from ngm_assets.raw.contract import raw_tables
from ngm_assets.raw.landing import Landing
from ngm_assets_tests.raw.files import (
    AUDIT,
    COLUMNS,
    IDENTITY,
    MOMENT,
    QUERIES,
    SLICES,
    USAGE,
    audit,
    put,
    read,
    snapshot,
    statements,
    values,
)

NOON = datetime(2024, 3, 4, 12, tzinfo=UTC)


def test_extra_columns_are_ignored(landing: Path) -> None:
    put(landing, AUDIT, "a.parquet", audit("a", **{"Änderung": pa.array([b"\x00"])}))
    (row,) = read(landing, AUDIT)
    assert set(row) == set(raw_tables()[AUDIT].types)


def test_missing_optional_columns_read_as_null(landing: Path) -> None:
    put(landing, AUDIT, "a.parquet", audit("a"))
    (row,) = read(landing, AUDIT)
    empty = {name for name, value in row.items() if value is None}
    assert empty == set(raw_tables()[AUDIT].types) - raw_tables()[AUDIT].required


def test_files_may_differ_in_columns_and_order(landing: Path) -> None:
    put(landing, AUDIT, "a.parquet", audit("a", workspace_id=pa.array(["1"])))
    turned = audit("b").select(["user_identity", "action_name", "event_time", "event_id"])
    put(landing, AUDIT, "b.parquet", turned)
    assert {r["event_id"]: r["workspace_id"] for r in read(landing, AUDIT)} == {"a": "1", "b": None}


def test_column_names_are_told_apart_regardless_of_case(landing: Path) -> None:
    put(
        landing,
        AUDIT,
        "a.parquet",
        audit("a").rename_columns([n.upper() for n in audit().schema.names]),
    )
    assert values(landing, AUDIT, "event_id") == ["a"]


@pytest.mark.parametrize(
    "ids",
    [
        pa.array([1234567890123456], pa.int64()),
        pa.array([1234567890123456], pa.uint64()),
        pa.array([1234567890123456.0], pa.float64()),
        pa.array([Decimal("1234567890123456")], pa.decimal128(20, 0)),
        pa.array(["1234567890123456"], pa.large_string()),
        pa.array(["1234567890123456"], pa.string_view()),
        pa.array(["1234567890123456"]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_ids_may_be_numbers(landing: Path, ids: pa.Array) -> None:
    put(landing, QUERIES, "a.parquet", statements("s", workspace_id=ids))
    assert values(landing, QUERIES, "workspace_id") == ["1234567890123456"]


@pytest.mark.parametrize(
    "counts",
    [
        pa.array([5, None], pa.int16()),
        pa.array([5.0, None], pa.float64()),
        pa.array(["5", None], pa.string()),
        pa.array([Decimal(5), None], pa.decimal128(38, 0)),
    ],
    ids=lambda array: str(array.type),
)
def test_counts_may_be_narrow_floating_or_text_and_missing(landing: Path, counts: pa.Array) -> None:
    put(landing, QUERIES, "a.parquet", statements("s", "t", total_duration_ms=counts))
    found = {row["statement_id"]: row["total_duration_ms"] for row in read(landing, QUERIES)}
    assert found == {"s": 5, "t": None}


def test_a_column_that_holds_only_nulls_may_have_no_type(landing: Path) -> None:
    put(landing, AUDIT, "a.parquet", audit("a", source_ip_address=pa.nulls(1)))
    assert values(landing, AUDIT, "source_ip_address") == [None]


BERLIN = NOON.astimezone(ZoneInfo("Europe/Berlin")).isoformat()


@pytest.mark.parametrize(
    "times",
    [
        pa.array([MOMENT // 1_000_000], pa.timestamp("s")),
        pa.array([MOMENT // 1000], pa.timestamp("ms")),
        pa.array([MOMENT], pa.timestamp("us")),
        pa.array([MOMENT * 1000], pa.timestamp("ns")),
        pa.array([MOMENT // 1000], pa.timestamp("ms", tz="Europe/Berlin")),
        pa.array([MOMENT], pa.timestamp("us", tz="America/New_York")),
        pa.array([MOMENT * 1000], pa.timestamp("ns", tz="UTC")),
        pa.array(["2024-03-04 12:00:00"]),
        pa.array(["2024-03-04T12:00:00Z"]),
        pa.array(["2024-03-04T12:00:00.000+00:00"]),
        pa.array([BERLIN]),
        pa.array(["2024-03-04 04:00:00-08"]),
    ],
    ids=lambda array: str(array.type) if pa.types.is_timestamp(array.type) else str(array[0]),
)
def test_moments_come_in_any_unit_and_zone_or_as_text(landing: Path, times: pa.Array) -> None:
    put(landing, AUDIT, "a.parquet", audit("a", event_time=times))
    (found,) = values(landing, AUDIT, "event_time")
    assert found.replace(tzinfo=UTC) == NOON


def test_moments_keep_their_microseconds(landing: Path) -> None:
    times = pa.array([MOMENT * 1000 + 123_456_000], pa.timestamp("ns"))
    put(landing, AUDIT, "a.parquet", audit("a", event_time=times))
    (found,) = values(landing, AUDIT, "event_time")
    assert found == datetime(2024, 3, 4, 12, 0, 0, 123456)


def test_moments_may_be_written_as_int96(landing: Path) -> None:
    put(landing, AUDIT, "a.parquet", audit("a"), use_deprecated_int96_timestamps=True)
    (found,) = values(landing, AUDIT, "event_time")
    assert found.replace(tzinfo=UTC) == NOON


@pytest.mark.parametrize(
    "dates",
    [
        pa.array([date(2024, 3, 4)]),
        pa.array([date(2024, 3, 4)], pa.date64()),
        pa.array([MOMENT], pa.timestamp("us")),
        pa.array([MOMENT], pa.timestamp("us", tz="Asia/Tokyo")),
        pa.array(["2024-03-04"]),
        pa.array(["2024-03-04T00:30:00Z"]),
    ],
    ids=lambda array: str(array.type) + str(array[0]),
)
def test_days_may_be_moments_or_text(landing: Path, dates: pa.Array) -> None:
    put(landing, COLUMNS, "a.parquet", snapshot("t", snapshot_date=dates))
    assert values(landing, COLUMNS, "snapshot_date") == [date(2024, 3, 4)]


def usage(**columns: pa.Array) -> pa.Table:
    """Return one usage record with the required columns only."""
    found = {
        "record_id": pa.array(["r"]),
        "workspace_id": pa.array(["1"]),
        "sku_name": pa.array(["SKU"]),
        "usage_start_time": pa.array([MOMENT], pa.timestamp("us", tz="UTC")),
        "usage_unit": pa.array(["DBU"]),
        "usage_quantity": pa.array([Decimal("0.1")], pa.decimal128(38, 18)),
    }
    return pa.table(found | columns)


@pytest.mark.parametrize(
    "quantity",
    [
        pa.array([0.1], pa.float64()),
        pa.array([Decimal("0.100")], pa.decimal128(10, 3)),
        pa.array(["0.1"]),
    ],
    ids=lambda array: str(array.type),
)
def test_quantities_become_exact_decimals(landing: Path, quantity: pa.Array) -> None:
    put(landing, USAGE, "a.parquet", usage(usage_quantity=quantity))
    assert values(landing, USAGE, "usage_quantity") == [Decimal("0.1")]


def test_a_map_may_be_a_struct_with_a_field_per_key_as_pandas_writes_it(landing: Path) -> None:
    tags = [{"team": "ml", "cost centre": "7"}, {"team": None, "Owner's": "ann"}, {}, None]
    frame = pd.concat([usage().to_pandas()] * len(tags), ignore_index=True)
    frame["record_id"] = ["a", "b", "c", "d"]
    frame["custom_tags"] = tags
    put(landing, USAGE, "a.parquet", pa.Table.from_pandas(frame))
    found = {row["record_id"]: row["custom_tags"] for row in read(landing, USAGE)}
    assert {k: v if v is None else dict(v) for k, v in found.items()} == {
        "a": {"team": "ml", "cost centre": "7"},
        "b": {"Owner's": "ann"},
        "c": {},
        "d": None,
    }


def test_a_map_with_other_widths_is_a_map(landing: Path) -> None:
    tags = pa.array([[("team", 7)]], pa.map_(pa.large_string(), pa.int32()))
    put(landing, USAGE, "a.parquet", usage(custom_tags=tags))
    assert [dict(v) for v in values(landing, USAGE, "custom_tags")] == [{"team": "7"}]


def test_structs_may_lack_fields_have_more_and_be_in_another_order(landing: Path) -> None:
    more = pa.struct(
        [("acting", pa.string()), ("subject_name", pa.string()), ("email", pa.string())]
    )
    people = pa.array([{"acting": "x", "subject_name": "s", "email": "e"}], more)
    put(landing, AUDIT, "more.parquet", audit("more", user_identity=people))
    less = pa.array([{"email": "e"}], pa.struct([("email", pa.string())]))
    put(landing, AUDIT, "less.parquet", audit("less", user_identity=less))
    put(landing, AUDIT, "none.parquet", audit("none", user_identity=pa.array([None], IDENTITY)))
    found = {row["event_id"]: row["user_identity"] for row in read(landing, AUDIT)}
    assert found == {
        "more": {"email": "e", "subject_name": "s"},
        "less": {"email": "e", "subject_name": None},
        "none": None,
    }


@pytest.mark.parametrize(
    "kind",
    [pa.list_(pa.string()), pa.large_list(pa.large_string()), pa.list_(pa.string(), 2)],
    ids=str,
)
def test_lists_may_be_large_or_of_fixed_size(landing: Path, kind: pa.DataType) -> None:
    slices = {
        "workspace_id": pa.array(["1"]),
        "job_id": pa.array(["2"]),
        "run_id": pa.array(["3"]),
        "period_start_time": pa.array([MOMENT], pa.timestamp("us")),
        "period_end_time": pa.array([MOMENT], pa.timestamp("us")),
        "result_state": pa.array(["SUCCEEDED"]),
        "compute_ids": pa.array([["b", "a"]], kind),
    }
    put(landing, SLICES, "a.parquet", pa.table(slices))
    assert values(landing, SLICES, "compute_ids") == [["b", "a"]]


@pytest.mark.parametrize("flag", [pa.array([True]), pa.array(["true"])], ids=["boolean", "text"])
def test_flags_may_be_text(landing: Path, flag: pa.Array) -> None:
    put(landing, QUERIES, "a.parquet", statements("s", from_result_cache=flag))
    assert values(landing, QUERIES, "from_result_cache") == [True]


def test_the_range_of_days_is_found(landing: Path) -> None:
    day = 86_400_000_000
    for name, shift in (("a", 0), ("b", 3 * day), ("c", day)):
        times = pa.array([MOMENT + shift, None], pa.timestamp("us"))
        put(landing, AUDIT, f"{name}.parquet", audit(name, "no time", event_time=times))
    found: tuple[Any, ...] = Landing(landing).date_range(AUDIT)
    assert found == (date(2024, 3, 4), date(2024, 3, 7), 6)
