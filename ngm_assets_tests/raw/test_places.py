"""Where a landing's files may lie, what they may be called, and which ones are left alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from ngm_assets.raw.landing import Landing
from ngm_assets_tests.raw.files import AUDIT, COLUMNS, audit, put, read, refusal, snapshot, values


def test_files_lie_at_any_depth(landing: Path) -> None:
    put(landing, AUDIT, "top.parquet", audit("a"))
    put(landing, AUDIT, "one/two/three/deep.parquet", audit("b"))
    assert values(landing, AUDIT, "event_id") == ["a", "b"]


@pytest.mark.parametrize(
    "name",
    [
        "a b.parquet",
        "it's.parquet",
        'say "so".parquet',
        "ünïcødé 表.parquet",
        "100%20.parquet",
        "a=b.parquet",
        "semi;colon -- comment.parquet",
        "braces{1,2}.parquet",
        "SHOUTING.PARQUET",
        "short.parq",
        "no extension",
        "part-0.snappy",
    ],
)
def test_names_may_be_odd(landing: Path, name: str) -> None:
    put(landing, AUDIT, name, audit("a"))
    put(landing, AUDIT, f"année 2024/Ordner's/{name}", audit("b"))
    assert values(landing, AUDIT, "event_id") == ["a", "b"]


@pytest.mark.parametrize("pattern", ["p*.parquet", "p?.parquet", "[pq]1.parquet", "**.parquet"])
def test_a_name_that_looks_like_a_pattern_means_itself(landing: Path, pattern: str) -> None:
    put(landing, AUDIT, pattern, audit("a"))
    put(landing, AUDIT, "p1.parquet", audit("b"))
    put(landing, AUDIT, f"{pattern}/p1.parquet".replace(".parquet/", "/"), audit("c"))
    assert values(landing, AUDIT, "event_id") == ["a", "b", "c"]


def test_the_folder_itself_may_have_an_odd_name(tmp_path: Path) -> None:
    landing = tmp_path / "it's a [1] land*ing?" / "env=prod" / "été %41"
    put(landing, AUDIT, "month=2024-03/a.parquet", audit("a"))
    (row,) = read(landing, AUDIT, home=tmp_path / "home")
    assert row["event_id"] == "a"


@pytest.mark.parametrize(
    "place", ["_SUCCESS", "_tmp/x.parquet", ".hidden.parquet", ".crc/x.parquet", "a/_x.parquet"]
)
def test_names_with_a_leading_underscore_or_dot_are_left_alone(landing: Path, place: str) -> None:
    put(landing, AUDIT, "a.parquet", audit("a"))
    put(landing, AUDIT, place, audit("b"))
    assert values(landing, AUDIT, "event_id") == ["a"]


def test_files_that_are_not_parquet_by_name_or_by_their_first_bytes_are_left_alone(
    landing: Path,
) -> None:
    file = put(landing, AUDIT, "a.parquet", audit("a"))
    file.with_name("readme.txt").write_text("Exported on Monday.", encoding="utf-8")
    file.with_name("empty").touch()
    assert values(landing, AUDIT, "event_id") == ["a"]


def test_hive_folders_are_allowed_and_need_not_be_everywhere(landing: Path) -> None:
    put(landing, AUDIT, "month=2024-03/day=4/a.parquet", audit("a"))
    put(landing, AUDIT, "day=4/month=2024-03/b.parquet", audit("b"))
    put(landing, AUDIT, "c.parquet", audit("c"))
    put(landing, AUDIT, "month=__HIVE_DEFAULT_PARTITION__/d.parquet", audit("d"))
    assert values(landing, AUDIT, "event_id") == ["a", "b", "c", "d"]


def test_the_snapshot_date_may_be_only_in_the_folder_or_only_in_the_file(landing: Path) -> None:
    march, april = date(2024, 3, 4), date(2024, 4, 5)
    put(landing, COLUMNS, f"snapshot_date={march}/a.parquet", snapshot("in_folder"))
    inside = snapshot("in_file", snapshot_date=pa.array([april]))
    put(landing, COLUMNS, "b.parquet", inside)
    found = {row["table_name"]: row["snapshot_date"] for row in read(landing, COLUMNS)}
    assert found == {"in_folder": march, "in_file": april}


def test_a_folder_that_is_no_date_is_refused_by_name(landing: Path) -> None:
    file = put(landing, COLUMNS, "snapshot_date=yesterday/a.parquet", snapshot("t"))
    error = refusal(landing, COLUMNS)
    assert "snapshot_date" in error.what
    assert "yesterday" in str(error)
    assert str(file) in error.where


def test_a_link_to_a_file_out_of_the_landing_is_refused(landing: Path, tmp_path: Path) -> None:
    outside = put(tmp_path / "elsewhere", AUDIT, "a.parquet", audit("a"))
    link = landing / "access/audit/link.parquet"
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    error = refusal(landing, AUDIT)
    assert "leads out of the landing folder" in error.what
    assert error.where == str(link)
    assert error.mend


def test_a_table_folder_that_is_a_link_out_of_the_landing_is_refused(
    landing: Path, tmp_path: Path
) -> None:
    outside = put(tmp_path / "elsewhere", AUDIT, "a.parquet", audit("a")).parent
    (landing / "access").mkdir(parents=True)
    (landing / "access/audit").symlink_to(outside)
    assert "leads out of the landing folder" in refusal(landing, AUDIT).what


def test_a_linked_folder_is_refused_and_not_passed_over(landing: Path, tmp_path: Path) -> None:
    outside = put(tmp_path / "elsewhere", AUDIT, "a.parquet", audit("a")).parent
    put(landing, AUDIT, "b.parquet", audit("b"))
    (landing / "access/audit/older").symlink_to(outside)
    error = refusal(landing, AUDIT)
    assert "link" in error.what
    assert error.where.endswith("older")


def test_a_link_inside_the_landing_is_a_file_like_any_other(landing: Path) -> None:
    file = put(landing, AUDIT, "a.parquet", audit("a"))
    file.with_name("b.parquet").symlink_to(file)
    assert values(landing, AUDIT, "event_id") == ["a", "a"]


def test_a_landing_that_is_reached_through_a_link_is_read(landing: Path, tmp_path: Path) -> None:
    put(landing, AUDIT, "a.parquet", audit("a"))
    (tmp_path / "link").symlink_to(landing)
    assert values(tmp_path / "link", AUDIT, "event_id") == ["a"]


def test_a_missing_table_reads_as_empty(landing: Path) -> None:
    put(landing, AUDIT, "a.parquet", audit("a"))
    assert read(landing, COLUMNS) == []
    assert Landing(landing).date_range(COLUMNS) == (None, None, 0)
    assert read(landing / "nowhere", AUDIT) == []


def test_a_file_without_rows_is_read(landing: Path) -> None:
    put(landing, AUDIT, "none.parquet", audit())
    assert read(landing, AUDIT) == []
    put(landing, AUDIT, "one.parquet", audit("a"))
    assert values(landing, AUDIT, "event_id") == ["a"]


def test_an_unknown_table_is_no_table_of_the_contract(landing: Path) -> None:
    with pytest.raises(KeyError):
        Landing(landing).files("system.access.audits")
