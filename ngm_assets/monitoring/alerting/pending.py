"""Says which events of alerts are still to be told, to whom, and what has to wait."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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
    delivered = {(r["monitor_date"], r["event"]) for r in rows if r["status"] == "delivered"}
    if event == "closed" and not {"opened", "escalated"} & {name for _, name in delivered}:
        return False
    return (alert.changed_on, event) not in delivered


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
