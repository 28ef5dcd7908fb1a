"""A stored table with awkward values in every kind of column, and engines that read it."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets.lakehouse.contract import Column, TableContract
from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.raw.landing import Landing
from ngm_assets_tests.engine.sessions import unity_engine
from ngm_assets_tests.monitoring.windows import Values

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from ngm_assets.engine.spark import SparkEngine

START = date(2024, 3, 1)
DAYS = 5
ROWS = 120
"""Rows a day."""
TYPES = {
    "measure": "double",
    "skewed": "double",
    "count": "bigint",
    "money": "decimal(18,2)",
    "flag": "boolean",
    "nothing": "double",
    "word": "string",
}
WORDS = ["it's", 'a "b"', "c\\d", "", "été", "plain", "NULL", ":x", "new"]


def watched_contract() -> TableContract:
    """Return the contract of `some.watched`."""
    columns = [Column(name=name, type=kind, doc="Watched.") for name, kind in TYPES.items()]
    return TableContract(
        name="watched",
        schema_name="some",
        description="Rows that are watched.",
        key=("id", "day"),
        partition="day",
        columns=(
            Column(name="id", type="string", nullable=False, doc="Key."),
            Column(name="day", type="date", nullable=False, doc="Partition."),
            *columns,
        ),
    )


def awkward_rows(seed: int, rows: int) -> dict[str, Values]:
    """Draw rows: null, NaN, both infinities, many zeros, extreme numbers, texts with quotes."""
    rng = np.random.default_rng(seed)
    measure = rng.normal(size=rows)
    odd = [np.nan, np.inf, -np.inf, 1e100, -1e100, 0.1, 1e16, -5e-324]
    measure[rng.permutation(rows)[: len(odd) * 2]] = odd * 2
    nothing = np.full(rows, np.nan)
    words: Values = np.array([None, *WORDS], dtype=object)[rng.integers(0, len(WORDS), rows)]
    return {
        "measure": measure,
        "skewed": np.where(rng.random(rows) < 0.3, 0.0, rng.exponential(size=rows)),
        "count": rng.poisson(3.0, rows),
        "money": np.round(rng.gamma(2.0, 10.0, rows), 2),
        "flag": rng.random(rows) < 0.4,
        "nothing": nothing,
        "word": words,
    }


def store(root: Path, columns: dict[str, Values]) -> None:
    """Write rows to a lakehouse below `root`, `ROWS` on each day."""
    contract = watched_contract()
    place = np.arange(ROWS * DAYS)
    whole: dict[str, list[Any]] = {name: list(values) for name, values in columns.items()}
    whole["money"] = [f"{value:.2f}" for value in columns["money"]]
    whole["id"] = [f"{number:05d}" for number in place]
    whole["day"] = [START + timedelta(days=int(number) // ROWS) for number in place]
    schema = contract.arrow_schema()
    arrays = [
        pa.array(whole[field.name]).cast(field.type)
        if field.name == "money"
        else pa.array(whole[field.name], field.type, from_pandas=field.name == "nothing")
        for field in schema
    ]
    table = pa.table(arrays, schema=schema)
    DeltaLakehouse(root).overwrite(
        contract, table.to_reader, START, START + timedelta(days=DAYS - 1)
    )


def duckdb_engine(root: Path, scratch: Path) -> DuckDBEngine:
    """Return an engine over what was stored."""
    contract = watched_contract()
    return DuckDBEngine(
        DeltaLakehouse(root), Landing(scratch / "none"), {contract.full_name: contract}, scratch
    )


def spark_engine(spark: SparkSession, root: Path, catalog: Path) -> SparkEngine:
    """Return an engine over a copy of what was stored."""
    contract = watched_contract()
    engine = unity_engine(spark, catalog, contracts={contract.full_name: contract})
    shutil.copytree(root / "some", catalog / "dev" / "some", dirs_exist_ok=True)
    return engine
