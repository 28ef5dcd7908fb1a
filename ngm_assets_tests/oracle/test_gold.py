"""Events, statements, clusters and snapshots as a person would work them out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ngm_assets_tests.oracle.gold_audit import Meanings, audit_rows, identity_type, user_id
from ngm_assets_tests.oracle.gold_catalog import cluster_rows, info_schema_rows
from ngm_assets_tests.oracle.gold_queries import statement_rows

Row = dict[str, Any]
MONDAY = date(2024, 3, 4)


def at(hour: float, day: date = MONDAY) -> datetime:
    """Return a moment of a day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


@pytest.mark.parametrize(
    ("email", "subject", "user", "kind"),
    [
        (" Ana@Example.COM ", None, "ana@example.com", "human"),
        (
            None,
            "0B5E3C1A-9F3D-4C57-8A1E-5D2F7C6B9E10",
            "0b5e3c1a-9f3d-4c57-8a1e-5d2f7c6b9e10",
            "service_principal",
        ),
        ("x@p.iam.gserviceaccount.com", None, "x@p.iam.gserviceaccount.com", "service_principal"),
        ("SPN@x", None, "spn@x", "service_principal"),
        ("System-User", None, "system-user", "system"),
        ("  ", "somebody", None, "unknown"),
        ("batch", None, "batch", "unknown"),
    ],
)
def test_an_identity_has_one_spelling_and_a_kind(
    email: str | None, subject: str | None, user: str | None, kind: str
) -> None:
    assert user_id(email, subject) == user
    assert identity_type(user) == kind


def event(**more: Any) -> Row:
    """Return an audit event."""
    return {"event_id": "e", "event_time": at(9), "action_name": "start"} | more


@pytest.mark.parametrize(
    ("more", "failed", "denied", "auth"),
    [
        ({"response": {"status_code": 403}}, True, True, True),
        ({"response": {"status_code": 404}}, True, False, False),
        ({"response": {"status_code": 404}, "action_name": "tokenLogin"}, True, False, True),
        ({"response": {"status_code": 200, "error_message": "x"}}, True, False, False),
        ({"response": {"status_code": 200, "error_message": ""}}, False, False, False),
        ({"action_name": "LOGIN"}, False, False, False),
    ],
)
def test_what_counts_as_failed_denied_and_an_authentication_failure(
    more: Row, failed: bool, denied: bool, auth: bool
) -> None:
    ((row,), _) = audit_rows([event(**more)], Meanings())
    assert (row["is_failed_action"], row["is_denied"], row["is_auth_failure"]) == (
        failed,
        denied,
        auth,
    )


def test_repeats_of_an_event_collapse_to_the_latest_of_the_day() -> None:
    later = event(event_time=at(10), action_name="stop")
    kept, _ = audit_rows([later, event(), event(), event(event_time=at(24))], Meanings())
    assert sorted((e["event_date"].day, e["action_name"]) for e in kept) == [
        (4, "stop"),
        (5, "start"),
    ]


def test_the_first_parameter_that_names_a_table_counts() -> None:
    parameters = {"table_name": "c", "full_name_arg": "", "tableName": "Main.B"}
    ((row,), _) = audit_rows([event(request_params=parameters)], Meanings())
    assert row["table_full_name"] == "main.b"


def statement(**more: Any) -> Row:
    """Return a statement that ended at half past nine."""
    return {
        "workspace_id": "w",
        "statement_id": "s",
        "start_time": at(9),
        "end_time": at(9.5),
        "update_time": at(9.5),
    } | more


def test_of_a_statement_the_latest_ended_version_counts() -> None:
    versions = [
        statement(update_time=at(12), execution_status="FAILED"),
        statement(update_time=at(9.75), execution_status="FINISHED"),
        statement(update_time=at(13), end_time=None, execution_status="RUNNING"),
        statement(update_time=None, execution_status="CANCELED"),
    ]
    ((row,), rejected) = statement_rows(versions)
    assert row["execution_status"] == "FAILED"
    assert rejected == []


def test_only_ended_statements_can_be_rejected() -> None:
    broken = [
        statement(start_time=None),
        statement(end_time=at(8)),
        statement(total_duration_ms=-1),
        statement(statement_id=None, end_time=None),
    ]
    kept, rejected = statement_rows(broken)
    assert kept == []
    assert [r["reason"] for r in rejected] == [
        "null start_time",
        "end before start",
        "negative total_duration_ms",
    ]


def test_a_cluster_change_is_known_by_its_moment() -> None:
    change = {"workspace_id": "w", "cluster_id": "c", "change_time": at(1), "dbr_version": "14"}
    kept, rejected = cluster_rows([change, dict(change), change | {"cluster_id": None}])
    assert [k["change_date"] for k in kept] == [MONDAY]
    assert [r["reason"] for r in rejected] == ["null cluster_id"]


def test_a_snapshot_leaves_out_system_catalogs_and_joins_the_tables_of_its_own_day() -> None:
    column = {
        "snapshot_date": MONDAY,
        "table_catalog": "main",
        "table_schema": "s",
        "table_name": "t",
        "column_name": "c",
        "is_nullable": "YES",
        "comment": "",
    }
    table = {k: column[k] for k in ("table_catalog", "table_schema", "table_name")}
    tables = [
        table | {"snapshot_date": MONDAY, "table_type": "VIEW"},
        table | {"snapshot_date": date(2024, 3, 5), "table_type": "MANAGED"},
    ]
    columns = [column, column | {"table_catalog": "SYSTEM", "table_name": None}]
    ((row,), rejected) = info_schema_rows(columns, tables)
    assert (row["table_type"], row["is_nullable"], row["comment"]) == ("VIEW", True, None)
    assert rejected == []
