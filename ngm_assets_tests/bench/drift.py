"""Measures the drift of a wide window, beside pandas, numpy and scipy doing the same work.

Run `python -m ngm_assets_tests.bench.drift`. Each side runs in a process of its own, and so does
what makes the files both read: a process begins with the peak of memory of the one that starts it.
Processor seconds tell more than seconds where others use the machine too.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

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
from ngm_assets.monitoring.drift.statistics.psi import stability_index
from ngm_assets.raw.landing import Landing

START, DAYS = date(2024, 1, 1), 7
TRAINED = 100_000
"""Rows of the reference."""
REPEATED = 3
KIBIBYTES = 1024 if sys.platform == "linux" else 1
Values = NDArray[np.float64]


def contract(columns: int) -> TableContract:
    """Return the contract of a wide table of numbers."""
    numbers = [Column(name=f"c{n:03d}", type="double", doc="Number.") for n in range(columns)]
    return TableContract(
        name="wide",
        schema_name="some",
        description="A wide table.",
        key=("id", "day"),
        partition="day",
        columns=(
            Column(name="id", type="bigint", nullable=False, doc="Key."),
            Column(name="day", type="date", nullable=False, doc="Partition."),
            *numbers,
        ),
    )


def draw(rng: np.random.Generator, number: int, rows: int) -> Values:
    """Draw a column: every other one is skewed."""
    return rng.normal(size=rows) if number % 2 else rng.exponential(size=rows)


def make(folder: Path, columns: int, rows: int) -> None:
    """Write the table and the training rows."""
    import pyarrow as pa

    table, lakehouse = contract(columns), DeltaLakehouse(folder / "lake")
    rng = np.random.default_rng(1)
    for number in range(DAYS):
        day = START + timedelta(days=number)
        some = rows // DAYS + (rows % DAYS if number == 0 else 0)
        made = {f"c{n:03d}": draw(rng, n, some) for n in range(columns)}
        keys = {"id": np.arange(some), "day": pa.array([day] * some, pa.date32())}
        filled = pa.table({**keys, **made}).cast(table.arrow_schema())
        lakehouse.overwrite(table, filled.to_reader, day, day)
    trained = np.stack([draw(np.random.default_rng(n), n, TRAINED) for n in range(columns)])
    np.save(folder / "trained.npy", trained)
    stored = {f"c{n:03d}": column_statistics(values) for n, values in enumerate(trained)}
    (folder / "reference.json").write_text(json.dumps({"features": stored}))


def ours(folder: Path, columns: int) -> Callable[[], float]:
    """Return what judges the table as it is judged in production, and gives the greatest PSI."""
    table = contract(columns)
    reference = reference_columns(json.loads((folder / "reference.json").read_text()))
    engine = DuckDBEngine(
        DeltaLakehouse(folder / "lake"),
        Landing(folder / "none"),
        {table.full_name: table},
        folder / "scratch",
    )
    window, policy = Window(START, START + timedelta(days=DAYS - 1)), Policy()

    def run() -> float:
        found = measure_drift(engine, table, reference, window, policy)
        values = [each.outcome.value for c in found.columns for each in c.measured[:1]]
        return max(value for value in values if value is not None)

    return run


def peer(folder: Path, columns: int) -> Callable[[], float]:
    """Return what reads the rows with pandas and compares column by column with scipy."""
    import pandas as pd
    from scipy import stats

    names = [f"c{n:03d}" for n in range(columns)]
    stored = json.loads((folder / "reference.json").read_text())["features"]
    trained = np.load(folder / "trained.npy", mmap_mode="r")

    def run() -> float:
        rows = pd.read_parquet(folder / "lake" / "some" / "wide", columns=names)
        indices = []
        for place, name in enumerate(names):
            values = rows[name].to_numpy()
            edges = [-np.inf, *stored[name]["edges"], np.inf]
            counts = np.histogram(values, edges)[0].tolist()
            indices.append(stability_index(stored[name]["counts"], counts))
            stats.ks_2samp(trained[place], values, method="asymp")
            stats.chi2_contingency([stored[name]["counts"], counts])
        return max(indices)

    return run


SIDES = {"ours": ours, "peer": peer}


def measured(side: str, folder: Path, columns: int) -> dict[str, float]:
    """Run one side several times; the medians of the seconds, and the peak of all."""
    run, psi = SIDES[side](folder, columns), 0.0
    seconds, processor = [], []
    for _ in range(REPEATED):
        begun, used = time.perf_counter(), time.process_time()
        psi = run()
        seconds.append(time.perf_counter() - begun)
        processor.append(time.process_time() - used)
    return {
        "seconds": statistics.median(seconds),
        "processor": statistics.median(processor),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTES / 2**20,
        "max_psi": psi,
    }


def in_a_process(part: str, folder: Path, columns: int, rows: int) -> dict[str, float]:
    """Run `make` or one side in a process of its own."""
    words = ["--part", part, "--folder", folder, "--columns", columns, "--rows", rows]
    command = [sys.executable, "-m", "ngm_assets_tests.bench.drift", *map(str, words)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return told


def main() -> None:
    """Make the rows, run both sides, print what they took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--rows", type=int, default=625_000)
    parser.add_argument("--part", choices=["make", *SIDES])
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    if chosen.part == "make":
        make(chosen.folder, chosen.columns, chosen.rows)
        print("{}")
        return
    if chosen.part:
        print(json.dumps(measured(chosen.part, chosen.folder, chosen.columns)))
        return
    with tempfile.TemporaryDirectory(prefix="ngm_drift_") as name:
        found = {
            part: in_a_process(part, Path(name), chosen.columns, chosen.rows)
            for part in ("make", *SIDES)
        }
    print(f"{chosen.columns} columns x {chosen.rows:,} rows, medians of {REPEATED}")
    for side in SIDES:
        told = found[side]
        print(
            f"{side}: {told['seconds']:.2f} s ({told['processor']:.2f} s of processors), peak "
            f"{told['peak_mib']:.0f} MiB, greatest PSI {told['max_psi']:.6f}"
        )
    one, other = found["ours"], found["peer"]
    print(
        f"peer / ours: {other['seconds'] / one['seconds']:.1f} x the time, "
        f"{other['peak_mib'] / one['peak_mib']:.1f} x the memory"
    )


if __name__ == "__main__":
    main()
