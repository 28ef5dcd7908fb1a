"""Runs the rows that are asked for and gathers the report: what `ngm bench` calls."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import ConfigError
from ngm_assets_tests.bench.facts import machine_facts
from ngm_assets_tests.bench.harness import Bench, Row, Told
from ngm_assets_tests.bench.reference_estate import SCALES
from ngm_assets_tests.bench.report import as_values
from ngm_assets_tests.bench.rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator


def run_benchmark(
    scale: str,
    only: Sequence[str],
    repeat: int,
    work: Path | None,
    stage: Callable[[str], Told],
    keep: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Run rows and return the report.

    Args:
        scale: Name of the scale.
        only: Rows to run; none = all.
        repeat: Runs per side.
        work: Folder of what is prepared; None = a temporary one.
        stage: Told of each row.
        keep: Given the report after every row: the whole may take hours.

    Raises:
        ConfigError: An unknown scale or row, or no run at all.
    """
    chosen = _chosen(ROWS, only)
    if scale not in SCALES or repeat < 1:
        raise ConfigError(
            f"There is no scale {scale!r} run {repeat} times.",
            where="--scale, --repeat",
            mend=f"Choose {' or '.join(SCALES)}, and 1 or more runs.",
        )
    report: dict[str, Any] = {"scale": scale, "repeat": repeat, "machine": machine_facts()}
    report["rows"] = []
    signal.signal(signal.SIGTERM, _end)
    with _folder(work) as folder:
        bench = Bench(folder, scale, repeat)
        for row in chosen:
            bench.told = stage(row.name)
            report["rows"].append(as_values(row, *bench.measure(row)))
            keep(report)
    return report


def _end(_number: int, _frame: object) -> None:
    """End as on an error, so that the sides that still run are ended as well."""
    sys.exit(143)


def _chosen(known: Sequence[Row], only: Sequence[str]) -> list[Row]:
    names = [row.name for row in known]
    strange = [name for name in only if name not in names]
    if strange:
        raise ConfigError(
            f"There is no row {strange[0]!r}.", where="--only", mend=f"Known: {', '.join(names)}."
        )
    return [row for row in known if not only or row.name in only]


@contextmanager
def _folder(work: Path | None) -> Iterator[Path]:
    if work is not None:
        yield work
        return
    with tempfile.TemporaryDirectory(prefix="ngm_bench_") as name:
        yield Path(name)
