"""The audit actions of the demo: who performs which how often, and what each one touches."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """An audit action.

    `kind` is login, read, export, permission, token or other; `param` names the request parameter
    that carries a table's full name, or is empty; `weights` are relative frequencies for analyst,
    engineer, scientist, admin, service and system.
    """

    service: str
    name: str
    kind: str
    weights: tuple[float, float, float, float, float, float]
    param: str = ""
    account_level: bool = False


def _act(
    service: str, name: str, kind: str, weights: str, param: str = "", account: bool = False
) -> Action:
    a, e, s, d, p, y = (float(w) for w in weights.split())
    return Action(service, name, kind, (a, e, s, d, p, y), param, account)


ACTIONS: tuple[Action, ...] = (
    _act("accounts", "login", "login", "2 1.5 1.5 2 0 0", account=True),
    _act("accounts", "tokenLogin", "login", "0.5 2 1.5 1 8 0", account=True),
    _act("accounts", "samlLogin", "login", "2 1.5 1.5 2 0 0", account=True),
    _act("unityCatalog", "getTable", "read", "18 12 14 4 22 30", "full_name_arg"),
    _act("unityCatalog", "generateTemporaryTableCredential", "read", "12 11 16 1 26 14",
         "table_full_name"),
    _act("unityCatalog", "listTables", "other", "5 3 3 3 2 0"),
    _act("unityCatalog", "getSchema", "other", "4 4 3 3 3 9"),
    _act("unityCatalog", "getPermissions", "other", "0.6 1 0.3 5 0 0", "full_name_arg"),
    _act("unityCatalog", "updatePermissions", "permission", "0.05 0.25 0.05 3 0.1 0",
         "full_name_arg"),
    _act("unityCatalog", "createTable", "other", "0.3 2 1.2 0.1 3 0", "full_name_arg"),
    _act("unityCatalog", "deleteTable", "other", "0.1 0.6 0.4 0.1 0.3 0", "full_name_arg"),
    _act("databrickssql", "commandSubmit", "other", "12 3 3 1 8 0"),
    _act("databrickssql", "commandFinish", "other", "12 3 3 1 8 0"),
    _act("databrickssql", "getQuery", "other", "6 1 1 0.5 0 0"),
    _act("databrickssql", "downloadQueryResult", "export", "1.1 0.15 0.3 0.05 0.02 0"),
    _act("notebook", "openNotebook", "other", "2 5 7 1 0 0"),
    _act("notebook", "runCommand", "other", "2 9 14 1 0 0"),
    _act("notebook", "attachNotebook", "other", "0.6 3 4 0.4 0 0"),
    _act("notebook", "downloadPreviewResults", "export", "0.3 0.2 0.5 0.02 0 0"),
    _act("notebook", "downloadLargeResults", "export", "0.08 0.04 0.12 0.01 0 0"),
    _act("workspace", "workspaceExport", "export", "0.08 0.3 0.2 0.1 0.05 0"),
    _act("workspace", "changeWorkspaceAcl", "permission", "0.02 0.15 0.04 1.2 0 0"),
    _act("workspace", "getWorkspaceAcl", "other", "0.5 1 0.5 3 0 0"),
    _act("groups", "addPrincipalToGroup", "permission", "0 0.03 0 1.6 0 0", account=True),
    _act("accounts", "listGroups", "other", "0.1 0.3 0.1 3 0.1 0", account=True),
    _act("accounts", "generateDbToken", "token", "0.05 0.25 0.1 0.8 0.05 0"),
    _act("accounts", "revokeDbToken", "other", "0.02 0.08 0.03 0.6 0 0"),
    _act("clusters", "create", "other", "0.2 1.5 1.2 0.6 1 0"),
    _act("clusters", "start", "other", "0.8 2 2.5 0.5 0.5 3"),
    _act("clusters", "edit", "other", "0.05 0.8 0.4 0.7 0 0"),
    _act("clusters", "permanentDelete", "other", "0.02 0.3 0.2 0.3 0 4"),
    _act("jobs", "runNow", "other", "0.3 3 0.8 0.2 5 0"),
    _act("jobs", "update", "other", "0.05 1.5 0.3 0.2 0.2 0"),
    _act("jobs", "runSucceeded", "other", "0 0.2 0 0 3 24"),
    _act("jobs", "runFailed", "other", "0 0.1 0 0 0.2 2"),
    _act("repos", "pull", "other", "0.1 3 1.5 0.1 1 0"),
    _act("repos", "commitAndPush", "other", "0 1.6 0.8 0 0 0"),
    _act("secrets", "getSecret", "other", "0.05 1.2 0.5 0.3 6 0"),
    _act("secrets", "listSecrets", "other", "0 0.3 0.1 0.3 0.2 0"),
    _act("dashboards", "getPublishedDashboard", "other", "7 0.5 0.8 0.5 0 0"),
    _act("mlflowExperiment", "getMlflowExperiment", "other", "0 0.3 3 0 0.5 0"),
    _act("serverlessRealTimeInference", "getServingEndpoint", "other", "0 0.3 1 0.1 2 0"),
)  # fmt: skip


def named(*names: str) -> list[int]:
    """Return the positions of actions by name."""
    order = [a.name for a in ACTIONS]
    return [order.index(n) for n in names]


def of_kind(*kinds: str) -> list[int]:
    """Return the positions of the actions of some kinds."""
    return [i for i, a in enumerate(ACTIONS) if a.kind in kinds]
