"""A step that met a full disk says so and what to do, whichever library met it."""

from __future__ import annotations

import pytest

from ngm_assets.errors import DISK_FULL
from ngm_assets.orchestration import _mendable


@pytest.mark.parametrize("sign", DISK_FULL)
def test_a_full_disk_is_told_with_what_to_do(sign: str) -> None:
    said = _mendable(f"Writing failed: {sign} (os error 28)\n  mend:  Run with --debug.")
    assert said.startswith("The disk is full: Writing failed")
    assert said.count("mend:") == 1
    assert "Free some space" in said


def test_other_errors_stay_as_they_are() -> None:
    assert _mendable("Too few rows.") == "Too few rows."
