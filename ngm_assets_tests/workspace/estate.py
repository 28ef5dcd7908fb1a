"""The small estate of the tests in an emulated workspace: raw tables, snapshots, and what ran."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.lakehouse.statements import SCHEMAS
from ngm_assets.raw.convert import open_duckdb
from ngm_assets.raw.landing import Landing
from ngm_assets.raw.snapshots import snapshot_contracts
from ngm_assets.settings import Settings, load_settings
from ngm_assets_tests.engine.sessions import store_raw
from ngm_assets_tests.whole import Whole
from ngm_assets_tests.workspace.opened import Opened, opened_workspace

SCOPE, KEY = "ngm_assets", "databricks_token"


@dataclass(frozen=True)
class Estate:
    """A workspace in which gold and features ran up to a day, and the settings to go on."""

    opened: Opened
    settings: Settings
    whole: Whole

    @property
    def tables(self) -> DeltaLakehouse:
        """The tables of the environment's catalog, read past Spark."""
        return DeltaLakehouse(self.opened.workspace.tables / self.settings.catalog)


@contextmanager
def estate_in(root: Path, whole: Whole, **variables: str) -> Iterator[Estate]:
    """Open a workspace that holds an estate; the variables are those of the Dagster process."""
    with opened_workspace(root / "workspace") as opened, pytest.MonkeyPatch.context() as patch:
        workspace = opened.workspace
        workspace.secrets[SCOPE] = {KEY: workspace.token}
        workspace.jobs.add_cluster("dedicated")
        for schema in SCHEMAS:
            workspace.catalog.make("schema", f"dev.{schema}")
        workspace.raw.update(store_raw(Landing(whole.landing), root / "raw"))
        for name, value in {
            "NGM_ENV": "dev",
            "NGM_HOME": str(root / "home"),
            "NGM_COMPUTE": "existing_cluster",
            "NGM_CLUSTER_ID": "dedicated",
            "NGM_START_DATE": whole.settings.start_date.isoformat(),
            "NGM_POLL_SECONDS": "0.5",
            **variables,
        }.items():
            patch.setenv(name, value)
        workspace.volumes.add("dev", "models", "staging")
        copy_tables(whole, workspace.tables / "dev")
        yield Estate(opened, load_settings(environ=os.environ), whole)


def copy_tables(whole: Whole, target: Path) -> None:
    """Copy gold and features as they were on the eve, and take the snapshots of every day."""
    early = whole.early / "lakehouse" / "local"
    for schema in ("gold", "features"):
        shutil.copytree(early / schema, target / schema, dirs_exist_ok=True)
    landing, lakehouse = Landing(whole.landing), DeltaLakehouse(target)
    for source, contract in snapshot_contracts().items():
        with open_duckdb() as connection:
            rows = connection.sql(landing.select(source)).to_arrow_table()
        schema = contract.arrow_schema()
        kept = rows.select(schema.names).cast(schema)
        lakehouse.overwrite(contract, kept.to_reader, whole.settings.start_date, whole.plan.end)
