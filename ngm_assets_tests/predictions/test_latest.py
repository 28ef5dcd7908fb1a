"""The newest prediction of every key, read through the engine."""

from __future__ import annotations

from datetime import date

import pytest

from ngm_assets.engine.base import Query, Window
from ngm_assets.models.data.dataset import catalog
from ngm_assets.platform import Platform
from ngm_assets.predictions.latest import latest_view, latest_views
from ngm_assets.predictions.tables import prediction_contract
from ngm_assets_tests.predictions.stored import empty_platform, store

MODEL = "query_performance_forecaster"
MAY = [date(2026, 5, day) for day in range(1, 32)]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Return a platform with predictions of three warehouses, two of one name."""
    made = empty_platform(tmp_path_factory.mktemp("latest"))
    rows = [("1", "a", 0, 10.0), ("1", "a", 2, 12.0), ("2", "a", 1, 21.0), ("1", "b", 0, 30.0)]
    store(
        made,
        MODEL,
        [
            {
                "workspace_id": workspace,
                "warehouse_id": warehouse,
                "query_date": MAY[day],
                "target_start": MAY[day + 1],
                "target_end": MAY[day + 7],
                "prediction": value,
            }
            for workspace, warehouse, day, value in rows
        ],
    )
    return made


def newest(platform: Platform, window: Window) -> dict[tuple[str, str], tuple[date, float]]:
    """Return day and prediction of each warehouse as the view gives them."""
    sql = f"SELECT * FROM {latest_view(MODEL)} ORDER BY workspace_id, warehouse_id"
    rows = platform.engine.rows(Query(sql, {}, window))
    assert len({(row["workspace_id"], row["warehouse_id"]) for row in rows}) == len(rows)
    return {
        (row["workspace_id"], row["warehouse_id"]): (row["query_date"], row["prediction"])
        for row in rows
    }


def test_each_key_has_its_newest_row_and_no_other(platform: Platform) -> None:
    assert newest(platform, Window()) == {
        ("1", "a"): (MAY[2], 12.0),
        ("1", "b"): (MAY[0], 30.0),
        ("2", "a"): (MAY[1], 21.0),
    }


def test_in_a_window_the_newest_row_of_the_window_counts(platform: Platform) -> None:
    assert newest(platform, Window(end=MAY[1])) == {
        ("1", "a"): (MAY[0], 10.0),
        ("1", "b"): (MAY[0], 30.0),
        ("2", "a"): (MAY[1], 21.0),
    }
    assert newest(platform, Window(MAY[1], MAY[1])) == {("2", "a"): (MAY[1], 21.0)}


def test_a_view_can_be_joined_with_its_own_table(platform: Platform) -> None:
    table = prediction_contract(next(s for s in catalog() if s.name == MODEL)).full_name
    sql = (
        f"SELECT COUNT(*) AS rows FROM {table} AS t JOIN {latest_view(MODEL)} AS l "
        "ON l.workspace_id = t.workspace_id AND l.warehouse_id = t.warehouse_id"
    )
    assert platform.engine.rows(Query(sql, {})) == [{"rows": 4}]


def test_every_model_has_a_view_with_the_columns_of_its_table(platform: Platform) -> None:
    assert set(latest_views()) == {latest_view(spec.name) for spec in catalog()}
    for spec in catalog():
        empty = platform.engine.frame(Query(f"SELECT * FROM {latest_view(spec.name)} LIMIT 0", {}))
        assert tuple(empty.columns) == prediction_contract(spec).column_names


def test_a_model_that_has_scored_nothing_has_an_empty_view(platform: Platform) -> None:
    sql = f"SELECT * FROM {latest_view('budget_forecaster')}"
    assert platform.engine.rows(Query(sql, {})) == []
