"""Compares SQLite and PostgreSQL as what Dagster keeps runs and events in, side by side.

Run `python -m ngm_assets_tests.bench.storage`. It starts a PostgreSQL server of its own. Each time
is that of a process of its own with a new home, and a new database; both storages take turns.

- `empty`: one ranged run of six assets that do nothing.
- `gold`: the same days of the six gold tables of a demo estate.
- `two`: two runs of the empty assets at once, each in a process, in the same storage.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from ngm_assets.build import FEATURE_JOB
from ngm_assets.dagster_home import URL_VARIABLE
from ngm_assets.demo.generate import generate
from ngm_assets.gold.tables import gold_contracts
from ngm_assets.orchestration import open_instance, run_job
from ngm_assets.resources import RANGE_END, RANGE_START
from ngm_assets.settings import load_settings
from ngm_assets_tests.postgres import postgres_server

STORAGES = ("sqlite", "postgres")
KINDS = ("empty", "gold", "two")
ASSETS = 6
TIMEOUT = 1200


def empty_job(start: date) -> dg.JobDefinition:
    """Return a job of six daily assets that do nothing."""
    days = dg.DailyPartitionsDefinition(start_date=start.isoformat())

    def made(number: int) -> dg.AssetsDefinition:
        @dg.asset(
            name=f"nothing_{number}",
            partitions_def=days,
            backfill_policy=dg.BackfillPolicy.single_run(),
        )
        def _asset() -> None:
            return None

        return _asset

    assets = [made(number) for number in range(ASSETS)]
    defs = dg.Definitions(assets=assets, jobs=[dg.define_asset_job("nothing", assets)])
    return defs.resolve_job_def("nothing")


def measured(kind: str, home: Path, landing: Path, first: date, last: date) -> float:
    """Return how many seconds a run takes once the instance is open."""
    settings = load_settings(home=home, landing=landing, start_date=first)
    with open_instance(settings) as instance:
        begun = time.perf_counter()
        if kind == "gold":
            keys = [("gold", name) for name in gold_contracts()]
            days = first.isoformat(), last.isoformat()
            success = run_job(settings, instance, FEATURE_JOB, *days, assets=keys).success
        else:
            tags = {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}
            config: Any = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
            job = empty_job(first)
            success = job.execute_in_process(
                instance=instance, tags=tags, run_config=config
            ).success
        seconds = time.perf_counter() - begun
    if not success:
        raise RuntimeError(f"The run of {kind} failed.")
    return seconds


def in_processes(kind: str, words: list[str], variables: dict[str, str]) -> float:
    """Run one measurement in a process, or two at once; the longer time."""
    command = [sys.executable, "-m", "ngm_assets_tests.bench.storage", "--kind", kind, *words]
    started = [
        subprocess.Popen(command, env={**os.environ, **variables}, stdout=subprocess.PIPE)
        for _ in range(2 if kind == "two" else 1)
    ]
    told = [process.communicate(timeout=TIMEOUT)[0] for process in started]
    if any(process.returncode for process in started):
        raise RuntimeError(f"{kind} failed on {variables}.")
    return max(float(json.loads(text.splitlines()[-1])) for text in told)


def compared(
    days: int, repeated: int, kinds: Sequence[str]
) -> Iterator[tuple[str, dict[str, list[float]]]]:
    """Yield the seconds of every kind of run by storage."""
    with tempfile.TemporaryDirectory(prefix="ngm_storage_") as name, postgres_server() as server:
        folder = Path(name)
        made = generate(folder / "landing", days=days, seed=7, scale=0.5)
        last = made.start + timedelta(days=days - 1)
        for kind in kinds:
            found: dict[str, list[float]] = {storage: [] for storage in STORAGES}
            for number in range(repeated):
                for storage in STORAGES if number % 2 == 0 else STORAGES[::-1]:
                    label = f"{kind}_{storage}_{number}"
                    words = ["--home", str(folder / label), "--landing", str(folder / "landing")]
                    words += ["--first", str(made.start), "--last", str(last)]
                    variables = {"NGM_DAGSTER_STORAGE": storage}
                    if storage == "postgres":
                        variables[URL_VARIABLE] = server.create(label)
                    found[storage].append(in_processes(kind, words, variables))
            yield kind, found


def main() -> None:
    """Measure, or be one of the measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--repeated", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--kind", choices=KINDS, help="Of one of the measured.")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--landing", type=Path)
    parser.add_argument("--first", type=date.fromisoformat)
    parser.add_argument("--last", type=date.fromisoformat)
    told = parser.parse_args()
    if told.kind:
        print(json.dumps(measured(told.kind, told.home, told.landing, told.first, told.last)))
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    title = (
        f"{ASSETS} assets x {told.days} days, medians of {told.repeated}, {os.cpu_count()} cores"
    )
    print(title, flush=True)
    for kind, found in compared(told.days, told.repeated, told.only):
        sqlite, postgres = (statistics.median(found[storage]) for storage in STORAGES)
        ms = [1000 * value / (ASSETS * told.days) for value in (sqlite, postgres)]
        print(
            f"{kind}: SQLite {sqlite:.2f} s ({ms[0]:.1f} ms per asset and day), PostgreSQL "
            f"{postgres:.2f} s ({ms[1]:.1f} ms), ratio {postgres / sqlite:.2f}; "
            f"all: {found}",
            flush=True,
        )


if __name__ == "__main__":
    main()
