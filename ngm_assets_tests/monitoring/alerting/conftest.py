"""An engine over an empty lakehouse, and what sinks in memory are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from ngm_assets.engine.base import Engine
from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets_tests.engine.sessions import need_java, unity_engine
from ngm_assets_tests.monitoring.alerting.memory import MemorySink, Told
from ngm_assets_tests.monitoring.alerting.tables import duckdb_engine


@pytest.fixture
def engine(tmp_path: Path) -> DuckDBEngine:
    """Return DuckDB over an empty lakehouse."""
    return duckdb_engine(tmp_path)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Return what the memory sinks are told during the test."""
    fresh: Told = []
    monkeypatch.setattr(MemorySink, "told", fresh)
    monkeypatch.setattr(MemorySink, "tried", [])
    return fresh


@pytest.fixture(params=["duckdb", "spark"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """Return each engine over an empty place."""
    if request.param == "duckdb":
        return duckdb_engine(tmp_path)
    need_java()
    return unity_engine(request.getfixturevalue("local_spark"), tmp_path)
