"""Drift by evidently: its preset for all columns, on pandas, as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def start() -> None:
    """Load the libraries, which is not counted."""
    import evidently.presets  # noqa: F401
    import pandas as pd  # noqa: F401


def drifted_columns(folder: Path, names: Sequence[str]) -> list[str]:
    """Return the columns whose score reaches the preset's own threshold."""
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    current = pd.read_parquet(folder / "lake" / "some" / "wide", columns=list(names))
    trained = pd.read_parquet(folder / "trained.parquet")
    found = Report([DataDriftPreset()]).run(current, trained).dict()
    judged = [m for m in found["metrics"] if "column" in m["config"]]
    return sorted(m["config"]["column"] for m in judged if m["value"] > m["config"]["threshold"])
