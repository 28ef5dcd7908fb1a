"""The SQL that makes schemas, tables, views and grants of an environment, safe to run again."""

from __future__ import annotations

from collections.abc import Iterator

from ngm_assets.engine.sql import with_relations
from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.lakehouse.statements import SCHEMAS, create_table, quoted, quoted_name, text
from ngm_assets.platform import all_contracts
from ngm_assets.predictions.latest import latest_views
from ngm_assets.settings import Settings

WRITTEN = ("gold", "features", "predictions", "monitoring")
"""Schemas whose tables the steps create and write."""
TABLE_RIGHTS = ("USE SCHEMA", "SELECT", "MODIFY", "CREATE TABLE")
MODEL_RIGHTS = ("USE SCHEMA", "CREATE MODEL", "EXECUTE", "APPLY TAG")
VOLUME_RIGHTS = ("READ VOLUME", "WRITE VOLUME")
READER_RIGHTS = ("USE SCHEMA", "SELECT")


def setup_statements(settings: Settings) -> list[str]:
    """Return the statements in the order to run them.

    What exists already stays as it is, but views, which are replaced. Engineers get what running
    the steps needs, analysts may read predictions and nothing else.

    Raises:
        ConfigError: The environment has no workspace.
    """
    volume = staging_volume(settings)
    return [
        *_schemas(settings.catalog),
        *([_volume(volume)] if volume else []),
        *_tables(settings.catalog),
        *_views(settings.catalog),
        *_grants(settings, volume),
    ]


def staging_volume(settings: Settings) -> str | None:
    """Return `catalog.schema.volume` of the folder that serverless steps use; None elsewhere."""
    if settings.workspace.compute != "serverless":
        return None
    return ".".join(settings.staging_folder.strip("/").split("/")[1:4])


def _schemas(catalog: str) -> Iterator[str]:
    for schema, comment in SCHEMAS.items():
        name = quoted_name(f"{catalog}.{schema}")
        yield f"CREATE SCHEMA IF NOT EXISTS {name} COMMENT {text(comment)}"


def _volume(volume: str) -> str:
    comment = text("Code and events of steps that run on serverless compute.")
    return f"CREATE VOLUME IF NOT EXISTS {quoted_name(volume)} COMMENT {comment}"


def _tables(catalog: str) -> Iterator[str]:
    for name, contract in all_contracts().items():
        yield create_table(contract, quoted_name(f"{catalog}.{name}"))


def _views(catalog: str) -> Iterator[str]:
    contracts = all_contracts()
    for name, sql in latest_views().items():
        contract = contracts[name.removesuffix("_latest")]
        yield _view(catalog, name, contract, sql)


def _view(catalog: str, name: str, contract: TableContract, sql: str) -> str:
    columns = ", ".join(f"{quoted(c.name)} COMMENT {text(c.doc)}" for c in contract.columns)
    stored = f"SELECT * FROM {quoted_name(f'{catalog}.{contract.full_name}')}"
    comment = text(f"The newest row of every key of {contract.full_name}.")
    return (
        f"CREATE OR REPLACE VIEW {quoted_name(f'{catalog}.{name}')} ({columns}) "
        f"COMMENT {comment} AS {with_relations(sql, {contract.full_name: stored})}"
    )


def _grants(settings: Settings, volume: str | None) -> Iterator[str]:
    catalog, workspace = settings.catalog, settings.workspace
    for group in dict.fromkeys((workspace.engineers, workspace.analysts)):
        yield grant(("USE CATALOG",), f"CATALOG {quoted(catalog)}", group)
    for schema in WRITTEN:
        place = f"SCHEMA {quoted_name(f'{catalog}.{schema}')}"
        yield grant(TABLE_RIGHTS, place, workspace.engineers)
    models = f"SCHEMA {quoted_name(f'{catalog}.models')}"
    yield grant(MODEL_RIGHTS, models, workspace.engineers)
    if volume:
        yield grant(VOLUME_RIGHTS, f"VOLUME {quoted_name(volume)}", workspace.engineers)
    predictions = f"SCHEMA {quoted_name(f'{catalog}.predictions')}"
    yield grant(READER_RIGHTS, predictions, workspace.analysts)


def grant(rights: tuple[str, ...], place: str, group: str) -> str:
    """Return the statement that gives a group rights on something."""
    return f"GRANT {', '.join(rights)} ON {place} TO {quoted(group)}"
