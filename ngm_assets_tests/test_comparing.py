"""The comparison of tables sees every kind of difference and names it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ngm_assets_tests.comparing import assert_same_rows, differences

NOON = datetime(2024, 3, 4, 12, tzinfo=UTC)


def row(**changes: Any) -> dict[str, Any]:
    """Return a row of every kind of value."""
    return {"id": "a", "n": 1, "x": 1.0, "at": NOON, "tags": {"k": "v"}, "all": ["p"]} | changes


def test_equal_values_in_other_spellings_are_the_same() -> None:
    berlin = NOON.astimezone(ZoneInfo("Europe/Berlin"))
    nan = row(at=berlin, tags=[("k", "v")], all=("p",), x=float("nan"))
    assert_same_rows("t", [nan], [row(x=None)], ["id"])


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ([row(n=2)], "key ('a',), column n: 2 instead of 1"),
        ([row(n=1.0)], "key ('a',), column n: 1.0 instead of 1"),
        ([row(x=1.0 + 1e-12)], "column x"),
        ([row(x=None)], "column x: None instead of 1.0"),
        ([row(all=[])], "column all: () instead of ('p',)"),
        ([row(more=1)], "column more: only on one side"),
        ([row(), row()], "key ('a',) occurs 2 times"),
        ([row(id="b")], "key ('b',) should not be there"),
        ([], "key ('a',) is missing"),
    ],
)
def test_every_difference_is_named(found: list[dict[str, Any]], line: str) -> None:
    lines = differences(found, [row()], ["id"], 0)
    assert any(line in text for text in lines), lines
    with pytest.raises(AssertionError, match=r"gold\.some_table: "):
        assert_same_rows("gold.some_table", found, [row()], ["id"])


def test_only_floats_have_a_tolerance() -> None:
    assert differences([row(x=1.0 + 1e-12)], [row()], ["id"], 1e-9) == []
    assert differences([row(x=1.0 + 1e-6)], [row()], ["id"], 1e-9) != []
    assert differences([row(n=2)], [row()], ["id"], 1e9) != []
