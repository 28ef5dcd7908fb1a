"""Decides whether a model is to be trained again, from what monitoring found day by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from ngm_assets.days import monday_of
from ngm_assets.monitoring.drift.statistics.base import DRIFT_SEVERITIES
from ngm_assets.watching import RetrainingSettings

SEVERE = DRIFT_SEVERITIES.index("severe")
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Situation:
    """What is known of one model.

    Attributes:
        model: Its name.
        severities: What was found, by day; a day that is not named was not judged.
        newest: Newest judged day of any model.
        trained_as_of: Newest Monday it was trained as of; None = never.
        requested_on: Judged day of the last request; None = there was none.
        in_flight: A training that includes it has not ended.
        new_labels: Labels that ripened since its champion was trained; None = not known.
    """

    model: str
    severities: Mapping[date, str]
    newest: date
    trained_as_of: date | None
    requested_on: date | None
    in_flight: bool
    new_labels: int | None


@dataclass(frozen=True)
class Verdict:
    """What follows.

    Attributes:
        model: Name of the model.
        as_of: Monday to train as of; None = it is not asked for.
        reason: What was found, and what stands against it.
    """

    model: str
    as_of: date | None
    reason: str


def decide(situation: Situation, settings: RetrainingSettings) -> Verdict | None:
    """Return what follows from a situation; None where nothing was found.

    Found is a critical day since the Monday the model was trained as of, or `severe_days` severe
    ones among the last `of_days`, the newest among them. Training reads the days before a Monday,
    so a retraining is asked for as of the newest Monday whose days have all been judged; as long as
    the model has already been trained as of that one, it waits for the next.
    """
    found = _found(situation, settings)
    if not found:
        return None
    monday = monday_of(situation.newest + timedelta(days=1))
    against = _against(situation, settings, monday)
    if against:
        return Verdict(situation.model, None, f"{found}; {against}")
    return Verdict(situation.model, monday, found)


def _found(situation: Situation, settings: RetrainingSettings) -> str:
    since = situation.trained_as_of or date.min
    critical = [
        day for day, word in situation.severities.items() if word == "critical" and day >= since
    ]
    if critical:
        return f"critical on {max(critical)}"
    last = [situation.newest - timedelta(days=n) for n in range(settings.of_days)]
    severe = [day for day in last if _severe(situation.severities.get(day, "none"))]
    if situation.newest in severe and len(severe) >= settings.severe_days:
        return f"severe on {len(severe)} of the last {settings.of_days} days"
    return ""


def _severe(word: str) -> bool:
    return DRIFT_SEVERITIES.index(word) >= SEVERE if word in DRIFT_SEVERITIES else False


def _against(situation: Situation, settings: RetrainingSettings, monday: date) -> str:
    asked, trained, labels = (
        situation.requested_on,
        situation.trained_as_of,
        situation.new_labels,
    )
    if situation.in_flight:
        return "a training is under way"
    if asked is not None and abs((situation.newest - asked).days) < settings.cooldown_days:
        return f"asked for on {asked}, {settings.cooldown_days} days of cooldown"
    if trained is not None and trained >= monday:
        return f"trained as of {trained}, the next training is as of {trained + WEEK}"
    if labels is None:
        return "it is not known how many labels ripened since the champion was trained"
    if labels < settings.min_new_labels:
        return f"{labels} labels ripened since, {settings.min_new_labels} are needed"
    return ""
