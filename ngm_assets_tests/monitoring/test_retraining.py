"""When a model is to be trained again: at once, for days on end, and what stands against it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.monitoring.drift.statistics.base import DRIFT_SEVERITIES
from ngm_assets.monitoring.retraining.decision import Situation, decide
from ngm_assets.watching import RetrainingSettings

SUNDAY = date(2026, 6, 28)
MONDAY = SUNDAY + timedelta(days=1)
RULES = RetrainingSettings(cooldown_days=7, severe_days=3, of_days=5, min_new_labels=30)
QUIET = Situation(
    model="budget_forecaster",
    severities={},
    newest=SUNDAY,
    trained_as_of=MONDAY - timedelta(days=7),
    requested_on=None,
    in_flight=False,
    new_labels=100,
)


def days(*words: str, until: date = SUNDAY) -> dict[date, str]:
    """Return severities of consecutive days, the last word that of the last day."""
    return {until - timedelta(days=n): word for n, word in enumerate(reversed(words))}


def asked(situation: Situation) -> date | None:
    """Return the Monday a training is asked for as of."""
    verdict = decide(situation, RULES)
    return None if verdict is None else verdict.as_of


def why_not(situation: Situation) -> str:
    """Return what stands against a training."""
    verdict = decide(situation, RULES)
    assert verdict is not None
    assert verdict.as_of is None
    return verdict.reason


CRITICAL = replace(QUIET, severities=days("critical"))


def test_nothing_found_asks_for_nothing() -> None:
    assert decide(QUIET, RULES) is None
    assert (
        decide(replace(QUIET, severities=days("moderate", "moderate", "moderate")), RULES) is None
    )


def test_a_critical_day_asks_at_once_as_of_the_monday_after_the_judged_days() -> None:
    assert asked(CRITICAL) == MONDAY


@pytest.mark.parametrize(
    ("words", "asks"),
    [
        (("severe", "none", "severe", "none", "severe"), True),
        (("severe", "severe", "severe"), True),
        (("severe", "severe"), False),
        (("severe", "severe", "severe", "none"), False),
        (("severe", "severe", "none", "none", "none", "severe"), False),
        (("moderate", "severe", "severe", "moderate", "severe"), True),
    ],
)
def test_severe_days_ask_when_they_are_n_of_the_last_m_and_the_newest_is_one(
    words: tuple[str, ...], asks: bool
) -> None:
    assert (asked(replace(QUIET, severities=days(*words))) == MONDAY) is asks


def test_a_day_that_was_not_judged_counts_for_nothing() -> None:
    found = {SUNDAY - timedelta(days=n): "severe" for n in (0, 1, 6)}
    assert decide(replace(QUIET, severities=found), RULES) is None


def test_what_stands_against_it_is_said() -> None:
    assert "under way" in why_not(replace(CRITICAL, in_flight=True))
    assert "cooldown" in why_not(replace(CRITICAL, requested_on=SUNDAY - timedelta(days=6)))
    assert "29 labels" in why_not(replace(CRITICAL, new_labels=29))
    assert "not known" in why_not(replace(CRITICAL, new_labels=None))
    assert (
        asked(replace(CRITICAL, requested_on=SUNDAY - timedelta(days=7), new_labels=30)) == MONDAY
    )


def test_a_model_trained_as_of_the_newest_monday_waits_for_the_next() -> None:
    wednesday = MONDAY + timedelta(days=2)
    drifted = replace(
        QUIET, newest=wednesday, severities=days("critical", until=wednesday), trained_as_of=MONDAY
    )
    assert f"as of {MONDAY + timedelta(days=7)}" in why_not(drifted)
    later = replace(drifted, newest=MONDAY + timedelta(days=6))
    assert asked(later) == MONDAY + timedelta(days=7)
    assert decide(replace(later, trained_as_of=MONDAY + timedelta(days=7)), RULES) is None


def test_a_model_that_was_never_trained_is_asked_for() -> None:
    assert asked(replace(CRITICAL, trained_as_of=None)) == MONDAY


@given(
    words=st.lists(st.sampled_from(DRIFT_SEVERITIES), min_size=30, max_size=60),
    cooldown=st.integers(1, 20),
)
def test_whatever_is_found_a_cooldown_holds_one_request_at_most(
    words: list[str], cooldown: int
) -> None:
    rules = replace_rules(cooldown)
    severities = dict(
        zip((SUNDAY + timedelta(days=n) for n in range(len(words))), words, strict=True)
    )
    requested: list[date] = []
    for day in severities:
        situation = replace(
            QUIET,
            severities={d: w for d, w in severities.items() if d <= day},
            newest=day,
            trained_as_of=None,
            requested_on=max(requested, default=None),
        )
        verdict = decide(situation, rules)
        if verdict is not None and verdict.as_of is not None:
            assert verdict.as_of.weekday() == 0
            assert verdict.as_of <= day + timedelta(days=1)
            requested.append(day)
    gaps = [b - a for a, b in itertools.pairwise(requested)]
    assert all(gap >= timedelta(days=cooldown) for gap in gaps)


def replace_rules(cooldown: int) -> RetrainingSettings:
    """Return the rules with another cooldown."""
    return RULES.model_copy(update={"cooldown_days": cooldown})
