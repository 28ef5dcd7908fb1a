"""What people see of predictions: the most severe first, on the side that is worse."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ngm_assets.errors import ConfigError
from ngm_assets.platform import Platform
from ngm_assets.predictions.reading import prediction_rows
from ngm_assets_tests.predictions.stored import Row, empty_platform, store

FIRST, SECOND = date(2026, 5, 1), date(2026, 5, 2)


def row(workspace: str, day: date, severity: str | None, prediction: float | None) -> Row:
    """Return a stored prediction of a workspace."""
    return {
        "workspace_id": workspace,
        "usage_date": day,
        "target_start": day,
        "target_end": day,
        "severity": severity,
        "prediction": prediction,
    }


ROWS = [
    row("a", FIRST, "critical", 0.9),
    row("a", SECOND, "low", 0.3),
    row("b", SECOND, "high", 0.2),
    row("c", SECOND, "medium", 0.8),
    row("d", SECOND, "high", 0.7),
    row("e", SECOND, None, None),
    row("f", SECOND, "info", 0.95),
    row("g", FIRST, "low", 0.3),
    row("h", SECOND, "critical", 0.1),
]
SECOND_DAY = "hdbcafe"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Return a platform on which two models have said the same numbers."""
    made = empty_platform(tmp_path_factory.mktemp("reading"))
    for model in ("budget_forecaster", "chargeback_attribution"):
        store(made, model, ROWS)
    return made


def keys(platform: Platform, model: str, day: date | None, top: int = 99) -> str:
    """Return the workspaces in the order they are shown."""
    found = prediction_rows(platform, model, day, top)
    return "".join(shown["workspace_id"] for shown in found.rows)


def test_the_most_severe_come_first_then_the_greatest_and_the_unknown_last(
    platform: Platform,
) -> None:
    assert keys(platform, "budget_forecaster", SECOND) == SECOND_DAY


def test_where_lower_is_worse_the_smallest_come_first(platform: Platform) -> None:
    assert keys(platform, "chargeback_attribution", SECOND) == "hbdcafe"


def test_without_a_day_each_key_shows_its_newest_row(platform: Platform) -> None:
    found = prediction_rows(platform, "budget_forecaster", None, 99)
    assert "".join(shown["workspace_id"] for shown in found.rows) == "hdbcagfe"
    days = {shown["workspace_id"]: shown["usage_date"] for shown in found.rows}
    assert (days["a"], days["g"]) == (SECOND, FIRST)
    assert found.keys == ("workspace_id", "usage_date")
    assert found.title == "budget_forecaster, newest row of each key"


def test_a_day_shows_that_day_alone(platform: Platform) -> None:
    assert keys(platform, "budget_forecaster", FIRST) == "ag"
    assert prediction_rows(platform, "budget_forecaster", FIRST, 9).title.endswith("2026-05-01")
    with pytest.raises(ConfigError) as empty:
        prediction_rows(platform, "budget_forecaster", date(2026, 6, 1), 9)
    assert str(empty.value.mend) == "There are predictions from 2026-05-01 to 2026-05-02."


def test_no_more_rows_than_asked_for(platform: Platform) -> None:
    assert keys(platform, "budget_forecaster", SECOND, top=3) == SECOND_DAY[:3]


def test_an_unknown_model_is_answered_with_the_nearest(platform: Platform) -> None:
    with pytest.raises(ConfigError) as refused:
        prediction_rows(platform, "budget_forcaster", None, 5)
    assert "budget_forecaster" in str(refused.value.mend)


def test_before_anything_was_scored_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as empty:
        prediction_rows(empty_platform(tmp_path), "budget_forecaster", None, 5)
    assert "ngm run" in str(empty.value.mend)
