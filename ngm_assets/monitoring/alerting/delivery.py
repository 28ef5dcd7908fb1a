"""Tells the sinks what they have not been told yet of the alerts, and keeps account of it."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Query, Window
from ngm_assets.errors import ConfigError
from ngm_assets.models.registry.locks import one_at_a_time
from ngm_assets.monitoring.alerting.alerts import Alert, newest_rows
from ngm_assets.monitoring.alerting.keeping import keep
from ngm_assets.monitoring.alerting.pending import Pending, pending, withdrawn
from ngm_assets.monitoring.alerting.sinks.base import DeliveryError, Link, Message, one_line
from ngm_assets.monitoring.alerting.sinks.registry import resolve_sinks

if TYPE_CHECKING:
    from ngm_assets.engine.base import Engine
    from ngm_assets.monitoring.alerting.sinks.base import Sink
    from ngm_assets.settings import Settings
    from ngm_assets.watching import AlertSettings

LATE_DAYS = 7
"""Days in which it is still told that an alert closed."""
REMEMBERED_DAYS = 90
"""Days back to which it is noticed that an alert which was told no longer stands."""
GIVE_UP = 2
"""Messages that fail one after the other, after which a sink is left alone until the next run."""
DELIVERING = ".delivering.lock"
LEFT_ALONE = "Not tried: the messages before it failed."


def deliver(
    engine: Engine,
    settings: Settings,
    day: date,
    now: datetime,
    sleep: Callable[[float], None] = time.sleep,
    environ: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Tell every sink the events of alerts it was not told yet, and store what came of each.

    What is told follows from the tables alone, so a run that is repeated tells nothing twice and
    one that was killed is completed by the next. Each outcome is stored before the next message is
    sent; only a process that ends between a message's arrival and its row makes the next run send
    it again, with the same idempotency key. On this machine runs deliver one after the other;
    elsewhere two must not at the same time.

    An alert that was told and stands on no day any more, because its days were made again, is told
    to be closed.

    Nothing is told unless `day` is the newest day of `monitoring.alerts` (or later), so that runs
    over past days stay silent. A sink that fails is a row with the reason, and keeps nobody else
    from being told.

    Args:
        engine: Reads and writes the tables.
        settings: Whose `monitoring.alerts` applies.
        day: Day as of which the alerts are told.
        now: With a zone.
        sleep: Waits between attempts.
        environ: Environment variables, by default those of the process.

    Returns:
        The rows of `monitoring.alert_deliveries` of what was told, failed or waits, as stored.

    Raises:
        ConfigError: `now` has no zone, or a sink's settings are wrong.
        ComputeError: A table cannot be read or written.
    """
    if now.tzinfo is None:
        raise ConfigError("The time of a delivery has no zone.", where="now")
    sinks = resolve_sinks(settings, os.environ if environ is None else environ)
    with one_at_a_time(settings.home if settings.local else None, DELIVERING):
        return _deliver(engine, settings, sinks, day, now, sleep)


def _deliver(
    engine: Engine,
    settings: Settings,
    sinks: Mapping[str, Sink],
    day: date,
    now: datetime,
    sleep: Callable[[float], None],
) -> list[dict[str, Any]]:
    asked = settings.monitoring.alerts
    made, failing = [], Counter[str]()
    waiting, at = _pending(engine, asked, day, now)
    for each in waiting:
        name = each.sink.name
        message = _message(each, settings, now)
        if each.wait:
            row = _row(each, "waiting", each.attempts, each.wait, each.attempted_at)
        elif failing[name] >= GIVE_UP:
            row = _row(each, "failed", each.attempts, LEFT_ALONE, each.attempted_at)
        else:
            tries, reason = _tell(sinks[name], message, asked, sleep)
            failing[name] = failing[name] + 1 if reason else 0
            status = "failed" if reason else "delivered"
            row = _row(each, status, each.attempts + tries, reason, at)
        keep(engine, "alert_deliveries", row)
        made.append(row)
    return made


def _pending(
    engine: Engine, asked: AlertSettings, day: date, now: datetime
) -> tuple[list[Pending], datetime]:
    """Return what is to be told, and the time that is noted with it."""
    newest = newest_rows(engine)
    if any(row["monitor_date"] > day for row in newest):
        return [], now
    standing = [row for row in newest if row["state"] == "open"]
    lately = Window(day - timedelta(days=LATE_DAYS - 1), day)
    sql = "SELECT * FROM monitoring.alerts WHERE state = 'closed'"
    closed = engine.rows(Query(sql, {}, lately))
    alerts = [Alert.of_row(row) for row in [*standing, *closed]]
    remembered = day - timedelta(days=REMEMBERED_DAYS)
    window = Window(start=min([remembered, *(alert.opened_on for alert in alerts)]))
    told = engine.rows(Query("SELECT * FROM monitoring.alert_deliveries", {}, window))
    noted, known = (
        {row["alert_id"] for row in engine.rows(Query(sql, {}, window))}
        for sql in (
            "SELECT alert_id FROM monitoring.acknowledgements",
            "SELECT DISTINCT alert_id FROM monitoring.alerts",
        )
    )
    found = [
        *pending(alerts, told, noted, asked.sinks, now),
        *withdrawn(told, known, asked.sinks, day, now),
    ]
    return found, _after(told, now)


def _after(told: Sequence[Mapping[str, Any]], now: datetime) -> datetime:
    """Return the time of what is told now: later than all before, though a clock went back."""
    last = max((r["attempted_at"] for r in told if r["attempted_at"] is not None), default=None)
    moment = now.astimezone(UTC)
    if last is None:
        return moment
    last = last.replace(tzinfo=UTC) if last.tzinfo is None else last.astimezone(UTC)
    return moment if moment >= last else last + timedelta(microseconds=1)


def _tell(
    sink: Sink, message: Message, asked: AlertSettings, sleep: Callable[[float], None]
) -> tuple[int, str]:
    """Send a message, again after waits that double; return the attempts and why it failed."""
    reason = ""
    for attempt in range(1, asked.attempts + 1):
        try:
            sink.send(message)
        except DeliveryError as error:
            reason, again = one_line(error.what), error.again
        except Exception as error:
            reason, again = f"The sink failed: {type(error).__name__}.", True
        else:
            return attempt, ""
        if not again or attempt == asked.attempts:
            return attempt, reason or "The sink gave no reason."
        sleep(asked.retry_seconds * 2 ** (attempt - 1))
    return asked.attempts, reason


def _message(each: Pending, settings: Settings, now: datetime) -> Message:
    alert = each.alert
    return Message(
        alert_id=alert.alert_id,
        event=each.event,
        kind=alert.kind,
        subject=alert.subject,
        severity=alert.severity,
        opened_on=alert.opened_on,
        changed_on=alert.changed_on,
        models=alert.models,
        title=alert.title,
        detail=alert.detail,
        environment=settings.env,
        at=now.astimezone(UTC),
        links=_links(settings),
    )


def _links(settings: Settings) -> tuple[Link, ...]:
    if settings.databricks is None:
        return ()
    address = f"{settings.databricks.host}/explore/data/{settings.catalog}/monitoring/alerts"
    return (Link("Table of alerts", address),)


def _row(
    each: Pending, status: str, attempts: int, reason: str, at: datetime | None
) -> dict[str, Any]:
    return {
        "monitor_date": each.alert.changed_on,
        "alert_id": each.alert.alert_id,
        "event": each.event,
        "sink": each.sink.name,
        "kind": each.alert.kind,
        "subject": each.alert.subject,
        "severity": each.alert.severity,
        "status": status,
        "attempts": attempts,
        "reason": reason,
        "attempted_at": at,
    }
