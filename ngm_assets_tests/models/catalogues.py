"""Writes small catalogues and reads them against made-up tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ngm_assets.errors import ConfigError
from ngm_assets.models.catalog.reader import load_catalog
from ngm_assets.models.catalog.spec import ModelSpec
from ngm_assets_tests.models.making import FEATURES, TEXTS

KEYS = ("workspace_id", "usage_date")
COLUMNS = {"cost_features": (*KEYS, *FEATURES, *TEXTS, "extra"), "security_features": ("user_id",)}
LABELS = {"cost_features": ("outcome", "rule"), "security_features": ("denials",)}


def load(folder: Path) -> tuple[ModelSpec, ...]:
    """Read a catalogue of models over the made-up tables."""
    return load_catalog(
        folder,
        feature_columns=COLUMNS,
        label_columns=LABELS,
        key_columns={"cost_features": KEYS},
        text_columns={"cost_features": ("workspace_id", *TEXTS)},
    )


def write(folder: Path, *entries: dict[str, Any], file: str = "cost.yaml") -> Path:
    """Write entries into a file of the catalogue and return the catalogue's folder."""
    catalog = folder / "catalog"
    catalog.mkdir(exist_ok=True)
    text = yaml.safe_dump({"models": list(entries)}, sort_keys=False)
    (catalog / file).write_text(text)
    return catalog


def refusal(folder: Path) -> ConfigError:
    """Return why a catalogue is refused."""
    with pytest.raises(ConfigError) as caught:
        load(folder)
    return caught.value


def line_of(path: Path, text: str) -> int:
    """Return the last line that holds `text`: bad entries are written last."""
    lines = path.read_text().splitlines()
    return max(number for number, line in enumerate(lines, 1) if text in line)
