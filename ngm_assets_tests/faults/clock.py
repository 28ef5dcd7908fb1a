"""A clock that goes back between stages and between deliveries; two deliveries at once."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from ngm_assets_tests.faults.child import Begun, in_child, side_by_side
from ngm_assets_tests.faults.home import Workshop
from ngm_assets_tests.faults.kills import after_fault
from ngm_assets_tests.faults.storage import Case
from ngm_assets_tests.faults.verdict import Verdict, failed

BACK = timedelta(days=3)
READ_BY = ("ngm_assets.models.assets", "ngm_assets.predictions.assets")
"""The assets that read a clock; gold and features read none of their own."""


class LateClock(datetime):
    """A clock that is three days slow."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """Return the time it shows."""
        return datetime.now(tz) - BACK


def set_back() -> None:
    """Set the clocks of this process back: Python's own, and what the assets read."""
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() - BACK.total_seconds()
    time.time_ns = lambda: real_ns() - int(BACK.total_seconds() * 1e9)
    for name in READ_BY:
        module: Any = importlib.import_module(name)
        assert module.datetime is datetime, f"{name} reads another clock"
        module.datetime = LateClock


def goes_back(shop: Workshop) -> Iterator[Case]:
    """Set the clock back before a stage; its result must be the same, now and when run again."""
    for name in ("gold", "features", "training", "promotion", "scoring"):
        stage = shop.stages[name]
        shop.restore(stage.begin)

        def late(begun: Begun, name: str = name) -> dict[str, Any]:
            set_back()
            return shop.stages[name].run(shop.home, begun)

        ended = in_child(late)
        done = bool(ended.result and ended.result["success"])
        verdict = Verdict() if done else failed(ended.error or str(ended.result))
        yield f"before {name}", verdict + after_fault(shop, stage)


def deliveries(shop: Workshop) -> Iterator[Case]:
    """Tell an alert and its end with the clock going back in between, and again; once each."""
    home = shop.root / "alerts"
    for name, moments in (("as it should", (0, 1, 2, 3)), ("clock going back", (0, -5, -4, 3))):
        _clear(home)
        told = in_child(lambda _, moments=moments: _life(home, moments))  # type: ignore[misc]
        yield name, _once(told.result, ["opened", "closed"], told.error)
    _clear(home)
    made = in_child(lambda _: _happened(home, "severe"))
    ended = side_by_side(*[lambda _: _tell(home, 0, 0)] * 2)
    wrong = made.error + "".join(each.error for each in ended)
    yield "two at once", _once(_told(home), ["opened"] * 8, wrong)
    again = in_child(lambda _: _tell(home, 0, 1))
    yield "and once more", _once(_told(home), ["opened"] * 8, again.error)


def _clear(home: Path) -> None:
    import shutil

    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)


def _once(found: list[str] | None, wanted: list[str], error: str) -> Verdict:
    """Compare the events told with those there are."""
    if error or found is None:
        return failed(error or "nothing was told")
    lost = sum(1 for event in set(wanted) for _ in range(wanted.count(event) - found.count(event)))
    return Verdict(lost, max(0, len(found) - len(wanted)))


def _happened(home: Path, *levels: str) -> None:
    """Store drift of eight tables on the first days, and the alerts that follow."""
    from ngm_assets_tests.monitoring.alerting import tables

    engine, settings = tables.duckdb_engine(home), _settings(home)
    names = [f"features.t{number}" for number in range(1 if len(levels) > 1 else 8)]
    rows = [
        tables.drift(day, level, table_name=name)
        for day, level in enumerate(levels)
        for name in names
    ]
    tables.store(engine, "drift_metrics", rows)
    tables.run_alerts(engine, settings, 0, len(levels) - 1)


def _settings(home: Path) -> Any:
    from ngm_assets_tests.monitoring.alerting import tables

    return tables.settings_of(home, {"name": "file", "type": "file"}, close_after_days=1)


def _tell(home: Path, day: int, hour: int) -> list[str]:
    from ngm_assets.monitoring.alerting.delivery import deliver
    from ngm_assets_tests.monitoring.alerting import tables

    moment: date = tables.day(day)
    now = tables.NOON + timedelta(hours=hour)
    deliver(tables.duckdb_engine(home), _settings(home), moment, now.astimezone(UTC), time.sleep)
    return _told(home)


def _told(home: Path) -> list[str]:
    file = home / "alerts.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [json.loads(line)["event"] for line in lines]


def _life(home: Path, hours: tuple[int, ...]) -> list[str]:
    """Tell that an alert opened and closed, each twice, at moments of a clock."""
    _happened(home, "severe", "severe")
    _tell(home, 1, hours[0])
    _happened(home, "severe", "severe", "none", "none")
    for hour in hours[1:]:
        _tell(home, 3, hour)
    return _told(home)
