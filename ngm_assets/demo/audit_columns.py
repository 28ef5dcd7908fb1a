"""Turns audit events into the raw columns: identities as typed, parameters, responses, ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ngm_assets.demo import arrow
from ngm_assets.demo.actions import ACTIONS
from ngm_assets.demo.audit import Events, table_names
from ngm_assets.demo.draws import stream, with_repeats
from ngm_assets.demo.estate import ACCOUNT_ID
from ngm_assets.demo.schemas import schema

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from ngm_assets.demo.draws import Array
    from ngm_assets.demo.estate import Estate

_AGENTS = ("Mozilla/5.0 (X11; Linux x86_64)", "databricks-sdk-py/0.61", "Databricks-Runtime")
_MESSAGES = {
    400: "Invalid request", 401: "Authentication failed", 403: "Permission denied",
    404: "Resource does not exist", 500: "Internal error",
}  # fmt: skip


def _identities(rng: np.random.Generator, estate: Estate, e: Events) -> tuple[pa.Array, pa.Array]:
    """Return e-mails as typed: now and then upper case or with spaces; a few events have none."""
    import numpy as np

    names = [p.name for p in estate.principals]
    k = len(names)
    spelled = [*names, *(n.upper() for n in names), *(f" {n}" for n in names)]
    spelled += [f"{n.title()} " for n in names]
    person = np.asarray(["@" in n for n in names])[e.principal]
    odd = rng.choice(4, len(e.principal), p=(0.975, 0.012, 0.008, 0.005)) * person
    unknown = rng.random(len(e.principal)) < np.where(e.status == 401, 0.03, 0.003)
    email = np.where(unknown, -1, e.principal + k * odd)
    machine = np.asarray([p.role == "service" for p in estate.principals])[e.principal]
    return arrow.pick(spelled, email), arrow.pick(names, np.where(machine, e.principal, -1))


def _parameters(estate: Estate, e: Events) -> pa.Array:
    """Return request parameters: the table's full name under the action's own key, or an id."""
    import numpy as np

    tables = table_names(estate)
    keys = sorted({a.param for a in ACTIONS if a.param})
    entries: list[dict[str, str] | None] = [
        {k: t, "securable_type": "TABLE"} for k in keys for t in tables
    ]
    plain = len(entries)
    entries += [{"user": p.name} for p in estate.principals]
    entries += [{}, {"notebookId": "1701", "commandLanguage": "python"}]
    key = np.asarray([keys.index(a.param) if a.param else -1 for a in ACTIONS])[e.action]
    login = np.asarray([a.kind == "login" for a in ACTIONS])[e.action]
    book = np.asarray([a.service == "notebook" for a in ACTIONS])[e.action]
    code = np.where(login, plain + e.principal, plain + len(estate.principals) + book)
    return arrow.tag_maps(entries, np.where(e.table >= 0, key * len(tables) + e.table, code))


def _ips(address: Array) -> pa.Array:
    import numpy as np

    unique, back = np.unique(address, return_inverse=True)
    text = [f"{a >> 24}.{a >> 16 & 255}.{a >> 8 & 255}.{a & 255}" for a in unique.tolist()]
    return arrow.pick(text, back)


def _sessions(estate: Estate, e: Events) -> pa.Array:
    """Return one session per principal and half day; services have none."""
    import numpy as np

    half = (e.time - estate.calendar.origin_us) // (12 * arrow.HOUR_US)
    key = e.principal * (2 * estate.calendar.days) + half
    unique, back = np.unique(key, return_inverse=True)
    machine = np.asarray(["@" not in p.name for p in estate.principals])[e.principal]
    names = [f"s{k * 2654435761 % 2**40:010x}" for k in unique.tolist()]
    return arrow.pick(names, np.where(machine, -1, back))


def to_table(estate: Estate, e: Events, *, seed: int) -> pa.Table:
    """Return the raw audit table; about 1.5 % of the events occur twice, equal in every column.

    Args:
        estate: The estate.
        e: Events in order of time.
        seed: Seed of the estate.
    """
    import numpy as np

    rng = stream(seed, "access/columns")
    n = len(e.time)
    account = np.asarray([a.account_level for a in ACTIONS])[e.action]
    places = ["0", *(w.workspace_id for w in estate.workspaces)]
    email, subject = _identities(rng, estate, e)
    codes = np.asarray(sorted(_MESSAGES))
    message = np.where(e.status == 200, -1, np.searchsorted(codes, e.status))
    machine = np.asarray([p.role == "service" for p in estate.principals])[e.principal]
    system = np.asarray([p.role == "system" for p in estate.principals])[e.principal]
    names = [p.name for p in estate.principals]
    columns: dict[str, Any] = {
        "account_id": arrow.constant(ACCOUNT_ID, n),
        "workspace_id": arrow.pick(places, np.where(account, 0, e.workspace + 1)),
        "version": arrow.constant("2.0", n),
        "event_time": arrow.stamps(e.time),
        "event_date": arrow.dates(e.time // arrow.DAY_US),
        "source_ip_address": _ips(e.address),
        "user_agent": arrow.pick(_AGENTS, np.where(system, 2, np.where(machine, 1, 0))),
        "session_id": _sessions(estate, e),
        "user_identity": {"email": email, "subject_name": subject},
        "service_name": arrow.pick([a.service for a in ACTIONS], e.action),
        "action_name": arrow.pick([a.name for a in ACTIONS], e.action),
        "request_id": arrow.uuids(rng, n),
        "request_params": _parameters(estate, e),
        "response": {
            "status_code": _ints(e.status),
            "error_message": arrow.pick([_MESSAGES[c] for c in codes.tolist()], message),
        },
        "audit_level": arrow.pick(["WORKSPACE_LEVEL", "ACCOUNT_LEVEL"], account.astype(int)),
        "event_id": arrow.uuids(rng, n),
        "identity_metadata": {"run_as": arrow.pick(names, np.where(machine, e.principal, -1))},
    }
    table = arrow.frame(schema("access/audit"), n, columns)
    return table.take(with_repeats(rng, n, 0.015))


def _ints(values: Array) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, pa.int64())
