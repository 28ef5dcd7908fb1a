"""An emulated workspace in which nothing is missing, and what spoils it one thing at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from databricks.sdk.service.catalog import RegisteredModelsAPI, TablesAPI

from ngm_assets.lakehouse.statements import SCHEMAS
from ngm_assets.platform import all_contracts
from ngm_assets.predictions.latest import latest_views
from ngm_assets.raw.contract import raw_tables
from ngm_assets.setup.statements import MODEL_RIGHTS, TABLE_RIGHTS, VOLUME_RIGHTS
from ngm_assets_tests.workspace.http import ApiError, Entry, Request, Response
from ngm_assets_tests.workspace.server import EmulatedWorkspace

TOKEN = "dapi0123456789abcdef-this-is-secret"  # noqa: S105
FRONT = "/api/2.1"
USER = "emulated@example.com"


@dataclass
class Extras:
    """What the emulation of the whole workspace does not tell: offers, owners, system columns.

    Attributes:
        runtimes: Runtimes that are offered.
        nodes: Node types that are offered.
        hidden: System tables that may not be seen.
        columns: Columns of system tables by full name, where other than the contract's.
        models: Owner of every registered model.
        missing_tables: Tables and views (`schema.table`) that do not exist.
    """

    runtimes: list[str] = field(default_factory=lambda: ["16.4.x-scala2.12", "17.3.x-scala2.13"])
    nodes: list[str] = field(default_factory=lambda: ["i3.xlarge"])
    hidden: set[str] = field(default_factory=set)
    columns: dict[str, list[str]] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    missing_tables: set[str] = field(default_factory=set)

    def routes(self) -> Iterable[Entry]:
        """Return the routes."""
        yield "GET", f"{FRONT}/clusters/list-node-types", self._nodes
        yield "GET", f"{FRONT}/clusters/spark-versions", self._runtimes
        yield "GET", f"{FRONT}/unity-catalog/models", self._models
        yield "GET", f"{FRONT}/unity-catalog/tables", self._tables
        for name in raw_tables():
            yield "GET", f"{FRONT}/unity-catalog/tables/{name}", self._system_table

    def _nodes(self, request: Request) -> Response:
        request.only()
        usual = {"memory_mb": 1, "num_cores": 1, "description": "", "category": ""}
        told = [{"node_type_id": name, "instance_type_id": name, **usual} for name in self.nodes]
        return Response(200, {"node_types": told})

    def _runtimes(self, request: Request) -> Response:
        request.only()
        return Response(200, {"versions": [{"key": n, "name": n} for n in self.runtimes]})

    def _models(self, request: Request) -> Response:
        request.of(RegisteredModelsAPI.list)
        told = [{"name": name, "owner": owner} for name, owner in self.models.items()]
        return Response(200, {"registered_models": told})

    def _tables(self, request: Request) -> Response:
        asked = request.of(TablesAPI.list)
        front = f"{asked['schema_name']}."
        names = [name for name in (*all_contracts(), *latest_views()) if name.startswith(front)]
        told = [{"name": n.partition(".")[2]} for n in names if n not in self.missing_tables]
        return Response(200, {"tables": told})

    def _system_table(self, request: Request) -> Response:
        name = request.path.rpartition("/")[2]
        if name in self.hidden:
            raise ApiError(404, "TABLE_DOES_NOT_EXIST", f"Table '{name}' does not exist.")
        columns = self.columns.get(name, list(raw_tables()[name].types))
        return Response(200, {"name": name, "columns": [{"name": one} for one in columns]})


@dataclass(frozen=True)
class Ready:
    """A workspace that has everything, and the environment variables of its user."""

    workspace: EmulatedWorkspace
    extras: Extras
    patch: pytest.MonkeyPatch

    def set(self, **variables: str) -> None:
        """Set environment variables."""
        for name, value in variables.items():
            self.patch.setenv(name, value)

    def revoke(self, kind: str, full_name: str, *privileges: str) -> None:
        """Take privileges on something from everybody."""
        for held in self.workspace.catalog.grants[kind, full_name].values():
            held -= set(privileges)

    def requests(self) -> list[str]:
        """Return method and path of all requests that change something."""
        found = [one.request for one in self.workspace.requests]
        return [f"{r.method} {r.path}" for r in found if r.method not in ("GET", "HEAD")]


@contextmanager
def ready_workspace(root: Path) -> Iterator[Ready]:
    """Open a workspace in which `ngm doctor --env dev` finds nothing amiss."""
    with pytest.MonkeyPatch.context() as patch, EmulatedWorkspace(root, TOKEN) as workspace:
        for name in [n for n in os.environ if n.startswith(("DATABRICKS_", "NGM_"))]:
            patch.delenv(name)
        extras = Extras()
        workspace.add(extras)
        made = Ready(workspace, extras, patch)
        made.set(
            DATABRICKS_HOST=workspace.host,
            DATABRICKS_TOKEN=TOKEN,
            DATABRICKS_CONFIG_FILE=str(root / "no.cfg"),
            NGM_HOME=str(root / "home"),
            NGM_WAREHOUSE_ID="warehouse-1",
            NGM_CLUSTER_POLICY_ID="policy-1",
        )
        workspace.secrets["ngm_assets"] = {"databricks_token": "another-secret-of-the-scope"}
        workspace.directory.groups.append("data-engineers")
        workspace.directory.folders.add("/Shared/ngm_assets")
        workspace.directory.policies["policy-1"] = {
            "name": "Jobs",
            "definition": '{"data_security_mode": {"type": "fixed", "value": "SINGLE_USER"}}',
        }
        _grants(workspace, root)
        yield made


def _grants(workspace: EmulatedWorkspace, root: Path) -> None:
    catalog = workspace.catalog
    catalog.make("catalog", "dev")
    give("catalog", "dev", ("USE CATALOG",), workspace)
    for schema in SCHEMAS:
        catalog.make("schema", f"dev.{schema}")
        rights = MODEL_RIGHTS if schema == "models" else TABLE_RIGHTS
        give("schema", f"dev.{schema}", rights, workspace)
    catalog.make("volume", "dev.models.staging")
    give("volume", "dev.models.staging", VOLUME_RIGHTS, workspace)
    workspace.raw.update(dict.fromkeys(raw_tables(), root))
    for name in raw_tables():
        give("schema", name.rpartition(".")[0], ("USE SCHEMA", "SELECT"), workspace)


def give(kind: str, name: str, rights: tuple[str, ...], workspace: EmulatedWorkspace) -> None:
    """Give the engineers rights, spelled as in SQL."""
    spelled = (right.replace(" ", "_") for right in rights)
    workspace.catalog.grant(kind, name, "data-engineers", *spelled)
