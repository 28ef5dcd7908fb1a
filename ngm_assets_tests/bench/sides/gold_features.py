"""Gold and features as their assets make them, findings included, without an orchestrator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets_tests.bench.stage import Stage

if TYPE_CHECKING:
    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.platform import Platform

EXACT = {
    "string": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "boolean": "BOOLEAN",
    "bigint": "BIGINT",
    "int": "BIGINT",
}
"""Types of the contracts whose values no engine rounds, and what DuckDB calls them."""
PRIME = 1_000_000_007


def ours(stage: Stage) -> dict[str, Any]:
    """Make all tables of all days."""
    platform = stage.platform(stage.scratch / "home")
    with stage.clock():
        failed = make_tables(platform, stage.start, stage.end)
    relations = {
        name: platform.lakehouse.uri(name).removeprefix("file://") for name in tables_made()
    }
    note = f"Checks that failed: {', '.join(failed)}." if failed else ""
    return {"result": described(relations, delta=True), "note": note}


def peer(stage: Stage) -> dict[str, Any]:
    """Make them by the same SQL on Spark, whose start is not counted."""
    from ngm_assets_tests.bench.peers.spark_sql import gold_and_features, open_spark

    words = stage.settings(stage.scratch / "home").words
    out = stage.scratch / "out"
    spark = open_spark(stage.scratch / "spark")
    spark.range(1000).selectExpr("SUM(id)").collect()
    with stage.clock():
        gold_and_features(spark, stage.landing, out, words, stage.start, stage.end)
    found = described({name: str(out / name) for name in tables_made()}, delta=False)
    stage.keep({"result": found})
    return {"result": found}


def make_tables(platform: Platform, start: date, end: date) -> list[str]:
    """Write and judge every table as the assets do; return the checks that failed as errors."""
    from ngm_assets.features.quality import feature_findings
    from ngm_assets.features.tables import feature_contracts
    from ngm_assets.features.writing import write_features
    from ngm_assets.gold.arrivals import raw_rows
    from ngm_assets.gold.quality import gold_findings
    from ngm_assets.gold.tables import gold_contracts
    from ngm_assets.gold.writing import write_gold
    from ngm_assets.lakehouse.quality import measure

    engine, words, failed = platform.engine, platform.settings.words, []
    for contract in gold_contracts().values():
        counted = raw_rows(engine, contract, start, end)
        write_gold(engine, contract, words, counted, start, end)
        facts = measure(engine, contract, start, end)
        found = gold_findings(engine, contract, facts, start, end)
        failed += _failed(platform, contract, facts, found)
    for contract in feature_contracts().values():
        write_features(engine, contract, words, start, end)
        facts = measure(engine, contract, start, end)
        found = feature_findings(engine, contract, start, end)
        failed += _failed(platform, contract, facts, found)
    return failed


def _failed(platform: Platform, contract: TableContract, facts: Any, found: list[Any]) -> list[str]:
    from ngm_assets.lakehouse.quality import contract_findings

    stored = platform.lakehouse.column_types(contract.full_name)
    judged = [*contract_findings(contract, facts, stored), *found]
    return [f"{contract.full_name} {f.name}" for f in judged if not f.passed and not f.warn]


def tables_made() -> dict[str, TableContract]:
    """Return the contracts of the tables that both sides make."""
    from ngm_assets.features.tables import feature_contracts
    from ngm_assets.gold.tables import gold_contracts

    made = [*gold_contracts().values(), *feature_contracts().values()]
    return {contract.full_name: contract for contract in made}


def described(folders: Mapping[str, str], *, delta: bool) -> dict[str, Any]:
    """Return rows, a sum over whole rows, and sums over each column, of every table.

    Sums are whole numbers, and exact, of what no engine rounds.
    """
    import duckdb
    from deltalake import DeltaTable

    found: dict[str, Any] = {}
    with duckdb.connect() as connection:
        for name, contract in tables_made().items():
            folder = folders[name]
            files = DeltaTable(folder).file_uris() if delta else [f"{folder}/**/*.parquet"]
            listed = ", ".join(f"'{Path(file)}'" for file in files)
            columns = [
                f"struct_pack(known := COUNT({c.name}), total := {_total(c.name, c.type)})"
                f" AS {c.name}"
                for c in contract.columns
            ]
            exact = [_exact(c.name, c.type) for c in contract.columns if c.type in EXACT]
            row = connection.execute(
                f"SELECT COUNT(*), {_hashed(*exact)}, {', '.join(columns)} "
                f"FROM read_parquet([{listed}], hive_partitioning = true)"
            ).fetchone()
            names = ["rows", "whole_rows", *(c.name for c in contract.columns)]
            found[name] = dict(zip(names, row or (), strict=True))
    return found


def _total(column: str, kind: str) -> str:
    """Return SQL for a number that changes with the values of a column."""
    if kind in EXACT:
        return _hashed(_exact(column, kind))
    if kind.startswith(("array", "map", "struct")):
        return f"SUM(length({column}::VARCHAR)::DOUBLE)"
    return f"SUM({column}::DOUBLE)"


def _exact(column: str, kind: str) -> str:
    """Return SQL for a value that is the same whichever engine wrote it."""
    return f"epoch_us({column})" if kind == "timestamp" else f"{column}::{EXACT[kind]}"


def _hashed(*values: str) -> str:
    """Return SQL for a whole number that changes with any value of any row, in whatever order."""
    return f"SUM(hash({', '.join(values)}) % {PRIME})::BIGINT"
