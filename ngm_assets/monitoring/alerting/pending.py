"""Says which events of alerts are still to be told, to whom, and what has to wait."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from ngm_assets.monitoring.drift.statistics.base import DRIFT_SEVERITIES

if TYPE_CHECKING:
    from ngm_assets.monitoring.alerting.alerts import Alert
    from ngm_assets.monitoring.alerting.sinks.base import Event
    from ngm_assets.watching import QuietHours, SinkSettings


@dataclass(frozen=True)
class Pending:
    """One event of one alert that a sink is still to be told.

    Attributes:
        alert: The alert as it stands.
        event: What is to be told.
        sink: To whom.
        attempts: Attempts so far.
        attempted_at: Time of the last of them.
        wait: Why it has to wait; empty where it is to be told now.
    """

    alert: Alert
    event: Event
    sink: SinkSettings
    attempts: int
    attempted_at: datetime | None
    wait: str


def pending(
    alerts: Sequence[Alert],
    told: Sequence[Mapping[str, Any]],
    acknowledged: Collection[str],
    sinks: Sequence[SinkSettings],
    now: datetime,
) -> list[Pending]:
    """Return what is to be told of alerts, the worst first, then in the order of the sinks.

    Only the newest event of an alert is told: when it opened, escalated or closed last. A sink is
    told that an alert closed only when it was told that it opened or escalated. Of an acknowledged
    alert it is told only an escalation.

    Args:
        alerts: Alerts as they stand, one row each.
        told: Rows of `monitoring.alert_deliveries` of these alerts.
        acknowledged: Ids of the acknowledged ones.
        sinks: Who is told.
        now: With a zone; decides about quiet hours.
    """
    found = []
    for alert in sorted(alerts, key=_worst_first):
        event = newest_event(alert)
        if alert.alert_id in acknowledged and event != "escalated":
            continue
        for sink in sinks:
            rows = [r for r in told if r["alert_id"] == alert.alert_id and r["sink"] == sink.name]
            if _concerned(alert, event, sink, rows):
                found.append(_pending(alert, event, sink, rows, now))
    return found


def newest_event(alert: Alert) -> Event:
    """Return what happened to an alert on the day it changed last."""
    if alert.state == "closed":
        return "closed"
    return "opened" if alert.changed_on == alert.opened_on else "escalated"


def quiet_now(hours: QuietHours, now: datetime) -> bool:
    """Return whether a moment lies in quiet hours, by the clocks of their zone."""
    from zoneinfo import ZoneInfo

    clock = now.astimezone(ZoneInfo(hours.zone)).time()
    if hours.start < hours.end:
        return hours.start <= clock < hours.end
    return clock >= hours.start or clock < hours.end


def _concerned(
    alert: Alert, event: Event, sink: SinkSettings, rows: Sequence[Mapping[str, Any]]
) -> bool:
    """Return whether a sink is to be told an event and was not yet."""
    if DRIFT_SEVERITIES.index(alert.severity) < DRIFT_SEVERITIES.index(sink.least):
        return False
    delivered = [row for row in rows if row["status"] == "delivered"]
    known = last_told(delivered) if delivered else "closed"
    if event == "closed" or known == "closed":
        return event != known
    return (alert.changed_on, event) not in {(r["monitor_date"], r["event"]) for r in delivered}


def last_told(delivered: Sequence[Mapping[str, Any]]) -> Event:
    """Return the event of an alert that a sink was told last; at least one row."""
    event: Event = max(delivered, key=_when_told)["event"]
    return event


def _when_told(row: Mapping[str, Any]) -> tuple[datetime, int]:
    """Return what orders deliveries; of one moment an alert opens, escalates and closes."""
    return row["attempted_at"], ("opened", "escalated", "closed").index(row["event"])


def withdrawn(
    told: Sequence[Mapping[str, Any]],
    known: Collection[str],
    sinks: Sequence[SinkSettings],
    day: date,
    now: datetime,
) -> list[Pending]:
    """Return the closing of alerts that were told and stand in no row any more.

    That happens when their days are made again and come out well: nobody would hear of their end.

    Args:
        told: Rows of `monitoring.alert_deliveries`.
        known: Ids in `monitoring.alerts`.
        sinks: Who is told.
        day: Day on which they are closed.
        now: With a zone; decides about quiet hours.
    """
    found = []
    gone = sorted({row["alert_id"] for row in told} - set(known))
    for alert_id in gone:
        for sink in sinks:
            rows = [r for r in told if (r["alert_id"], r["sink"]) == (alert_id, sink.name)]
            delivered = [row for row in rows if row["status"] == "delivered"]
            if delivered and last_told(delivered) != "closed":
                found.append(_pending(_gone(delivered, day), "closed", sink, rows, now))
    return found


def _gone(delivered: Sequence[Mapping[str, Any]], day: date) -> Alert:
    from ngm_assets.monitoring.alerting.alerts import Alert

    last = max(delivered, key=_when_told)
    return Alert(
        monitor_date=day,
        alert_id=last["alert_id"],
        kind=last["kind"],
        subject=last["subject"],
        severity=last["severity"],
        current_severity="none",
        state="closed",
        event="closed",
        opened_on=min(row["monitor_date"] for row in delivered),
        changed_on=day,
        quiet_days=0,
        models=(),
        title=f"{last['subject']} is withdrawn",
        detail="Its days were made again, and it no longer stands.",
        parts=(),
    )


def _pending(
    alert: Alert,
    event: Event,
    sink: SinkSettings,
    rows: Sequence[Mapping[str, Any]],
    now: datetime,
) -> Pending:
    tried = [r for r in rows if (r["monitor_date"], r["event"]) == (alert.changed_on, event)]
    attempts = tried[0]["attempts"] if tried else 0
    attempted_at = tried[0]["attempted_at"] if tried else None
    hours, wait = sink.quiet_hours, ""
    if hours is not None and alert.severity != "critical" and quiet_now(hours, now):
        wait = f"Quiet hours until {hours.end:%H:%M} {hours.zone}."
    return Pending(alert, event, sink, attempts, attempted_at, wait)


def _worst_first(alert: Alert) -> tuple[int, str, str, str]:
    severity = -DRIFT_SEVERITIES.index(alert.severity)
    return severity, alert.kind, alert.subject, alert.alert_id
