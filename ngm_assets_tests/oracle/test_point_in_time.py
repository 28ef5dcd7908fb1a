"""The oracle itself never looks ahead: a day's features are the same when all later days go."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from ngm_assets_tests.landings import awkward_landing
from ngm_assets_tests.oracle import feature_tables, gold_tables
from ngm_assets_tests.oracle.gold import PARTITIONS

if TYPE_CHECKING:
    from pathlib import Path

DATES = {
    "cost_features": "usage_date",
    "job_cost_features": "usage_date",
    "security_features": "event_date",
    "performance_features": "query_date",
    "reliability_features": "run_date",
    "quality_features": "snapshot_date",
}


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    """Return the gold of an awkward landing."""
    folder: Path = tmp_path_factory.mktemp("landing")
    awkward_landing(folder, seed=11)
    return gold_tables(folder)


@pytest.mark.parametrize("day", [date(2023, 11, 20), date(2023, 12, 11), date(2023, 12, 28)])
def test_features_of_a_day_do_not_change_when_later_days_are_removed(
    gold: dict[str, pd.DataFrame], day: date
) -> None:
    known = {name: gold[name][gold[name][column] <= day] for name, column in PARTITIONS.items()}
    whole, then = feature_tables(gold), feature_tables(known)
    for name, column in DATES.items():
        expected = whole[name][whole[name][column] == day].reset_index(drop=True)
        found = then[name][then[name][column] == day].reset_index(drop=True)
        pd.testing.assert_frame_equal(found, expected)
    assert any(len(whole[n][whole[n][c] == day]) for n, c in DATES.items())
