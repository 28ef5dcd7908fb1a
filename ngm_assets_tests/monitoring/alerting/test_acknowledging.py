"""Who took note of an alert, and which alerts are shown."""

from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from ngm_assets.engine.base import Engine
from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.alerting.acknowledging import acknowledge, open_alerts, recent_alerts
from ngm_assets_tests.monitoring.alerting.tables import (
    NOON,
    TABLE,
    day,
    drift,
    run_alerts,
    settings_of,
    store,
    stored,
)


def alerts(engine: Engine, root: Path) -> list[dict[str, Any]]:
    """Store three days: a closed alert, one that is open and one that is open and worse."""
    settings = settings_of(root, close_after_days=1)
    rows = [
        *(drift(n, level) for n, level in enumerate(["severe", "none", "none"])),
        *(drift(n, "moderate", table_name="features.a") for n in range(3)),
        *(drift(n, "critical" if n else "none", table_name="features.b") for n in range(3)),
    ]
    store(engine, "drift_metrics", rows)
    return run_alerts(engine, settings, 0, 2)


def test_open_alerts_are_shown_the_worst_first_and_closed_ones_for_a_week(
    engine: DuckDBEngine, tmp_path: Path
) -> None:
    alerts(engine, tmp_path)
    assert [row["subject"] for row in open_alerts(engine)] == ["features.b", "features.a"]
    assert [row["subject"] for row in recent_alerts(engine)] == ["features.b", "features.a", TABLE]
    later = [drift(n, "moderate", table_name="features.a") for n in range(3, 9)]
    store(engine, "drift_metrics", later)
    run_alerts(engine, settings_of(tmp_path), 3, 8)
    assert TABLE not in {row["subject"] for row in recent_alerts(engine)}


def test_before_the_first_alert_there_is_none(engine: DuckDBEngine) -> None:
    assert open_alerts(engine) == recent_alerts(engine) == []
    with pytest.raises(ConfigError, match="There is no alert") as refused:
        acknowledge(engine, "0123", "ann", NOON)
    assert "no alert yet" in refused.value.mend


def test_an_acknowledgement_is_kept_beside_the_others_of_its_day(
    either: Engine, tmp_path: Path
) -> None:
    alerts(either, tmp_path)
    ids = {row["subject"]: row["alert_id"] for row in recent_alerts(either)}
    for subject in (TABLE, "features.a"):
        acknowledge(either, ids[subject], "ann", NOON, f"About {subject}.")
    first = stored(either, "acknowledgements")
    assert {(row["monitor_date"], row["alert_id"]) for row in first} == {
        (day(0), ids[TABLE]),
        (day(0), ids["features.a"]),
    }
    noted = {row["subject"]: row for row in recent_alerts(either)}
    assert noted["features.a"]["acknowledged_by"] == "ann"
    assert noted["features.a"]["note"] == "About features.a."
    assert noted["features.a"]["acknowledged_at"].replace(tzinfo=UTC) == NOON
    assert noted["features.b"]["acknowledged_by"] is None


def test_who_takes_note_first_stays(engine: DuckDBEngine, tmp_path: Path) -> None:
    alerts(engine, tmp_path)
    alert_id = open_alerts(engine)[0]["alert_id"]
    acknowledge(engine, alert_id, " ann ", NOON, " Mine. ")
    kept = stored(engine, "acknowledgements")
    again = acknowledge(engine, alert_id, "bob", NOON + timedelta(hours=1), "No, mine.")
    assert (again["acknowledged_by"], again["note"]) == ("ann", "Mine.")
    assert stored(engine, "acknowledgements") == kept


def test_an_unknown_alert_is_refused_with_the_nearest_ids(
    engine: DuckDBEngine, tmp_path: Path
) -> None:
    alerts(engine, tmp_path)
    known = open_alerts(engine)[0]["alert_id"]
    with pytest.raises(ConfigError, match="There is no alert") as refused:
        acknowledge(engine, known[:-1] + "z", "ann", NOON)
    assert known in refused.value.mend
    with pytest.raises(ConfigError) as refused:
        acknowledge(engine, "??", "ann", NOON)
    assert known in refused.value.mend


def test_somebody_takes_note_at_some_time(engine: DuckDBEngine, tmp_path: Path) -> None:
    alerts(engine, tmp_path)
    alert_id = open_alerts(engine)[0]["alert_id"]
    for who, when in ((" ", NOON), ("ann", NOON.replace(tzinfo=None))):
        with pytest.raises(ConfigError, match="not said"):
            acknowledge(engine, alert_id, who, when)
