"""What machine and libraries a measurement was made on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = (
    "dagster",
    "duckdb",
    "deltalake",
    "pyarrow",
    "pandas",
    "numpy",
    "scipy",
    "scikit-learn",
    "xgboost-cpu",
    "mlflow",
    "pyspark",
    "evidently",
)


def machine_facts() -> dict[str, Any]:
    """Return processor, memory, kernel, versions, and how busy the machine is now."""
    one, five, fifteen = os.getloadavg()
    return {
        "processor": _named(Path("/proc/cpuinfo"), "model name") or platform.processor(),
        "processors": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
        "load_before": [round(one, 2), round(five, 2), round(fifteen, 2)],
    }


def facts_text(facts: Mapping[str, Any]) -> str:
    """Return the facts in two lines."""
    libraries = ", ".join(f"{name} {text}" for name, text in facts["libraries"].items())
    load = ", ".join(map(str, facts["load_before"]))
    return (
        f"{facts['processor']}, {facts['processors']} processors, {facts['memory_gib']} GiB, "
        f"{facts['kernel']}, Python {facts['python']}; load before: {load}\n{libraries}"
    )


def _named(file: Path, field: str) -> str:
    if not file.exists():
        return ""
    lines = [line for line in file.read_text().splitlines() if line.startswith(field)]
    return lines[0].partition(":")[2].strip() if lines else ""


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
