"""Folds what monitoring found, day after day, into alerts: one per lasting finding."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from ngm_assets.engine.base import Query, Window
from ngm_assets.monitoring.alerting.conditions import Condition, Kind, conditions
from ngm_assets.monitoring.drift.statistics.base import DRIFT_SEVERITIES, DriftSeverity

if TYPE_CHECKING:
    from ngm_assets.engine.base import Engine
    from ngm_assets.settings import Settings

LISTS = ("models", "parts")
"""Fields that are stored as JSON lists."""


@dataclass(frozen=True)
class Alert:
    """An alert as it stands on one day; the fields are the columns of `monitoring.alerts`."""

    monitor_date: date
    alert_id: str
    kind: Kind
    subject: str
    severity: DriftSeverity
    current_severity: DriftSeverity
    state: Literal["open", "closed"]
    event: Literal["opened", "escalated", "continued", "closed"]
    opened_on: date
    changed_on: date
    quiet_days: int
    models: tuple[str, ...]
    title: str
    detail: str
    parts: tuple[str, ...]

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Alert:
        """Return the alert of a stored row."""
        lists = {name: tuple(json.loads(row[name])) for name in LISTS}
        return cls(**{**row, **lists})

    def row(self) -> dict[str, Any]:
        """Return the row to store."""
        lists = {name: json.dumps(list(getattr(self, name))) for name in LISTS}
        return asdict(self) | lists


def alert_rows(engine: Engine, settings: Settings, start: date, end: date) -> list[dict[str, Any]]:
    """Return the rows of `monitoring.alerts` for the days `start..end`, by day, kind and subject.

    They go on from the newest earlier day that has rows. A day has none where nothing was open at
    its end and nothing closed on it, so whatever is still open on that newest day was never looked
    at on the days between: they never ran. It stays open, and those days count neither as bad nor
    as quiet.

    Args:
        engine: Reads what monitoring found, and the alerts before `start`.
        settings: Whose `monitoring.alerts.close_after_days` applies.
        start: First day.
        end: Last day, inclusive.

    Raises:
        ComputeError: A table cannot be read.
    """
    before = [Alert.of_row(row) for row in newest_rows(engine, start - timedelta(days=1))]
    found = conditions(engine, start, end)
    close_after = settings.monitoring.alerts.close_after_days
    return [alert.row() for alert in folded(before, found, close_after)]


def newest_rows(engine: Engine, last: date | None = None) -> list[dict[str, Any]]:
    """Return the rows of the newest day up to `last` that has any, by kind and subject.

    Raises:
        ComputeError: The table cannot be read.
    """
    sql = (
        "SELECT * FROM monitoring.alerts WHERE monitor_date = "
        "(SELECT MAX(monitor_date) FROM monitoring.alerts) ORDER BY kind, subject, alert_id"
    )
    return engine.rows(Query(sql, {}, Window(end=last)))


def folded(
    before: Iterable[Alert], found: Mapping[date, Sequence[Condition]], close_after_days: int
) -> list[Alert]:
    """Return the alerts of each day, by day, kind and subject.

    Of a subject there is at most one open alert of a kind. A finding opens one, a worse one than
    ever since escalates it, and it closes after `close_after_days` quiet days in a row. A day is
    quiet for an alert when its kind was looked at and nothing was found, and nothing it was last
    found in could not be evaluated. Any other day without a finding leaves the alert as it is.

    Args:
        before: Alerts of the day before the first; closed ones are of no account.
        found: What was found, by day; days in any order.
        close_after_days: Quiet days after which an alert closes.
    """
    standing = [alert for alert in before if alert.state == "open"]
    made: list[Alert] = []
    for day in sorted(found):
        today = _day(standing, found[day], day, close_after_days)
        made += today
        standing = [alert for alert in today if alert.state == "open"]
    return made


def alert_id(kind: str, subject: str, opened_on: date) -> str:
    """Return the id of the alert of a kind about a subject that opened on a day."""
    return hashlib.sha256(f"{kind}\n{subject}\n{opened_on}".encode()).hexdigest()[:12]


def _day(
    standing: Sequence[Alert], found: Sequence[Condition], day: date, close_after: int
) -> list[Alert]:
    said = {(each.kind, each.subject): each for each in found}
    looked_at = {each.kind for each in found}
    today = []
    for alert in standing:
        here = replace(alert, monitor_date=day, event="continued")
        condition = said.pop((alert.kind, alert.subject), None)
        if condition is not None and condition.severity != "none":
            today.append(_found_again(here, condition))
        elif alert.kind not in looked_at or _hidden(here, condition):
            today.append(here)
        else:
            today.append(_quiet(here, close_after))
    fresh = (condition for condition in said.values() if condition.severity != "none")
    today += [_opened(condition, day) for condition in fresh]
    return sorted(today, key=lambda alert: (alert.kind, alert.subject))


def _opened(condition: Condition, day: date) -> Alert:
    return Alert(
        monitor_date=day,
        alert_id=alert_id(condition.kind, condition.subject, day),
        kind=condition.kind,
        subject=condition.subject,
        severity=condition.severity,
        current_severity=condition.severity,
        state="open",
        event="opened",
        opened_on=day,
        changed_on=day,
        quiet_days=0,
        models=condition.models,
        title=condition.title,
        detail=condition.detail,
        parts=condition.parts,
    )


def _found_again(alert: Alert, condition: Condition) -> Alert:
    hidden = (part for part in alert.parts if condition.hides(part))
    again = replace(
        alert,
        current_severity=condition.severity,
        quiet_days=0,
        models=condition.models,
        title=condition.title,
        detail=condition.detail,
        parts=tuple(sorted({*condition.parts, *hidden})),
    )
    worse = DRIFT_SEVERITIES.index(condition.severity) > DRIFT_SEVERITIES.index(alert.severity)
    if not worse:
        return again
    return replace(
        again, severity=condition.severity, event="escalated", changed_on=alert.monitor_date
    )


def _hidden(alert: Alert, condition: Condition | None) -> bool:
    return condition is not None and any(condition.hides(part) for part in alert.parts)


def _quiet(alert: Alert, close_after: int) -> Alert:
    quiet = replace(alert, current_severity="none", quiet_days=alert.quiet_days + 1)
    if quiet.quiet_days < close_after:
        return quiet
    return replace(quiet, state="closed", event="closed", changed_on=alert.monitor_date)
