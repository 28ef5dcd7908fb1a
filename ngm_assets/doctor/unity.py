"""Looks at Unity Catalog: catalog, schemas, tables, models, system tables, and rights on them."""

from __future__ import annotations

from collections.abc import Iterator

from ngm_assets.doctor.observation import Observation
from ngm_assets.doctor.visit import Visit
from ngm_assets.lakehouse.statements import SCHEMAS
from ngm_assets.platform import all_contracts
from ngm_assets.predictions.latest import latest_views
from ngm_assets.raw.contract import RawTable, raw_tables
from ngm_assets.setup.statements import (
    MODEL_RIGHTS,
    TABLE_RIGHTS,
    VOLUME_RIGHTS,
    staging_volume,
)

OPEN_TO_ALL = "system.information_schema."
"""Everybody may read these tables, and sees in them what they may see."""


def look_at_catalog(visit: Visit) -> Iterator[Observation]:
    """Look for the catalog, and for the right to use it."""
    from databricks.sdk.errors import NotFound

    catalog = visit.settings.catalog
    try:
        found = visit.client.catalogs.get(catalog)
    except NotFound:
        mend = "An administrator creates it, or binds it to this workspace."
        yield Observation(f"catalog {catalog}", False, "is not there, or is hidden", mend)
        return
    if visit.owns(found.owner):
        yield Observation(f"catalog {catalog}", True, f"owned by {found.owner}")
        return
    yield _rights(visit, "catalog", catalog, ("USE CATALOG",))


def look_at_schemas(visit: Visit) -> Iterator[Observation]:
    """Look for the schemas, the rights on them, and the tables in them."""
    from databricks.sdk.errors import NotFound

    catalog = visit.settings.catalog
    again = f"Run `ngm setup --env {visit.settings.env}`."
    try:
        found = {one.name: one for one in visit.client.schemas.list(catalog)}
    except NotFound:
        found = {}
    for schema in SCHEMAS:
        full_name = f"{catalog}.{schema}"
        if schema not in found:
            yield Observation(f"schema {full_name}", False, "is not there, or is hidden", again)
            continue
        if visit.owns(found[schema].owner):
            yield Observation(f"schema {full_name}", True, f"owned by {found[schema].owner}")
        else:
            wanted = MODEL_RIGHTS if schema == "models" else TABLE_RIGHTS
            yield _rights(visit, "schema", full_name, wanted)
        yield from _tables(visit, schema, again)


def _tables(visit: Visit, schema: str, again: str) -> Iterator[Observation]:
    wanted = [name for name in (*all_contracts(), *latest_views()) if name.startswith(f"{schema}.")]
    if not wanted:
        return
    listed = visit.client.tables.list(
        visit.settings.catalog, schema, omit_columns=True, omit_properties=True
    )
    there = {f"{schema}.{table.name}" for table in listed}
    missing = [name.partition(".")[2] for name in wanted if name not in there]
    subject = f"tables of {visit.settings.catalog}.{schema}"
    if not missing:
        yield Observation(subject, True, f"all {len(wanted)}")
        return
    found = f"{len(wanted) - len(missing)} of {len(wanted)}; missing: {', '.join(missing)}"
    yield Observation(subject, None, found, f"{again} Steps make the tables they write themselves.")


def look_at_models(visit: Visit) -> Iterator[Observation]:
    """Look whether the user may add versions to the models that are registered already."""
    from databricks.sdk.errors import NotFound

    catalog = visit.settings.catalog
    try:
        found = list(
            visit.client.registered_models.list(catalog_name=catalog, schema_name="models")
        )
    except NotFound:
        return
    others = sorted(f"{one.name} ({one.owner})" for one in found if not visit.owns(one.owner))
    if others and "MANAGE" not in visit.rights("schema", f"{catalog}.models"):
        mend = "Train as their owner, or make a group with both of you their owner."
        yield Observation("models", False, f"owned by others: {', '.join(others)}", mend)
    else:
        yield Observation("models", True, f"{len(found)} registered")


def look_at_sources(visit: Visit) -> Iterator[Observation]:
    """Look for every system table, its columns, and the right to read it."""
    for raw in raw_tables().values():
        yield _source(visit, raw)


def _source(visit: Visit, raw: RawTable) -> Observation:
    from databricks.sdk.errors import NotFound, PermissionDenied

    schema = raw.name.rpartition(".")[0]
    grants = (
        f"An administrator runs: GRANT USE SCHEMA, SELECT ON SCHEMA {schema} TO `{visit.user}`, "
        "or to a group."
    )
    try:
        stored = visit.client.tables.get(raw.name)
        if raw.name.startswith(OPEN_TO_ALL):
            found = "shows the tables that the user may see; snapshots are taken of it"
            return Observation(raw.name, True, found)
        lacking = visit.lacks("schema", schema, ("USE SCHEMA",))
        lacking += visit.lacks("table", raw.name, ("SELECT",))
    except (NotFound, PermissionDenied):
        mend = f"An account administrator enables the system schema {schema}. {grants}"
        return Observation(raw.name, False, "is not there, or may not be seen", mend)
    absent = sorted(raw.required - {column.name for column in stored.columns or []})
    if absent:
        mend = "The system table has changed: report it."
        return Observation(raw.name, False, f"has no column {', '.join(absent)}", mend)
    if lacking:
        return Observation(raw.name, False, f"{visit.user} lacks {', '.join(lacking)}", grants)
    return Observation(raw.name, True, "SELECT")


def look_at_volume(visit: Visit) -> Iterator[Observation]:
    """Look for the volume of serverless steps, and for the rights on it."""
    from databricks.sdk.errors import NotFound

    name = staging_volume(visit.settings) or ""
    try:
        found = visit.client.volumes.read(name)
    except NotFound:
        mend = f"Run `ngm setup --env {visit.settings.env}`."
        yield Observation(f"volume {name}", False, "is not there, or is hidden", mend)
        return
    if visit.owns(found.owner):
        yield Observation(f"volume {name}", True, f"owned by {found.owner}")
    else:
        yield _rights(visit, "volume", name, VOLUME_RIGHTS)


def _rights(visit: Visit, kind: str, full_name: str, wanted: tuple[str, ...]) -> Observation:
    subject = f"{kind} {full_name}"
    lacking = visit.lacks(kind, full_name, wanted)
    if not lacking:
        return Observation(subject, True, ", ".join(wanted))
    quoted = ".".join(f"`{part}`" for part in full_name.split("."))
    return Observation(
        subject,
        False,
        f"{visit.user} lacks {', '.join(lacking)}",
        f"GRANT {', '.join(lacking)} ON {kind.upper()} {quoted} TO `{visit.user}`, or add it to "
        f"the group {visit.settings.workspace.engineers}.",
    )
