"""Looks at this machine: versions, Java, and on `local` the home, the landing tables and MLflow."""

from __future__ import annotations

import os
import shutil
import subprocess  # nosec B404
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from ngm_assets.doctor.observation import Observation
from ngm_assets.errors import DataError
from ngm_assets.raw.contract import raw_tables
from ngm_assets.raw.landing import Landing
from ngm_assets.settings import Settings

PACKAGES = ("dagster", "mlflow", "duckdb", "deltalake", "sqlglot", "pyarrow", "scikit-learn")
OPTIONAL = ("dagster-databricks", "dagster-mlflow", "pyspark")
PYTHONS = ("3.11", "3.12")
"""What this project may be installed on."""


def look_at_installation(python: str) -> Iterator[Observation]:
    """Look at the versions of Python, of the libraries and of Java.

    Args:
        python: Version of the Python that runs this process.
    """
    yield from _versions(python)
    yield _java()


def look_at_home(settings: Settings) -> Iterator[Observation]:
    """Look at home, landing tables and MLflow of the local environment."""
    yield _home(settings)
    yield from _landing(settings)
    yield _mlflow(settings)


def _versions(python: str) -> Iterator[Observation]:
    known = minor_version(python) in PYTHONS
    yield Observation("python", known, python, "" if known else f"Use {' or '.join(PYTHONS)}.")
    for name in (*PACKAGES, "xgboost", *OPTIONAL):
        found = _installed(name) or (_installed("xgboost-cpu") if name == "xgboost" else None)
        needed = name not in OPTIONAL
        yield Observation(name, True if found else (False if needed else None), found or "missing")


def minor_version(python: str) -> str:
    """Return `3.12` of `3.12.1`."""
    return ".".join(python.split(".")[:2])


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _java() -> Observation:
    java = shutil.which("java")
    if java is None:
        return Observation("java", None, "not found; needed for Spark only")
    # No shell, and no argument from outside: Java is asked its version.
    answer = subprocess.run(  # nosec B603
        [java, "-version"], capture_output=True, text=True, timeout=30, check=False
    )
    return Observation("java", True, (answer.stderr or answer.stdout).splitlines()[0])


def _home(settings: Settings) -> Observation:
    folder = settings.home
    while not folder.exists():
        folder = folder.parent
    writable = os.access(folder, os.W_OK)
    return Observation("home", writable, f"{settings.home}{'' if writable else ' is not writable'}")


def _landing(settings: Settings) -> Iterator[Observation]:
    landing = Landing(settings.local_landing)
    if not settings.local_landing.is_dir():
        yield Observation("landing", None, f"{settings.local_landing} does not exist yet")
        return
    for name in raw_tables():
        try:
            files = landing.files(name)
            if not files:
                yield Observation(name, None, "no files; reads as empty")
                continue
            first, last, rows = landing.date_range(name)
            yield Observation(name, True, f"{first} .. {last}, {rows:,} rows, {len(files)} files")
        except DataError as error:
            yield Observation(name, False, str(error))


def _mlflow(settings: Settings) -> Observation:
    from sqlalchemy.exc import SQLAlchemyError

    database = settings.home / "mlflow.db"
    if not database.exists():
        return Observation(
            "mlflow", None, f"{settings.mlflow_uri} is created by the first training"
        )
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        models = MlflowClient(settings.mlflow_uri).search_registered_models()
    except (MlflowException, SQLAlchemyError) as error:
        return Observation("mlflow", False, str(error).splitlines()[0])
    return Observation("mlflow", True, f"{settings.mlflow_uri}, {len(models)} registered models")
