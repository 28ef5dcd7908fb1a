"""Works out audit events: identity, meaning of the action, one event per id and day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ngm_assets_tests.oracle.reading import Row, day, inner, moment, text, whole

NO_DATE = date(1970, 1, 1)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TABLE_PARAMETERS = ("full_name_arg", "table_full_name", "tableName", "table_name")


@dataclass(frozen=True)
class Meanings:
    """The closed lists that say what an action does; the defaults are those named by contract."""

    read: frozenset[str] = frozenset({"getTable", "generateTemporaryTableCredential"})
    export: frozenset[str] = frozenset(
        {
            "downloadQueryResult",
            "downloadPreviewResults",
            "downloadLargeResults",
            "workspaceExport",
        }
    )
    permission: frozenset[str] = frozenset(
        {"updatePermissions", "changeWorkspaceAcl", "addPrincipalToGroup"}
    )
    token: frozenset[str] = frozenset({"generateDbToken"})


def audit_rows(raw: list[Row], meanings: Meanings) -> tuple[list[Row], list[Row]]:
    """Return the events kept, and those rejected for a missing id or time."""
    latest: dict[tuple[date, str], Row] = {}
    rejected = []
    for source in raw:
        reason = broken_rule(source)
        if reason:
            rejected.append(reject(source, reason))
            continue
        event = event_row(source, meanings)
        key = (event["event_date"], event["event_id"])
        if key not in latest or event["event_time"] > latest[key]["event_time"]:
            latest[key] = event
    return list(latest.values()), rejected


def broken_rule(source: Row) -> str | None:
    """Return the hard rule a raw event breaks."""
    if text(source, "event_id") is None:
        return "null event_id"
    return "null event_time" if moment(source, "event_time") is None else None


def reject(source: Row, reason: str) -> Row:
    """Return the reject row of a raw event."""
    when = moment(source, "event_time")
    return {
        "event_date": when.date() if when else day(source, "event_date") or NO_DATE,
        "event_id": text(source, "event_id"),
        "reason": reason,
    }


def event_row(source: Row, meanings: Meanings) -> Row:
    """Return the gold row of one raw event."""
    when: datetime | Any = moment(source, "event_time")
    user = user_id(text(source, "user_identity", "email"), subject(source))
    action = text(source, "action_name")
    status = whole(source, "response", "status_code")
    error = text(source, "response", "error_message") or None
    denied = status in (401, 403)
    failed = (status is not None and status >= 400) or error is not None
    return {
        "event_id": text(source, "event_id"),
        "event_date": when.date(),
        "event_time": when,
        "workspace_id": text(source, "workspace_id"),
        "user_id": user,
        "identity_type": identity_type(user),
        "service_name": text(source, "service_name"),
        "action_name": action,
        "source_ip_address": text(source, "source_ip_address"),
        "user_agent": text(source, "user_agent"),
        "session_id": text(source, "session_id"),
        "table_full_name": table_named(inner(source, "request_params") or {}),
        "status_code": status,
        "error_message": error,
        "is_failed_action": failed,
        "is_denied": denied,
        "is_auth_failure": denied or (failed and "login" in (action or "").lower()),
        "is_read_action": action in meanings.read,
        "is_export_action": action in meanings.export,
        "is_permission_action": action in meanings.permission,
        "is_token_action": action in meanings.token,
        "audit_level": text(source, "audit_level"),
    }


def subject(source: Row) -> str | None:
    """Return the subject name of an event."""
    return text(source, "user_identity", "subject_name")


def user_id(email: str | None, subject_name: str | None) -> str | None:
    """Return the one spelling of who acted, or None without an identity."""
    spelled = (email or "").strip(" ").lower()
    if spelled:
        return spelled
    application = (subject_name or "").strip(" ").lower()
    return application if UUID.fullmatch(application) else None


def identity_type(user: str | None) -> str:
    """Return the kind of an identity spelled by `user_id`."""
    if user is None:
        return "unknown"
    if user.startswith("system-"):
        return "system"
    if UUID.fullmatch(user) or user.startswith("spn@"):
        return "service_principal"
    if user.endswith(".iam.gserviceaccount.com"):
        return "service_principal"
    return "human" if "@" in user else "unknown"


def table_named(parameters: dict[str, str | None]) -> str | None:
    """Return the table an event's parameters name, lower-cased."""
    for name in TABLE_PARAMETERS:
        if parameters.get(name):
            return str(parameters[name]).lower()
    return None
