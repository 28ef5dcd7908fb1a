"""The short form of the fault suite: a few kills and broken files, each as in the long one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ngm_assets_tests.faults.kills import draw
from ngm_assets_tests.faults.verdict import Verdict, failed

KILLS = 3
LIMIT = 240


def test_nothing_is_lost_or_doubled_in_the_short_form(tmp_path: Path) -> None:
    """In a process of its own, for it forks, and there are threads here."""
    told = tmp_path / "told.json"
    words = ["--short", "--kills", str(KILLS), "--json", str(told)]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "ngm_assets_tests.faults", *words],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        env=dict(os.environ),
        cwd=Path(__file__).parents[2],
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found = json.loads(told.read_text(encoding="utf-8"))["outcomes"]
    assert {each["result"] for each in found} == {"survived"}
    assert sum(each["scenario"].startswith("kill ") for each in found) == KILLS
    assert "broken Parquet" in {each["scenario"] for each in found}


def test_the_same_seed_draws_the_same_kills_all_over_the_length() -> None:
    points = tuple(f"before write {n}" for n in range(5))
    kills = draw("gold", 10.0, points, 20, 1)
    assert kills == draw("gold", 10.0, points, 20, 1)
    assert kills != draw("gold", 10.0, points, 20, 2)
    moments = [kill.seconds for kill in kills if kill.seconds is not None]
    assert len(moments) == 15
    assert all(n / 1.5 <= at < (n + 1) / 1.5 for n, at in enumerate(moments))
    assert sorted(kill.point for kill in kills if kill.seconds is None) == sorted(points)


@pytest.mark.parametrize(
    ("verdict", "word"),
    [
        (Verdict(), "survived"),
        (Verdict(lost=1, doubled=2), "lost"),
        (Verdict(doubled=1), "doubled"),
        (failed("it hangs"), "failed"),
        (Verdict() + failed("it hangs") + Verdict(doubled=1), "doubled"),
    ],
)
def test_the_worst_is_what_a_verdict_says(verdict: Verdict, word: str) -> None:
    assert verdict.word == word
    assert Verdict.of(verdict.as_dict()) == verdict
