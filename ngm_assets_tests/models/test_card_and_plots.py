"""The card and the pictures: complete, honest about what is missing, the same each time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ngm_assets.models.candidate import Candidate, Holdout
from ngm_assets.models.evaluation.gates import Decision
from ngm_assets.models.evaluation.measures import Comparison
from ngm_assets.models.registry.card import card
from ngm_assets.models.registry.plots import plots

PNG = b"\x89PNG\r\n"


@pytest.mark.parametrize(
    "problem", ["binary", "regression", "quantile", "multiclass", "texts", "anomaly"]
)
def test_a_card_says_purpose_data_metrics_gates_features_and_limits(
    problem: str, request: pytest.FixtureRequest
) -> None:
    candidate: Candidate = request.getfixturevalue(problem)
    text = card(candidate)
    for heading in ("## Data", "## Metrics", "## Gates", "## Top features", "## Known limits"):
        assert heading in text
    spec = candidate.spec
    for part in (spec.decision, spec.owner, spec.baseline.description, spec.target.column):
        assert part in text
    assert f"{candidate.measured.value:.4g}" in text
    assert f"{candidate.measured.low:.4g}" in text
    assert f"{candidate.baseline.theirs:.4g}" in text
    assert all(gate.name in text for gate in candidate.decision.gates)
    assert "nan" not in text.lower()


def test_a_card_tells_the_champion_or_why_it_was_not_compared(binary: Candidate) -> None:
    compared = Comparison(0.6, 0.55, 0.05, -0.01, 0.1, 90)
    text = card(replace(binary, champion=compared, champion_version=3))
    assert "average_precision of the champion v3 | 0.55 |" in text
    closed = Comparison(None, None, reason="12 holdout rows")
    assert "Champion: 12 holdout rows." in card(replace(binary, champion=closed))


def test_a_refused_candidate_says_so(binary: Candidate) -> None:
    refused = Decision(promote=False, reason="calibration: too far off", gates=())
    assert "is refused: calibration: too far off" in card(replace(binary, decision=refused))


@pytest.mark.parametrize(
    ("problem", "names"),
    [
        ("binary", {"importance.png", "calibration.png", "precision_recall.png"}),
        ("regression", {"importance.png", "residuals.png"}),
        ("quantile", {"importance.png", "residuals.png"}),
        ("multiclass", {"importance.png", "confusion.png", "calibration.png"}),
        ("texts", {"importance.png", "confusion.png", "calibration.png"}),
        ("anomaly", {"importance.png", "precision_recall.png"}),
    ],
)
def test_the_pictures_suit_the_problem_and_are_the_same_each_time(
    problem: str, names: set[str], request: pytest.FixtureRequest
) -> None:
    candidate: Candidate = request.getfixturevalue(problem)
    drawn = plots(candidate)
    assert set(drawn) == names
    assert all(content.startswith(PNG) for content in drawn.values())
    assert plots(candidate) == drawn


def test_no_curve_is_drawn_without_positives(binary: Candidate) -> None:
    nothing = Holdout(np.zeros(10), np.linspace(0, 1, 10))
    assert "precision_recall.png" not in plots(replace(binary, holdout=nothing))
    empty = Holdout(np.array([]), np.array([]))
    assert set(plots(replace(binary, holdout=empty))) == {"importance.png"}
