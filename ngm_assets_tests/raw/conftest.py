"""A landing folder of one's own for every test."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """Return the place of a landing folder; nothing is there yet."""
    return tmp_path / "landing"
