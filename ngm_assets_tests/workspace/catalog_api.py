"""Catalogs, schemas, tables, volumes and grants of the emulated Unity Catalog over REST."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from databricks.sdk.service.catalog import (
    CatalogsAPI,
    GrantsAPI,
    Privilege,
    SchemasAPI,
    TablesAPI,
    VolumesAPI,
)

from ngm_assets_tests.workspace.http import ApiError, Entry, Request, Response, invalid
from ngm_assets_tests.workspace.volumes import Volumes

FRONT = "/api/2.1/unity-catalog"
VIEW = ".view.sql"
OWNER = "owners@example.com"
LEVELS = ("catalog", "schema", "table")


class CatalogApi:
    """What exists is what lies in folders: tables that tasks write are seen here at once.

    Args:
        tables: Folder of the tables, `<catalog>/<schema>/<table>`.
        raw: Folder of Parquet files by full name of a system table.
        volumes: The volumes.

    Attributes:
        grants: Privileges by principal, by kind and full name of what they are on.
    """

    def __init__(self, tables: Path, raw: dict[str, Path], volumes: Volumes) -> None:
        self._tables, self._raw, self._volumes = tables, raw, volumes
        self.grants: dict[tuple[str, str], dict[str, set[str]]] = {}

    def routes(self) -> Iterable[Entry]:
        """Return the routes."""
        yield "GET", f"{FRONT}/catalogs", self._list_catalogs
        yield "GET", f"{FRONT}/catalogs/{{name}}", self._get_catalog
        yield "GET", f"{FRONT}/schemas", self._list_schemas
        yield "GET", f"{FRONT}/schemas/{{full_name}}", self._get_schema
        yield "GET", f"{FRONT}/tables", self._list_tables
        yield "GET", f"{FRONT}/tables/{{full_name}}", self._get_table
        yield "GET", f"{FRONT}/tables/{{full_name}}/exists", self._table_exists
        yield "GET", f"{FRONT}/volumes", self._list_volumes
        yield "GET", f"{FRONT}/volumes/{{name}}", self._get_volume
        yield "GET", f"{FRONT}/permissions/{{securable_type}}/{{full_name}}", self._permissions
        effective = f"{FRONT}/effective-permissions/{{securable_type}}/{{full_name}}"
        yield "GET", effective, self._effective

    def exists(self, kind: str, full_name: str) -> bool:
        """Tell whether a catalog, schema, table, view or volume exists."""
        parts = full_name.split(".")
        if kind == "volume":
            return len(parts) == 3 and parts[2] in self._volumes.volumes(parts[0], parts[1])
        if kind in ("table", "view"):
            return len(parts) == 3 and parts[2] in self.tables(parts[0], parts[1])
        known = self.schemas(parts[0]) if kind == "schema" else self.catalogs()
        return parts[-1] in known and len(parts) == LEVELS.index(kind) + 1

    def catalogs(self) -> list[str]:
        """Return the names of all catalogs."""
        found = {place.name for place in self._tables.glob("[!_]*") if place.is_dir()}
        return sorted(found | {name.split(".")[0] for name in self._raw})

    def schemas(self, catalog: str) -> list[str]:
        """Return the names of a catalog's schemas."""
        found = {place.name for place in self._tables.glob(f"{catalog}/*") if place.is_dir()}
        raw = [name.split(".") for name in self._raw]
        return sorted(found | {parts[1] for parts in raw if parts[0] == catalog})

    def tables(self, catalog: str, schema: str) -> list[str]:
        """Return the names of a schema's tables and views."""
        delta = self._tables.glob(f"{catalog}/{schema}/*/_delta_log")
        views = self._tables.glob(f"{catalog}/{schema}/*{VIEW}")
        found = {place.parent.name for place in delta}
        found |= {place.name.removesuffix(VIEW) for place in views}
        front = f"{catalog}.{schema}."
        return sorted(found | {n.removeprefix(front) for n in self._raw if n.startswith(front)})

    def make(self, kind: str, full_name: str) -> None:
        """Create a catalog, schema or volume, when there is none.

        Raises:
            ApiError: What it lies in does not exist.
        """
        parts = full_name.split(".")
        above = {"schema": "catalog", "volume": "schema"}.get(kind)
        if above is not None and not self.exists(above, ".".join(parts[:-1])):
            raise _absent(above, ".".join(parts[:-1]))
        if kind == "volume":
            self._volumes.add(parts[0], parts[1], parts[2])
        else:
            self._tables.joinpath(*parts).mkdir(parents=True, exist_ok=True)

    def grant(self, kind: str, full_name: str, principal: str, *privileges: str) -> None:
        """Give privileges.

        Raises:
            ApiError: There is no such privilege, or nothing of that name.
        """
        if not self.exists(kind, full_name):
            raise _absent(kind, full_name)
        for privilege in privileges:
            if privilege not in Privilege.__members__:
                raise invalid(f"{privilege} is no privilege.")
        held = self.grants.setdefault((kind, full_name), {})
        held.setdefault(principal, set()).update(privileges)

    def _list_catalogs(self, request: Request) -> Response:
        request.of(CatalogsAPI.list)
        return Response(200, {"catalogs": [_catalog(name) for name in self.catalogs()]})

    def _get_catalog(self, request: Request) -> Response:
        request.of(CatalogsAPI.get)
        return Response(200, _catalog(self._known("catalog", request.parts["name"])))

    def _list_schemas(self, request: Request) -> Response:
        catalog = self._known("catalog", request.of(SchemasAPI.list)["catalog_name"])
        return Response(200, {"schemas": [_schema(catalog, n) for n in self.schemas(catalog)]})

    def _get_schema(self, request: Request) -> Response:
        request.of(SchemasAPI.get)
        return Response(200, _schema(*self._known("schema", request.parts["full_name"]).split(".")))

    def _list_tables(self, request: Request) -> Response:
        asked = request.of(TablesAPI.list)
        catalog, schema = asked["catalog_name"], asked["schema_name"]
        self._known("schema", f"{catalog}.{schema}")
        found = [self._table(f"{catalog}.{schema}.{name}") for name in self.tables(catalog, schema)]
        return Response(200, {"tables": found})

    def _get_table(self, request: Request) -> Response:
        request.of(TablesAPI.get)
        return Response(200, self._table(self._known("table", request.parts["full_name"])))

    def _table_exists(self, request: Request) -> Response:
        request.of(TablesAPI.exists)
        return Response(200, {"table_exists": self.exists("table", request.parts["full_name"])})

    def _list_volumes(self, request: Request) -> Response:
        asked = request.of(VolumesAPI.list)
        catalog, schema = asked["catalog_name"], asked["schema_name"]
        self._known("schema", f"{catalog}.{schema}")
        found = self._volumes.volumes(catalog, schema)
        return Response(200, {"volumes": [_volume(catalog, schema, name) for name in found]})

    def _get_volume(self, request: Request) -> Response:
        request.of(VolumesAPI.read)
        return Response(200, _volume(*self._known("volume", request.parts["name"]).split(".")))

    def _permissions(self, request: Request) -> Response:
        asked = request.of(GrantsAPI.get)
        kind, name = self._securable(request)
        return Response(200, _assignments(self._held([(kind, name)]), asked.get("principal")))

    def _effective(self, request: Request) -> Response:
        asked = request.of(GrantsAPI.get_effective)
        kind, name = self._securable(request)
        parts = name.split(".")
        above = [
            (level, ".".join(parts[: depth + 1]))
            for depth, level in enumerate(LEVELS)
            if depth + 1 < len(parts)
        ]
        held = self._held([*above, (kind, name)])
        return Response(200, _assignments(held, asked.get("principal"), effective=(kind, name)))

    def _securable(self, request: Request) -> tuple[str, str]:
        kind = request.parts["securable_type"].lower()
        return kind, self._known(kind, request.parts["full_name"])

    def _held(self, securables: list[tuple[str, str]]) -> Iterator[tuple[str, str, str, str]]:
        for kind, name in securables:
            for principal, privileges in self.grants.get((kind, name), {}).items():
                for privilege in sorted(privileges):
                    yield principal, privilege, kind, name

    def _known(self, kind: str, full_name: str) -> str:
        if kind not in (*LEVELS, "view", "volume"):
            raise invalid(f"The emulation has no grants on a {kind}.")
        if not self.exists(kind, full_name):
            raise _absent(kind, full_name)
        return full_name

    def _table(self, full_name: str) -> dict[str, Any]:
        catalog, schema, name = full_name.split(".")
        told = {
            "name": name,
            "catalog_name": catalog,
            "schema_name": schema,
            "full_name": full_name,
            "owner": OWNER,
            "table_type": "VIEW",
        }
        folder = self._tables / catalog / schema / name
        if not folder.joinpath("_delta_log").is_dir():
            return told
        return {**told, "table_type": "MANAGED", "data_source_format": "DELTA", **_columns(folder)}


def _columns(folder: Path) -> dict[str, Any]:
    from deltalake import DeltaTable

    table = DeltaTable(folder)
    parts = list(table.metadata().partition_columns)
    columns = []
    for place, field in enumerate(json.loads(table.schema().to_json())["fields"]):
        kind = field["type"]
        column = {
            "name": field["name"],
            "type_text": kind if isinstance(kind, str) else kind["type"],
            "type_json": json.dumps(field),
            "nullable": field["nullable"],
            "position": place,
            "comment": field["metadata"].get("comment"),
        }
        if field["name"] in parts:
            column["partition_index"] = parts.index(field["name"])
        columns.append(column)
    return {"columns": columns, "comment": table.metadata().description}


def _assignments(
    held: Iterator[tuple[str, str, str, str]],
    principal: str | None,
    effective: tuple[str, str] | None = None,
) -> dict[str, Any]:
    by_principal: dict[str, list[Any]] = {}
    for who, privilege, kind, name in held:
        told: Any = privilege
        if effective is not None:
            told = {"privilege": privilege}
            if (kind, name) != effective:
                told |= {"inherited_from_type": kind.upper(), "inherited_from_name": name}
        if principal in (None, who):
            by_principal.setdefault(who, []).append(told)
    made = [{"principal": who, "privileges": found} for who, found in by_principal.items()]
    return {"privilege_assignments": made}


def _catalog(name: str) -> dict[str, Any]:
    return {"name": name, "full_name": name, "owner": OWNER, "catalog_type": "MANAGED_CATALOG"}


def _schema(catalog: str, name: str) -> dict[str, Any]:
    full_name = f"{catalog}.{name}"
    return {"name": name, "catalog_name": catalog, "full_name": full_name, "owner": OWNER}


def _volume(catalog: str, schema: str, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "catalog_name": catalog,
        "schema_name": schema,
        "full_name": f"{catalog}.{schema}.{name}",
        "volume_type": "MANAGED",
        "owner": OWNER,
    }


def _absent(kind: str, full_name: str) -> ApiError:
    text = f"{kind.capitalize()} '{full_name}' does not exist."
    return ApiError(404, f"{kind.upper()}_DOES_NOT_EXIST", text)
