"""One small landing for all tests of the demo, and a way to ask it questions in SQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ngm_assets.demo.generate import DemoSummary, generate
from ngm_assets.demo.schemas import TABLES
from ngm_assets.demo.write import MARK

DAYS = 60
SCALE = 0.2


@dataclass(frozen=True)
class Landing:
    """A generated landing; `ask` returns all rows of a query over views named like `usage`."""

    folder: Path
    summary: DemoSummary
    ask: Callable[[str], list[tuple[Any, ...]]]

    def one(self, query: str) -> Any:
        """Return the single value of a query."""
        return self.ask(query)[0][0]

    def incidents(self, kind: str) -> list[dict[str, Any]]:
        """Return the planted incidents of a kind."""
        planted = json.loads((self.folder / MARK).read_text(encoding="utf-8"))
        return [i for i in planted if i["kind"] == kind]


@pytest.fixture(scope="session")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Landing:
    """A landing of 60 days at a fifth of the size."""
    folder = tmp_path_factory.mktemp("demo") / "landing"
    summary = generate(folder, days=DAYS, scale=SCALE)
    connection = duckdb.connect()
    for table in TABLES:
        files = folder / table / "**" / "*.parquet"
        connection.execute(
            f"create view {table.split('/')[1]} as "
            f"select * from read_parquet('{files}', hive_partitioning = true)"
        )
    connection.execute("set timezone = 'UTC'")

    def ask(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query).fetchall()

    return Landing(folder, summary, ask)
