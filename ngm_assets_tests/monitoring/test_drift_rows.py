"""The rows of drift: what they hold, which days they depend on, and what a failure becomes."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.tables import monitoring_contracts
from ngm_assets_tests.monitoring.watched_home import (
    FEATURES,
    FIRST,
    LABELS,
    LAST,
    MODEL,
    PREDICTIONS,
    SHIFTED,
    TRAINED,
    Home,
    Row,
    open_home,
    write_days,
)

SECOND = TRAINED + timedelta(days=10)
"""Day from which the second version is in force."""
LATER = LAST - timedelta(days=6)
ALL = "*"
OTHER = "cost_anomaly_detector"


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home on which nothing changes, with two versions."""
    home = open_home(tmp_path_factory.mktemp("calm"))
    home.train(1, TRAINED)
    home.train(2, SECOND)
    return home


@pytest.fixture
def fresh(calm: Home, tmp_path: Path) -> Home:
    """Return a home with the same tables and a version of its own."""
    home = Home(calm.platform, tmp_path)
    home.train(1, TRAINED)
    return home


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home on which one feature rose in the last week."""

    def change(day: date, row: Row) -> Row:
        if day < LATER:
            return row
        return row | {SHIFTED: row[SHIFTED] + 3.0}

    home = open_home(tmp_path_factory.mktemp("moved"), change)
    home.train(1, TRAINED)
    return home


def one(rows: list[Row], table: str, column: str = ALL, statistic: str = ALL) -> Row:
    """Return the one row of that table, column and statistic."""
    (found,) = [
        row
        for row in rows
        if (row["table_name"], row["column_name"], row["statistic"]) == (table, column, statistic)
    ]
    return found


def test_three_tables_are_judged_over_the_windows_that_belong_to_the_day(calm: Home) -> None:
    day = TRAINED + timedelta(days=8)
    rows = calm.rows(day, day)
    week = (day - timedelta(days=6), day)
    spans = {row["table_name"]: (row["window_start"], row["window_end"]) for row in rows}
    ripe = (week[0] - timedelta(days=7), week[1] - timedelta(days=7))
    assert spans == {FEATURES: week, PREDICTIONS: week, LABELS: ripe}
    for table in spans:
        found = one(rows, table)
        assert (found["status"], found["severity"], found["reason"]) == ("stable", "none", "")
        assert (found["value"], found["current_rows"]) == (0.0, 210)
    assert one(rows, PREDICTIONS, "prediction", "psi")["value"] > 0
    assert one(rows, LABELS, "tagged_share_next_7d", "ks")["p_value"] is not None


def test_a_columns_row_holds_its_bins_and_counts(calm: Home) -> None:
    day = TRAINED + timedelta(days=8)
    found = one(calm.rows(day, day), FEATURES, SHIFTED)
    bins, before, now = (
        json.loads(found[name]) for name in ("bins", "reference_counts", "current_counts")
    )
    assert len(bins) + 1 == len(before) == len(now)
    assert sum(before) == found["reference_rows"]
    assert sum(now) == found["current_rows"] == 210


def test_columns_that_move_by_themselves_are_left_out(calm: Home) -> None:
    rows = calm.rows(TRAINED, TRAINED)
    columns = {row["column_name"] for row in rows if row["table_name"] == FEATURES}
    assert SHIFTED in columns
    assert "day_of_week" not in columns
    assert sum(
        row["importance"] for row in rows if row["table_name"] == FEATURES and row["bins"]
    ) == pytest.approx(1.0)


def test_a_range_is_its_days_one_by_one_also_where_the_champion_changes(calm: Home) -> None:
    start, end = SECOND - timedelta(days=2), SECOND + timedelta(days=2)
    days = [start + timedelta(days=number) for number in range(5)]
    whole = calm.rows(start, end)
    assert whole == [row for day in days for row in calm.rows(day, day)]
    versions = {row["monitor_date"]: row["model_version"] for row in whole}
    assert list(versions.values()) == [1, 1, 2, 2, 2]


def test_days_without_usage_change_nothing_about_that(tmp_path: Path) -> None:
    gaps = [LAST - timedelta(days=3), LAST - timedelta(days=1)]
    home = open_home(tmp_path, gaps=gaps)
    home.train(1, TRAINED)
    start = LAST - timedelta(days=3)
    days = [start + timedelta(days=number) for number in range(4)]
    whole = home.rows(start, LAST)
    assert whole == [row for day in days for row in home.rows(day, day)]
    known = {
        row["monitor_date"]: row["current_rows"]
        for row in whole
        if (row["table_name"], row["column_name"]) == (LABELS, ALL)
    }
    assert [known[day] for day in gaps] == [180, 180]
    assert set(known.values()) == {180, 210}


def test_nothing_dated_after_a_day_changes_its_rows(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    home.train(1, TRAINED)
    day = LAST - timedelta(days=5)
    before = home.rows(day, day)
    wild = {"tagged_cost": 1.0, SHIFTED: 900.0}
    write_days(home, day + timedelta(days=1), LAST, lambda _, row: row | wild)
    assert home.rows(day, day) == before
    assert home.rows(day, LAST)[: len(before)] == before


def test_the_rows_fit_their_table_and_are_stored_once(calm: Home) -> None:
    contract = monitoring_contracts()["drift_metrics"]
    start = SECOND - timedelta(days=1)
    store = calm.platform.engine.store
    assert store(contract, calm.rows(start, SECOND), start, SECOND) == (start, SECOND)
    assert store(contract, calm.rows(start, SECOND), start, SECOND) == ()


def test_drift_of_a_feature_is_found_and_its_labels_stay_stable(moved: Home) -> None:
    rows = moved.rows(LATER - timedelta(days=1), LAST)
    before, after = ([row for row in rows if row["monitor_date"] == d] for d in _ends())
    assert one(before, FEATURES)["severity"] == "none"
    table, column = one(after, FEATURES), one(after, FEATURES, SHIFTED)
    assert (table["severity"], column["severity"]) == ("severe", "critical")
    assert table["value"] == pytest.approx(1 / 6)
    assert table["effect"] == one(after, FEATURES, SHIFTED, "psi")["effect"] > 0.35
    assert one(after, LABELS)["status"] == "stable"
    drifted = {row["column_name"] for row in after if row["severity"] != "none"} - {ALL}
    assert drifted == {SHIFTED}


def _ends() -> tuple[date, date]:
    return LATER - timedelta(days=1), LAST


def test_labels_drift_while_the_features_stay_stable(tmp_path: Path) -> None:
    since = LAST - timedelta(days=12)

    def untagged(day: date, row: Row) -> Row:
        return row if day < since else row | {"tagged_cost": row["tagged_cost"] / 2}

    home = open_home(tmp_path, untagged)
    home.train(1, TRAINED)
    rows = home.rows(LAST, LAST)
    assert one(rows, FEATURES)["status"] == "stable"
    assert (one(rows, LABELS)["severity"], one(rows, LABELS)["value"]) == ("critical", 1.0)


def test_an_empty_window_is_no_pass(tmp_path: Path) -> None:
    home = open_home(tmp_path, lambda day, row: row if day < TRAINED else None)
    home.train(1, TRAINED)
    rows = home.rows(LAST, LAST)
    found = one(rows, FEATURES)
    assert (found["status"], found["severity"]) == ("could_not_evaluate", "none")
    assert f"{SHIFTED}: empty_current" in found["reason"]


def test_a_dropped_column_and_a_changed_type_are_critical_by_name(fresh: Home) -> None:
    path = fresh.kept(1, "reference")
    reference = json.loads(path.read_text())
    reference["features"]["gone"] = reference["features"][SHIFTED]
    reference["features"]["workspace_id"] = reference["features"][SHIFTED]
    path.write_text(json.dumps(reference))
    rows = fresh.rows(LAST, LAST)
    assert one(rows, FEATURES)["severity"] == "critical"
    said = {name: one(rows, FEATURES, name) for name in ("gone", "workspace_id")}
    assert {name: row["reason"] for name, row in said.items()} == {
        "gone": "missing_column",
        "workspace_id": "changed_type",
    }
    assert said["gone"]["current_counts"] is None
    assert one(rows, FEATURES, SHIFTED)["status"] == "stable"


def test_only_what_the_version_itself_predicted_counts(calm: Home) -> None:
    found = one(calm.rows(LAST, LAST), PREDICTIONS)
    assert (found["model_version"], found["current_rows"]) == (2, 0)
    assert (found["status"], found["reason"]) == ("could_not_evaluate", "prediction: empty_current")


def test_a_version_of_before_labels_were_kept_says_so(fresh: Home) -> None:
    path = fresh.kept(1, "reference")
    reference = json.loads(path.read_text())
    del reference["label"]
    path.write_text(json.dumps(reference))
    rows = fresh.rows(LAST, LAST)
    found = one(rows, LABELS)
    assert (found["status"], found["reason"]) == ("could_not_evaluate", "reference_without_label")
    assert (found["window_end"], one(rows, FEATURES)["status"]) == (
        LAST - timedelta(days=7),
        "stable",
    )


@pytest.mark.parametrize("content", ["{", "[]", "{}", None])
def test_a_version_that_cannot_be_read_loses_nobody_elses_rows(
    content: str | None, fresh: Home
) -> None:
    fresh.train(4, TRAINED, OTHER)
    path = fresh.kept(1, "spec")
    path.unlink()
    if content is not None:
        path.write_text(content)
    rows = fresh.rows(LAST, LAST, [MODEL, OTHER])
    broken = [row for row in rows if row["model_name"] == MODEL]
    assert [row["table_name"] for row in broken] == [FEATURES, LABELS, PREDICTIONS]
    for row in broken:
        assert (row["column_name"], row["model_version"]) == (ALL, 1)
        assert row["status"] == "could_not_evaluate"
        assert row["reason"].startswith("RegistryError: ")
    others = [row for row in rows if row["model_name"] == OTHER]
    assert one(others, FEATURES)["current_rows"] == 210


def test_a_table_that_cannot_be_read_loses_no_others_rows(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    home.train(1, TRAINED)
    (stored,) = tmp_path.rglob(f"*{MODEL}_predictions/usage_date={LAST}")
    for file in stored.iterdir():
        file.write_bytes(b"damaged")
    rows = home.rows(LAST, LAST)
    found = one(rows, PREDICTIONS)
    assert found["status"] == "could_not_evaluate"
    assert found["reason"].startswith("ComputeError: ")
    assert one(rows, FEATURES)["status"] == one(rows, LABELS)["status"] == "stable"


def test_without_a_champion_there_is_nothing_to_hold_against(calm: Home) -> None:
    assert calm.rows(FIRST, FIRST + timedelta(days=2)) == []
    assert calm.rows(LAST, LAST, [OTHER]) == []


def test_an_unknown_model_is_refused(calm: Home) -> None:
    with pytest.raises(ConfigError, match="chargeback_atribution") as refused:
        calm.rows(LAST, LAST, ["chargeback_atribution"])
    assert MODEL in refused.value.mend
