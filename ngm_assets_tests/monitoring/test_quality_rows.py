"""Each check of each table and day: passed, warned, failed, or could not be evaluated and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ngm_assets.lakehouse.assets import CONTRACT_CHECKS
from ngm_assets.lakehouse.quality import Facts, measure, measure_days
from ngm_assets.monitoring.quality.rows import quality_rows, watched_tables
from ngm_assets.monitoring.tables import monitoring_contracts
from ngm_assets.platform import Platform
from ngm_assets_tests.monitoring.made_tables import (
    Row,
    day,
    empty_platform,
    filled,
    store,
    store_predictions,
)

FEATURES, GOLD = "features.quality_features", "gold.info_schema"
MODEL, PREDICTIONS = "data_freshness_predictor", "predictions.data_freshness_predictor_predictions"
CATALOGS = ("a", "b", "c", "d")
LAST = 35
Outcome = tuple[str, float | None]


def features(days: Iterable[int], catalogs: Iterable[str] = CATALOGS) -> list[Row]:
    """Return sound rows of the feature table."""
    return [{"catalog_name": name, "snapshot_date": day(t)} for t in days for name in catalogs]


def predictions(days: Iterable[int]) -> list[Row]:
    """Return a prediction per catalog."""
    return [{**row, "prediction": 0.5} for row in features(days)]


def columns(days: Iterable[int]) -> list[Row]:
    """Return gold rows of every catalog."""
    names = ("schema_name", "table_name", "column_name")
    return [
        {"catalog_name": name, "snapshot_date": day(t), **dict.fromkeys(names, "x")}
        for t in days
        for name in CATALOGS
    ]


def written(folder: Path, rows: list[Row], full_name: str = FEATURES) -> Platform:
    """Return a platform with one table."""
    platform = empty_platform(folder)
    store(platform, full_name, rows)
    return platform


def said(platform: Platform, today: int, table: str = FEATURES) -> dict[str, Outcome]:
    """Return status and count of what offends by check, for one table and day."""
    return {
        row["check_name"]: (row["status"], row["offending"])
        for row in quality_rows(platform, day(today), day(today))
        if row["table_name"] == table
    }


def test_a_sound_day_passes_every_check_under_the_names_of_the_assets(tmp_path: Path) -> None:
    found = said(written(tmp_path, features(range(LAST + 1))), LAST)
    assert list(found) == [*CONTRACT_CHECKS, "row_count_as_usual", "fresh"]
    assert set(found.values()) == {("passed", 0.0)}


def duplicated(row: Row) -> list[Row]:
    """Return a row twice."""
    return [row, row]


def out_of_range(row: Row) -> list[Row]:
    """Return a row with two values beyond their limits."""
    return [{**row, "overdue_table_share": 1.5, "due_table_share_1d": -0.5}]


def without_a_duty(row: Row) -> list[Row]:
    """Return a row that lacks what it must have."""
    return [{**row, "day_of_week": None}]


FAULTS: dict[str, tuple[Callable[[Row], list[Row]], float]] = {
    "key_is_unique": (duplicated, 1.0),
    "values_in_range": (out_of_range, 2.0),
    "required_columns_filled": (without_a_duty, 1.0),
}


@pytest.mark.parametrize("check", FAULTS)
def test_a_fault_fails_its_check_on_its_day_only(tmp_path: Path, check: str) -> None:
    spoil, offending = FAULTS[check]
    platform = empty_platform(tmp_path)
    contract = platform.contracts[FEATURES]
    loose = tuple(c.model_copy(update={"nullable": True}) for c in contract.columns)
    rows = [filled(contract, row) for row in features(range(LAST + 1))]
    bad = [*rows[:-5], *spoil(rows[-5]), *rows[-4:]]
    stored = contract.model_copy(update={"columns": loose})
    platform.engine.store(stored, bad, day(0), day(LAST))
    found = said(platform, LAST - 1)
    assert found.pop(check) == ("failed", offending)
    assert {status for status, _ in found.values()} == {"passed"}
    assert said(platform, LAST)[check] == ("passed", 0.0)


def test_texts_that_are_not_accepted_are_a_warning(tmp_path: Path) -> None:
    rows = [{**row, "severity": "awful"} for row in predictions(range(3))]
    platform = empty_platform(tmp_path)
    store_predictions(platform, MODEL, rows)
    found = said(platform, 2, PREDICTIONS)
    assert found["values_accepted"] == ("warned", 4.0)


def test_columns_that_are_missing_or_of_another_type_fail_the_schema(tmp_path: Path) -> None:
    platform = empty_platform(tmp_path)
    contract = platform.contracts[FEATURES]
    kept = [c for c in contract.columns if c.name not in ("table_count", "is_weekend")]
    stored = contract.model_copy(update={"columns": tuple(kept)})
    rows = [filled(stored, row) for row in features(range(LAST + 1))]
    platform.engine.store(stored, rows, day(0), day(LAST))
    found = said(platform, LAST)
    assert found["schema_matches_contract"] == ("failed", 2.0)
    details = {r["check_name"]: r["detail"] for r in quality_rows(platform, day(LAST), day(LAST))}
    assert details["schema_matches_contract"] == "Columns missing: is_weekend, table_count."


def test_of_a_day_without_rows_only_schema_volume_and_freshness_are_judged(tmp_path: Path) -> None:
    platform = written(tmp_path, features(range(LAST)))
    found = said(platform, LAST)
    assert found.pop("schema_matches_contract") == ("passed", 0.0)
    assert found.pop("row_count_as_usual") == ("warned", 1.0)
    assert found.pop("fresh") == ("warned", 1.0)
    assert set(found.values()) == {("could_not_evaluate", None)}


@pytest.mark.parametrize(("late", "status"), [(0, "passed"), (2, "warned"), (3, "failed")])
def test_a_table_is_as_old_as_its_last_rows(tmp_path: Path, late: int, status: str) -> None:
    platform = written(tmp_path, features(range(21)))
    rows = quality_rows(platform, day(20), day(20 + late))
    row = rows_of(rows, FEATURES, "fresh")[-1]
    assert (row["status"], row["offending"]) == (status, late)
    assert json.loads(row["numbers"]) == {"days_behind": late, "last_day": day(20).isoformat()}


def rows_of(rows: Iterable[Row], table: str, check: str) -> list[Row]:
    """Return the rows of one check in order."""
    return [row for row in rows if (row["table_name"], row["check_name"]) == (table, check)]


def test_a_table_never_written_has_one_row_that_says_so(tmp_path: Path) -> None:
    rows = quality_rows(empty_platform(tmp_path), day(3), day(4))
    assert len(rows) == 2 * len(watched_tables())
    assert {(row["check_name"], row["status"]) for row in rows} == {("fresh", "could_not_evaluate")}
    assert {row["detail"] for row in rows} == {"Never written up to this day."}


def test_half_the_usual_rows_are_a_warning(tmp_path: Path) -> None:
    rows = [*features(range(LAST)), *features([LAST], "a")]
    found = said(written(tmp_path, rows), LAST)
    assert found["row_count_as_usual"] == ("warned", 1.0)


def test_without_an_earlier_week_nobody_knows_what_is_usual(tmp_path: Path) -> None:
    found = said(written(tmp_path, features(range(7))), 6)
    assert found["row_count_as_usual"] == ("could_not_evaluate", None)


def test_no_rows_although_the_source_has_some_are_an_error(tmp_path: Path) -> None:
    platform = written(tmp_path, features(range(LAST)))
    store(platform, GOLD, columns([LAST]))
    assert said(platform, LAST)["row_count_as_usual"] == ("failed", 1.0)


def scored(folder: Path, keys: Iterable[int], days: Iterable[int]) -> Platform:
    """Return a platform with keys to score on some days, and predictions of some."""
    platform = written(folder, features(keys))
    store_predictions(platform, MODEL, predictions(days))
    return platform


def test_before_the_first_prediction_nothing_is_late(tmp_path: Path) -> None:
    platform = scored(tmp_path, range(LAST + 1), range(20, LAST + 1))
    assert said(platform, 19, PREDICTIONS) == {"fresh": ("could_not_evaluate", None)}
    assert said(platform, 20, PREDICTIONS)["fresh"] == ("passed", 0.0)


def test_keys_that_were_not_scored_are_an_error(tmp_path: Path) -> None:
    platform = scored(tmp_path, range(LAST + 1), range(20, LAST - 1))
    found = said(platform, LAST, PREDICTIONS)
    assert found["row_count_as_usual"] == ("failed", 1.0)
    assert found["fresh"] == ("warned", 2.0)


def test_without_keys_to_score_no_prediction_is_late(tmp_path: Path) -> None:
    platform = scored(tmp_path, range(LAST - 1), range(20, LAST - 1))
    assert said(platform, LAST, PREDICTIONS)["fresh"] == ("passed", 0.0)
    assert said(platform, LAST)["fresh"] == ("warned", 2.0)


@pytest.fixture(scope="module")
def checkered(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Return tables with gaps, thin days and late predictions."""
    gaps = {8, 21, 22, 23, 24, 30}
    platform = scored(
        tmp_path_factory.mktemp("checkered"), sorted({*range(LAST)} - gaps), (15, 16, 20, 28, 33)
    )
    store(platform, GOLD, columns(range(5, LAST)))
    return platform


def test_a_range_gives_the_rows_of_its_days(checkered: Platform) -> None:
    whole = quality_rows(checkered, day(14), day(24))
    for t in (14, 15, 19, 22, 24):
        alone = [row for row in whole if row["monitor_date"] == day(t)]
        assert ordered(alone) == ordered(quality_rows(checkered, day(t), day(t)))
    assert {row["status"] for row in whole} == {
        "passed",
        "warned",
        "failed",
        "could_not_evaluate",
    }


def ordered(rows: Iterable[Row]) -> list[Row]:
    """Return rows in the order of their key."""
    key = monitoring_contracts()["data_quality"].key
    return sorted(rows, key=lambda row: tuple(row[name] for name in key))


def test_the_rows_fit_their_table_and_stay_when_stored_again(checkered: Platform) -> None:
    contract, span = monitoring_contracts()["data_quality"], (day(18), day(22))
    rows = quality_rows(checkered, *span)
    assert len(checkered.engine.store(contract, rows, *span)) == 5
    assert checkered.engine.store(contract, quality_rows(checkered, *span), *span) == ()
    keys = [tuple(row[name] for name in contract.key) for row in rows]
    assert len(set(keys)) == len(keys)


def test_nothing_dated_later_changes_a_row(tmp_path: Path, checkered: Platform) -> None:
    gaps = {8, 21, 22, 23, 24, 30}
    then = scored(tmp_path, sorted({*range(24)} - gaps), (15, 16, 20))
    store(then, GOLD, columns(range(5, 24)))
    days = day(20), day(23)
    assert ordered(quality_rows(then, *days)) == ordered(quality_rows(checkered, *days))


def test_a_raw_file_that_cannot_be_read_spoils_one_check_only(tmp_path: Path) -> None:
    platform = written(tmp_path, columns(range(LAST + 1)), GOLD)
    folder = tmp_path / "landing" / "information_schema" / "columns"
    folder.mkdir(parents=True)
    (folder / "snapshot_date=2024-03-05.parquet").write_bytes(b"no parquet")
    rows = {
        row["check_name"]: row
        for row in quality_rows(platform, day(LAST), day(LAST))
        if row["table_name"] == GOLD
    }
    volume = rows.pop("row_count_as_usual")
    assert volume["status"] == "could_not_evaluate"
    assert volume["detail"].startswith("DataError: ")
    assert {row["status"] for row in rows.values()} == {"passed"}


def test_the_facts_of_the_days_make_the_facts_of_the_range(checkered: Platform) -> None:
    contract = checkered.contracts[FEATURES]
    loose = replace_limits(contract.columns)
    judged = contract.model_copy(update={"columns": loose})
    span: tuple[date, date] = (day(5), day(25))
    whole = measure(checkered.engine, judged, *span)
    parts = measure_days(checkered.engine, judged, *span)
    assert set(parts) == set(whole.rows)
    total = Facts({}, {}, {}, {}, {}, 0)
    for part in parts.values():
        total = added(total, part)
    assert total == whole
    assert sum(whole.out_of_range.values()) > 0


def replace_limits(columns: Iterable[Any]) -> tuple[Any, ...]:
    """Return the columns with a limit that every weekday breaks."""
    return tuple(
        c.model_copy(update={"min": 2.0}) if c.name == "day_of_week" else c for c in columns
    )


def added(a: Facts, b: Facts) -> Facts:
    """Return the facts of two sets of days."""

    def counts(one: dict[str, int], two: dict[str, int]) -> dict[str, int]:
        return {name: one.get(name, 0) + two.get(name, 0) for name in {*one, *two}}

    return replace(
        a,
        rows=a.rows | b.rows,
        keys=a.keys | b.keys,
        nulls=counts(a.nulls, b.nulls),
        out_of_range=counts(a.out_of_range, b.out_of_range),
        not_accepted=counts(a.not_accepted, b.not_accepted),
        total=a.total + b.total,
    )
