"""The folder of the Dagster instance: which `dagster.yaml` stands in it, and what that needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from ngm_assets.errors import ConfigError
from ngm_assets.overlays import read_yaml

Storage = Literal["sqlite", "postgres"]
FILE = "dagster.yaml"
URL_VARIABLE = "NGM_DAGSTER_POSTGRES_URL"
"""Environment variable with the address of the database, password and all; it stands nowhere."""
SCHEME = "postgresql+psycopg2://"
"""Names the driver that dagster-postgres brings; SQLAlchemy 2.1 would look for another one."""
QUIET = """# Nothing leaves this machine unasked.
telemetry:
  enabled: false
nux:
  enabled: false
"""
PLAN_ONCE = """# A check is planned once per run, and not once more for each of its partitions.
instance_class:
  module: ngm_assets.dagster_instance
  class: PlanOnceInstance
"""
POSTGRES = f"""storage:
  postgres:
    postgres_url:
      env: {URL_VARIABLE}
"""
WRITTEN = {"sqlite": QUIET + PLAN_ONCE, "postgres": QUIET + PLAN_ONCE + POSTGRES}
"""What is written for each storage; a file with other words is somebody's own, and left alone."""
ONCE_WRITTEN = (QUIET, QUIET + POSTGRES)
"""What was written by earlier versions, and is no more anybody's own."""


def prepare_instance(
    home: Path, storage: Storage = "sqlite", environ: Mapping[str, str] | None = None
) -> None:
    """Write `dagster.yaml` (telemetry off, the storage) unless the folder has one of its own.

    Args:
        home: Folder of the instance.
        storage: Where runs and events are kept: files below `home`, or a database.
        environ: Variables of the process; None = those it has.

    Raises:
        ConfigError: The database has no driver or no address, or somebody's own file names no
            storage while `postgres` is asked for.
    """
    if storage == "postgres":
        _need_postgres(os.environ if environ is None else environ)
    home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.mkdir(mode=0o700, exist_ok=True)
    target = home / FILE
    ours = (*WRITTEN.values(), *ONCE_WRITTEN)
    if target.exists() and target.read_text(encoding="utf-8") not in ours:
        if storage == "postgres" and "storage" not in read_yaml(target):
            raise ConfigError(
                "This file is your own and names no storage, but NGM_DAGSTER_STORAGE is postgres.",
                where=str(target),
                mend=f"Add the lines `storage: postgres: postgres_url: env: {URL_VARIABLE}`.",
            )
        return
    if not target.exists() or target.read_text(encoding="utf-8") != WRITTEN[storage]:
        draft = target.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(WRITTEN[storage], encoding="utf-8")
        draft.replace(target)


def _need_postgres(environ: Mapping[str, str]) -> None:
    if find_spec("dagster_postgres") is None:
        raise ConfigError(
            "dagster-postgres is not installed.",
            where="NGM_DAGSTER_STORAGE",
            mend='Install the project with its extra: pip install "ngm_assets[postgres]".',
        )
    given = environ.get(URL_VARIABLE, "")
    if not given.startswith(SCHEME):
        wrong = f"does not begin with {SCHEME}" if given else "is not set"
        raise ConfigError(
            f"The variable {URL_VARIABLE} {wrong}.",
            where="NGM_DAGSTER_STORAGE",
            mend=f"Set it to {SCHEME}USER:PASSWORD@HOST:5432/DATABASE (password percent-encoded).",
        )


def storage_errors(storage: Storage) -> tuple[type[Exception], ...]:
    """Return the errors that mean that the database of the instance does not answer."""
    if storage == "sqlite":
        return ()
    from dagster_postgres.utils import DagsterPostgresException
    from sqlalchemy.exc import SQLAlchemyError

    return (SQLAlchemyError, DagsterPostgresException)
