"""Awkward audit events."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from ngm_assets_tests.landing_rows.dice import (
    Row,
    at,
    copied,
    dice,
    home,
    quiet_days,
    second_of_day,
)

if TYPE_CHECKING:
    import random

APPLICATION = "0b5e3c1a-9f3d-4c57-8a1e-5d2f7c6b9e10"
PEOPLE: tuple[tuple[str | None, str | None], ...] = (
    ("ana@example.com", None),
    (" Ana@Example.COM  ", "ignored"),
    ("ANA@EXAMPLE.COM", APPLICATION),
    ("ö.müller@exämple.org", None),
    ("Ö.Müller@Exämple.org", None),
    ("o'neil@x.com", None),
    (APPLICATION.upper(), None),
    (None, APPLICATION),
    ("", APPLICATION),
    ("loader@proj.iam.gserviceaccount.com", None),
    ("SPN@deploy", None),
    ("System-User", None),
    ("system-maintenance", None),
    ("batch", None),
    (None, None),
    ("   ", "not an id"),
)
SELDOM: tuple[str | None, str | None] = ("seldom@example.com", None)
BURSTS = ("burst@example.com", None)
FRESH = ("fresh@example.com", None)
ACTIONS = (
    ("unityCatalog", "getTable"),
    ("unityCatalog", "generateTemporaryTableCredential"),
    ("unityCatalog", "updatePermissions"),
    ("databrickssql", "downloadQueryResult"),
    ("notebook", "downloadPreviewResults"),
    ("workspace", "workspaceExport"),
    ("workspace", "changeWorkspaceAcl"),
    ("accounts", "tokenLogin"),
    ("accounts", "aadBrowserLogin"),
    ("accounts", "LOGIN"),
    ("accounts", "addPrincipalToGroup"),
    ("accounts", "generateDbToken"),
    ("clusters", "start"),
    (None, None),
)
PARAMETERS: tuple[dict[str, str | None] | None, ...] = (
    None,
    {},
    {"full_name_arg": "Main.Sales.Orders"},
    {"full_name_arg": "", "table_full_name": "main.sales.orders"},
    {"tableName": 'Ünï."odd".t\'1', "other": "x"},
    {"full_name_arg": None, "table_name": "main.sales.items"},
    {"table_full_name": "a.b.c", "tableName": "never.this.one"},
)
RESPONSES: tuple[dict[str, object] | None, ...] = (
    {"status_code": 200, "error_message": None},
    {"status_code": 200, "error_message": ""},
    {"status_code": 200, "error_message": 'it\'s "odd"'},
    {"status_code": 401, "error_message": "no"},
    {"status_code": 403},
    {"status_code": 404},
    {"status_code": 400},
    {"status_code": 399},
    {"status_code": 500, "error_message": "boom"},
    {"status_code": None, "error_message": None},
    None,
)
ADDRESSES = ("10.0.0.1", "10.0.0.2", "2001:db8::1", "10.0.0.1:443", "", None)


def events(seed: int, span: list[date]) -> list[Row]:
    """Return audit events: repeated, corrected, anonymous, bursting and broken ones too."""
    rng = dice(seed, "audit")
    quiet = quiet_days(rng, span)
    rows: list[Row] = []
    for number, day in enumerate(span):
        people = [] if day in quiet else [rng.choice(PEOPLE) for _ in range(rng.randrange(4, 9))]
        if number < 4 or number >= len(span) - 2:
            people += [SELDOM] * 2
        rows += [event(rng, who, day, f"{number}-{i}") for i, who in enumerate(people)]
    rows += bursts(rng, span)
    return copied(rng, rows + later_versions(rng, rows), 0.06) + broken(rng, span)


def event(rng: random.Random, who: tuple[str | None, str | None], day: date, ident: str) -> Row:
    """Return one audit event of a day."""
    service, action = rng.choice(ACTIONS)
    email, subject = who
    place = home(rng)
    if place == 2 and subject is not None:
        place = 0
    return {
        "account_id": "acc",
        "workspace_id": rng.choice(("0", "1001", "1002", None)),
        "version": "2.0",
        "event_time": at(day, second_of_day(rng)),
        "event_date": day,
        "source_ip_address": rng.choice(ADDRESSES),
        "user_agent": rng.choice((None, "Mozilla/5.0 (ünï)")),
        "session_id": None,
        "user_identity": rng.choice(({"email": email, "subject_name": subject},) * 9 + (None,)),
        "service_name": service,
        "action_name": action,
        "request_id": "q",
        "request_params": rng.choice(PARAMETERS),
        "response": rng.choice(RESPONSES),
        "audit_level": rng.choice(("ACCOUNT_LEVEL", "WORKSPACE_LEVEL")),
        "event_id": f"e-{ident}",
        "_home": place,
    }


def bursts(rng: random.Random, span: list[date]) -> list[Row]:
    """Return two bursts above 100 events: one after days of little, one out of nowhere."""
    rows = []
    day = span[min(20, len(span) - 1)]
    for back in range(1, 7):
        if day - timedelta(days=back) >= span[0]:
            for i in range(1 + back % 3):
                rows.append(event(rng, BURSTS, day - timedelta(days=back), f"low-{back}-{i}"))
    for name, who in (("burst", BURSTS), ("fresh", FRESH)):
        rows += [
            event(rng, who, day, f"{name}-{i}") | {"user_identity": {"email": who[0]}}
            for i in range(103)
        ]
    return rows


def later_versions(rng: random.Random, rows: list[Row]) -> list[Row]:
    """Return events sent again, later the same day with another answer, or on another day."""
    more = []
    for row in rng.sample(rows, len(rows) // 15):
        midnight = at(row["event_time"].date(), 86399)
        if row["event_time"] < midnight:
            later = {"event_time": midnight, "_home": row["_home"]}
            more.append(row | later | {"response": {"status_code": 403}})
    for row in rng.sample(rows, 2):
        more.append(row | {"event_time": row["event_time"] + timedelta(days=1)})
    return more


def broken(rng: random.Random, span: list[date]) -> list[Row]:
    """Return events without an id, without a time, and without either or any date."""
    rows = [event(rng, PEOPLE[0], rng.choice(span), f"broken-{i}") | {"_home": 0} for i in range(4)]
    rows[0] |= {"event_id": None}
    rows[1] |= {"event_time": None}
    rows[2] |= {"event_time": None, "event_date": None}
    rows[3] |= {"event_id": None, "event_time": None, "event_date": None}
    return rows
