"""Drift of a wide window: judged as in production, by evidently, and by numpy and scipy."""

from __future__ import annotations

import json
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ngm_assets.engine.base import Window
from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets.lakehouse.contract import Column, TableContract
from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.models.reference import column_statistics
from ngm_assets.monitoring.drift.measure import measure_drift
from ngm_assets.monitoring.drift.policy import Policy
from ngm_assets.monitoring.drift.reference import reference_columns
from ngm_assets.raw.landing import Landing
from ngm_assets_tests.bench.stage import Stage

START, DAYS = date(2024, 1, 1), 7
TRAINED, COLUMNS = 100_000, 100
"""Rows of the reference, and columns of the table."""
MOVED, BY = 10, 1.0
"""Every tenth column has moved by a standard deviation: all sides are to find these."""
Values = NDArray[np.float64]


def names() -> list[str]:
    """Return the columns."""
    return [f"c{number:03d}" for number in range(COLUMNS)]


def contract() -> TableContract:
    """Return the contract of a wide table of numbers."""
    return TableContract(
        name="wide",
        schema_name="some",
        description="A wide table.",
        key=("id", "day"),
        partition="day",
        columns=(
            Column(name="id", type="bigint", nullable=False, doc="Key."),
            Column(name="day", type="date", nullable=False, doc="Partition."),
            *(Column(name=name, type="double", doc="Number.") for name in names()),
        ),
    )


def draw(rng: np.random.Generator, number: int, rows: int) -> Values:
    """Draw a column: every other one is skewed."""
    return rng.normal(size=rows) if number % 2 else rng.exponential(size=rows)


def make(folder: Path, rows: int) -> None:
    """Write the table and the training rows."""
    import pandas as pd
    import pyarrow as pa

    table, lakehouse = contract(), DeltaLakehouse(folder / "lake")
    rng = np.random.default_rng(1)
    for number in range(DAYS):
        day = START + timedelta(days=number)
        some = rows // DAYS + (rows % DAYS if number == 0 else 0)
        made = {name: draw(rng, n, some) + BY * (n % MOVED == 0) for n, name in enumerate(names())}
        keys = {"id": np.arange(some), "day": pa.array([day] * some, pa.date32())}
        filled = pa.table({**keys, **made}).cast(table.arrow_schema())
        lakehouse.overwrite(table, filled.to_reader, day, day)
    trained = {name: draw(np.random.default_rng(n), n, TRAINED) for n, name in enumerate(names())}
    pd.DataFrame(trained).to_parquet(folder / "trained.parquet")
    stored = {name: column_statistics(values) for name, values in trained.items()}
    (folder / "reference.json").write_text(json.dumps({"features": stored}))


def ours(stage: Stage) -> dict[str, Any]:
    """Judge the table as it is judged in production."""
    folder, table = stage.prepared("wide"), contract()
    engine = DuckDBEngine(
        DeltaLakehouse(folder / "lake"),
        Landing(folder / "none"),
        {table.full_name: table},
        stage.scratch,
    )
    window = Window(START, START + timedelta(days=DAYS - 1))
    with stage.clock():
        reference = reference_columns(json.loads((folder / "reference.json").read_text()))
        found = measure_drift(engine, table, reference, window, Policy())
    drifted = [column.name for column in found.columns if column.severity != "none"]
    indices = [each.outcome.value for c in found.columns for each in c.measured[:1]]
    greatest = max(value for value in indices if value is not None)
    return {"result": {"columns": len(found.columns), "drifted": sorted(drifted)}, "psi": greatest}


def peer(stage: Stage) -> dict[str, Any]:
    """Judge it by evidently's preset on pandas."""
    if find_spec("evidently") is None:
        return {"missing": True}
    from ngm_assets_tests.bench.peers.evidently_report import drifted_columns, start

    start()

    with stage.clock():
        found = drifted_columns(stage.prepared("wide"), names())
    return {"result": {"columns": COLUMNS, "drifted": found}}


def scipy(stage: Stage) -> dict[str, Any]:
    """Judge it column by column by numpy and scipy on pandas."""
    import pandas as pd  # noqa: F401
    from scipy import stats  # noqa: F401

    from ngm_assets_tests.bench.peers.scipy_columns import drifted_columns

    with stage.clock():
        found, greatest = drifted_columns(stage.prepared("wide"), names())
    return {"result": {"columns": COLUMNS, "drifted": found}, "psi": greatest}
