"""Who is told what, once: after failures, in quiet hours, after a kill, and never of the past."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ngm_assets.engine.base import Engine
from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets.errors import ComputeError, ConfigError
from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.monitoring.alerting.acknowledging import acknowledge
from ngm_assets.monitoring.alerting.delivery import deliver
from ngm_assets.settings import Settings
from ngm_assets_tests.monitoring.alerting.memory import Told, sink
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


def happened(engine: Engine, settings: Settings, *levels: str, subject: str = TABLE) -> None:
    """Store drift of these severities on the first days, and the alerts that follow."""
    rows = [drift(number, level, table_name=subject) for number, level in enumerate(levels)]
    store(engine, "drift_metrics", rows)
    run_alerts(engine, settings, 0, len(levels) - 1)


def no_wait(seconds: float) -> None:
    """Refuse to wait."""
    raise AssertionError(f"waited {seconds} s")


def delivered(
    engine: DuckDBEngine,
    settings: Settings,
    number: int,
    sleep: Callable[[float], None] = no_wait,
    now: datetime = NOON,
) -> list[tuple[str, str, str, int]]:
    """Deliver as of a day; return sink, event, status and attempts of each row."""
    rows = deliver(engine, settings, day(number), now, sleep)
    return [(row["sink"], row["event"], row["status"], row["attempts"]) for row in rows]


def test_every_sink_is_told_once(either: Engine, tmp_path: Path, told: Told) -> None:
    settings = settings_of(tmp_path, sink("one"), sink("two"))
    happened(either, settings, "severe")
    rows = deliver(either, settings, day(0), NOON, no_wait)
    assert told == [("one", TABLE, "opened"), ("two", TABLE, "opened")]
    kept = stored(either, "alert_deliveries")
    assert [row["sink"] for row in kept] == ["one", "two"]
    assert {row["status"] for row in rows + kept} == {"delivered"}
    assert all(row["attempted_at"].replace(tzinfo=UTC) == NOON for row in kept)
    assert deliver(either, settings, day(0), NOON + timedelta(hours=1), no_wait) == []
    assert len(told) == 2
    assert stored(either, "alert_deliveries") == kept


def test_the_life_of_an_alert_is_told_as_it_goes(
    engine: DuckDBEngine, tmp_path: Path, told: Told
) -> None:
    settings = settings_of(tmp_path, sink("one"), close_after_days=1)
    levels = ["moderate", "moderate", "critical", "moderate", "none"]
    for number in range(len(levels)):
        store(engine, "drift_metrics", [drift(number, levels[number])])
        run_alerts(engine, settings, number, number)
        delivered(engine, settings, number)
    assert [event for _, _, event in told] == ["opened", "escalated", "closed"]


def test_a_clock_that_goes_back_makes_nothing_told_twice(
    engine: DuckDBEngine, tmp_path: Path, told: Told
) -> None:
    settings = settings_of(tmp_path, sink("one"), close_after_days=1)
    happened(engine, settings, "severe", "severe")
    delivered(engine, settings, 1)
    happened(engine, settings, "severe", "severe", "none", "none")
    for hours in (-5, -4, 0, 3):
        delivered(engine, settings, 3, now=NOON + timedelta(hours=hours))
    assert [event for _, _, event in told] == ["opened", "closed"]
    opened, closed = stored(engine, "alert_deliveries")
    assert opened["attempted_at"] < closed["attempted_at"]


def test_runs_that_deliver_at_once_take_turns(
    engine: DuckDBEngine, tmp_path: Path, told: Told
) -> None:
    settings = settings_of(tmp_path, sink("one"))
    rows = [drift(0, "severe", table_name=f"features.t{number}") for number in range(4)]
    store(engine, "drift_metrics", rows)
    run_alerts(engine, settings, 0, 0)
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda _: delivered(engine, settings, 0), range(2)))
    assert sorted(map(len, made)) == [0, 4]
    assert len(told) == len(stored(engine, "alert_deliveries")) == 4


def test_past_days_are_told_to_nobody(engine: DuckDBEngine, tmp_path: Path, told: Told) -> None:
    settings = settings_of(tmp_path, sink("one"), close_after_days=1)
    levels = ["severe", "none", "moderate", "severe", "severe"]
    happened(engine, settings, *levels)
    for number in range(4):
        assert delivered(engine, settings, number) == []
    assert delivered(engine, settings, 4) == [("one", "escalated", "delivered", 1)]
    assert told == [("one", TABLE, "escalated")]
    (row,) = stored(engine, "alert_deliveries")
    assert row["monitor_date"] == day(3)


def test_a_recovery_is_told_only_to_those_who_know_of_the_alert(
    engine: DuckDBEngine, tmp_path: Path, told: Told
) -> None:
    settings = settings_of(tmp_path, sink("all"), sink("some", least="severe"), close_after_days=1)
    happened(engine, settings, "moderate")
    delivered(engine, settings, 0)
    happened(engine, settings, "moderate", "none")
    assert delivered(engine, settings, 1) == [("all", "closed", "delivered", 1)]
    assert told == [("all", TABLE, "opened"), ("all", TABLE, "closed")]


def test_a_recovery_that_could_not_be_told_is_told_when_nothing_is_open_any_more(
    engine: DuckDBEngine, tmp_path: Path, told: Told
) -> None:
    well, ill = (
        settings_of(tmp_path, sink("one", fails=fails), close_after_days=1, attempts=1)
        for fails in (0, 99)
    )
    happened(engine, well, "severe", "severe")
    delivered(engine, well, 1)
    happened(engine, well, "severe", "severe", "none", "none")
    assert delivered(engine, ill, 3) == [("one", "closed", "failed", 1)]
    assert delivered(engine, well, 3) == [("one", "closed", "delivered", 2)]
    assert delivered(engine, well, 3) == []
    assert told == [("one", TABLE, "opened"), ("one", TABLE, "closed")]


def test_the_worst_is_told_first_and_who_wants_only_that_hears_nothing_else(
    engine: DuckDBEngine, tmp_path: Path, told: Told
) -> None:
    settings = settings_of(tmp_path, sink("all"), sink("some", least="critical"))
    rows = [drift(0, "moderate"), drift(0, "critical", table_name="features.z")]
    store(engine, "drift_metrics", rows)
    run_alerts(engine, settings, 0, 0)
    delivered(engine, settings, 0)
    z = "features.z"
    assert told == [("all", z, "opened"), ("some", z, "opened"), ("all", TABLE, "opened")]


def test_a_delivery_is_tried_again_after_waits_that_double(
    engine: DuckDBEngine, tmp_path: Path, told: Told
) -> None:
    settings = settings_of(tmp_path, sink("one", fails=3), attempts=4)
    happened(engine, settings, "severe")
    waits: list[float] = []
    assert delivered(engine, settings, 0, waits.append) == [("one", "opened", "delivered", 4)]
    assert waits == [2.0, 4.0, 8.0]


def test_a_sink_that_fails_stops_nobody_and_is_told_by_the_next_run(
    engine: DuckDBEngine, tmp_path: Path, told: Told
) -> None:
    settings = settings_of(tmp_path, sink("ill", fails=4), sink("well"), attempts=2)
    happened(engine, settings, "severe")
    waits: list[float] = []
    assert delivered(engine, settings, 0, waits.append) == [
        ("ill", "opened", "failed", 2),
        ("well", "opened", "delivered", 1),
    ]
    assert waits == [2.0]
    kept = {row["sink"]: row for row in stored(engine, "alert_deliveries")}
    assert kept["ill"]["reason"] == "Nobody listens."
    assert kept["well"]["reason"] == ""
    assert delivered(engine, settings, 0, waits.append) == [("ill", "opened", "failed", 4)]
    assert delivered(engine, settings, 0) == [("ill", "opened", "delivered", 5)]
    assert told == [("well", TABLE, "opened"), ("ill", TABLE, "opened")]


def test_what_cannot_get_better_is_not_tried_again_at_once(
    engine: DuckDBEngine, tmp_path: Path, told: Told
) -> None:
    settings = settings_of(tmp_path, sink("one", fails=1, how="never"))
    happened(engine, settings, "severe")
    assert delivered(engine, settings, 0) == [("one", "opened", "failed", 1)]


def test_what_a_sink_raises_unforeseen_is_named_and_not_repeated(
    engine: DuckDBEngine, tmp_path: Path, told: Told
) -> None:
    settings = settings_of(tmp_path, sink("one", fails=1, how="broken"), attempts=1)
    happened(engine, settings, "severe")
    (row,) = deliver(engine, settings, day(0), NOON, no_wait)
    assert (row["status"], row["reason"]) == ("failed", "The sink failed: RuntimeError.")


def test_a_sink_that_is_down_is_left_alone_until_the_next_run(
    engine: DuckDBEngine, tmp_path: Path, told: Told
) -> None:
    settings = settings_of(tmp_path, sink("ill", fails=2), sink("well"), attempts=1)
    tables = [f"features.t{number}" for number in range(5)]
    store(engine, "drift_metrics", [drift(0, "severe", table_name=name) for name in tables])
    run_alerts(engine, settings, 0, 0)
    rows = deliver(engine, settings, day(0), NOON, no_wait)
    ill = [(row["status"], row["attempts"]) for row in rows if row["sink"] == "ill"]
    assert ill == [("failed", 1)] * 2 + [("failed", 0)] * 3
    assert sum(name == "well" for name, _, _ in told) == 5
    assert {status for _, _, status, _ in delivered(engine, settings, 0)} == {"delivered"}
    assert len(told) == 10


def test_in_quiet_hours_only_the_critical_is_told_and_the_rest_after_them(
    engine: DuckDBEngine, tmp_path: Path, told: Told
) -> None:
    hours = {"start": "22:00", "end": "07:00", "zone": "Europe/Berlin"}
    settings = settings_of(tmp_path, sink("one", quiet_hours=hours))
    rows = [drift(0, "severe"), drift(0, "critical", table_name="features.z")]
    store(engine, "drift_metrics", rows)
    run_alerts(engine, settings, 0, 0)
    night = datetime(2026, 6, 20, 4, 59, tzinfo=UTC)
    rows = deliver(engine, settings, day(0), night, no_wait)
    assert [row["status"] for row in rows] == ["delivered", "waiting"]
    assert rows[1]["reason"] == "Quiet hours until 07:00 Europe/Berlin."
    assert (rows[1]["attempts"], rows[1]["attempted_at"]) == (0, None)
    morning = night + timedelta(minutes=1)
    assert delivered(engine, settings, 0, now=morning) == [("one", "opened", "delivered", 1)]
    assert told == [("one", "features.z", "opened"), ("one", TABLE, "opened")]


def test_of_an_acknowledged_alert_only_an_escalation_is_told(
    engine: DuckDBEngine, tmp_path: Path, told: Told
) -> None:
    settings = settings_of(tmp_path, sink("one"), close_after_days=1)
    store(engine, "drift_metrics", [drift(0, "moderate")])
    (row,) = run_alerts(engine, settings, 0, 0)
    acknowledge(engine, row["alert_id"], "ann", NOON)
    assert delivered(engine, settings, 0) == []
    happened(engine, settings, "moderate", "severe")
    assert delivered(engine, settings, 1) == [("one", "escalated", "delivered", 1)]
    happened(engine, settings, "moderate", "severe", "none")
    assert delivered(engine, settings, 2) == []
    assert told == [("one", TABLE, "escalated")]


class KilledError(BaseException):
    """The process ends."""


def test_a_killed_delivery_is_completed_by_the_next(
    engine: DuckDBEngine, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the row of the second message: it alone is told again."""
    settings = settings_of(tmp_path, sink("a"), sink("b"), sink("c"))
    happened(engine, settings, "severe")
    write = DuckDBEngine.store
    writes: list[str] = []

    def dying(self: DuckDBEngine, contract: TableContract, *rest: Any, **more: Any) -> Any:
        writes.append(contract.name)
        if len(writes) == 2:
            raise KilledError
        return write(self, contract, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(DuckDBEngine, "store", dying)
        with pytest.raises(KilledError):
            deliver(engine, settings, day(0), NOON, no_wait)
    assert [row["sink"] for row in stored(engine, "alert_deliveries")] == ["a"]
    assert [row[0] for row in delivered(engine, settings, 0)] == ["b", "c"]
    assert [name for name, _, _ in told] == ["a", "b", "b", "c"]


def test_a_table_that_cannot_be_written_is_no_silent_failure(
    engine: DuckDBEngine, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path, sink("one"))
    happened(engine, settings, "severe")

    def full(*_: Any, **__: Any) -> None:
        raise ComputeError("The disk is full.")

    monkeypatch.setattr(DuckDBEngine, "store", full)
    with pytest.raises(ComputeError):
        deliver(engine, settings, day(0), NOON, no_wait)


def test_rows_of_other_alerts_of_the_day_stay(
    engine: DuckDBEngine, tmp_path: Path, told: Told
) -> None:
    settings = settings_of(tmp_path, sink("one"))
    other = {
        "monitor_date": day(0),
        "alert_id": "other",
        "event": "opened",
        "sink": "one",
        "kind": "drift",
        "subject": "features.other",
        "severity": "severe",
        "status": "failed",
        "attempts": 1,
        "reason": "",
        "attempted_at": NOON,
    }
    store(engine, "alert_deliveries", [other])
    happened(engine, settings, "severe")
    delivered(engine, settings, 0)
    assert len(stored(engine, "alert_deliveries")) == 2


def test_without_alerts_or_sinks_nothing_happens(engine: DuckDBEngine, tmp_path: Path) -> None:
    assert deliver(engine, settings_of(tmp_path, sink("one")), day(0), NOON, no_wait) == []
    nobody = settings_of(tmp_path)
    happened(engine, nobody, "severe")
    assert deliver(engine, nobody, day(0), NOON, no_wait) == []


def test_a_time_without_a_zone_is_refused(engine: DuckDBEngine, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no zone"):
        deliver(engine, settings_of(tmp_path), day(0), NOON.replace(tzinfo=None), no_wait)


def test_an_alert_whose_days_were_made_again_and_came_out_well_is_told_to_be_closed(
    engine: DuckDBEngine, tmp_path: Path, told: Told
) -> None:
    settings = settings_of(tmp_path, sink("one"), sink("some", least="critical"))
    happened(engine, settings, "severe")
    delivered(engine, settings, 0)
    happened(engine, settings, "none")
    assert stored(engine, "alerts") == []
    assert delivered(engine, settings, 0) == [("one", "closed", "delivered", 1)]
    assert delivered(engine, settings, 0) == []
    assert told == [("one", TABLE, "opened"), ("one", TABLE, "closed")]
    happened(engine, settings, "severe")
    later = NOON + timedelta(hours=1)
    assert delivered(engine, settings, 0, now=later) == [("one", "opened", "delivered", 2)]
    assert delivered(engine, settings, 0, now=later) == []
    assert told[-1] == ("one", TABLE, "opened")
