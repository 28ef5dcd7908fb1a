"""Measures what maintenance gives: a home written day by day, read before and after it.

Run `python -m ngm_assets_tests.bench.maintenance`. Every day is written as the daily schedule does
it, with the two days before it. Then the home is made eight days older, for nothing younger is
deleted, and maintained.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from deltalake import DeltaTable

from ngm_assets.demo.generate import generate
from ngm_assets.engine.base import Query
from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.maintenance.tables import maintain_tables
from ngm_assets.platform import Platform
from ngm_assets_tests.estate import open_estate, write_gold
from ngm_assets_tests.lakehouse.tables import aged_files

REFRESHED = 3
REPEATED = 5


def median_ms(job: Callable[[], object]) -> float:
    """Return the median time of a job in milliseconds."""
    seconds = []
    for _ in range(REPEATED):
        begun = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - begun)
    return 1000 * statistics.median(seconds)


def open_files(lake: DeltaLakehouse, name: str) -> int:
    """Return the number of files that a reader of a whole table opens."""
    return len(DeltaTable(lake.path(name)).file_uris())


def facts(platform: Platform, day: date) -> dict[str, float]:
    """Return what the home takes, and how long opening and reading it takes."""
    lake = platform.lakehouse
    if not isinstance(lake, DeltaLakehouse):
        raise TypeError(lake)
    names = lake.tables()
    found = [path for name in names for path in lake.path(name).rglob("*") if path.is_file()]

    def read_all() -> None:
        for name in names:
            platform.engine.rows(Query(f"SELECT COUNT(*) AS n FROM {name}", {}))

    def open_all() -> None:
        for name in names:
            lake.files(name, platform.contracts[name].partition, day, day)

    return {
        "tables": len(names),
        "commits": sum((lake.version(name) or 0) + 1 for name in names),
        "files on disk": len(found),
        "MiB on disk": sum(path.stat().st_size for path in found) / 2**20,
        "files of the newest version": sum(
            len(DeltaTable(lake.path(n)).file_uris()) for n in names
        ),
        "ms to find a day in every table": median_ms(open_all),
        "ms to count every table": median_ms(read_all),
    }


def main() -> None:
    """Write the home, measure, maintain, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=60)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ngm_maintenance_") as name:
        folder = Path(name)
        made = generate(folder / "landing", days=chosen.days, seed=7, scale=0.5)
        platform = open_estate(folder / "landing", folder / "home")
        for number in range(chosen.days):
            day = made.start + timedelta(days=number)
            write_gold(platform, max(made.start, day - timedelta(days=REFRESHED - 1)), day)
        for log in (folder / "home").rglob("_delta_log"):
            aged_files(log.parent, 8)
        before = facts(platform, made.end)
        begun = time.perf_counter()
        done = maintain_tables(platform)
        seconds = time.perf_counter() - begun
        after = facts(platform, made.end)
        again = maintain_tables(platform)
    for title, value in before.items():
        print(f"{title}: {value:,.1f} -> {after[title]:,.1f}")
    print(f"maintained in {seconds:.1f} s: {sum(d.merged for d in done)} files merged, ", end="")
    print(f"{sum(d.deleted or 0 for d in done)} deleted, {sum(d.checkpointed for d in done)} logs")
    print(f"again: {sum(d.merged + (d.deleted or 0) + d.checkpointed for d in again)} changes")


if __name__ == "__main__":
    main()
