"""The fold: one alert per lasting finding, however it flaps; closed only after quiet days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.monitoring.alerting.alerts import Alert, alert_id, folded
from ngm_assets.monitoring.alerting.conditions import Condition
from ngm_assets.monitoring.drift.statistics.base import DRIFT_SEVERITIES
from ngm_assets_tests.monitoring.alerting.tables import MODEL, TABLE, day, found

PART = f"{MODEL}/cost/psi"
HIDDEN = found("none", unknown=(PART,))
"""The column could not be evaluated."""
ELSEWHERE = found("none", "features.other")
"""Drift was looked at, and the table is gone."""
UNSEEN = None
"""Drift was not looked at."""
SAID = [found("none"), *(found(s) for s in DRIFT_SEVERITIES[1:]), HIDDEN, ELSEWHERE, UNSEEN]
series = st.lists(st.sampled_from(SAID), min_size=1, max_size=40)


def days_of(said: Sequence[Condition | None]) -> dict[date, list[Condition]]:
    """Return findings by day."""
    return {day(n): [] if each is None else [each] for n, each in enumerate(said)}


def story(said: Sequence[Condition | None], close_after: int = 3) -> list[Alert]:
    """Return the alerts about the table."""
    return [a for a in folded([], days_of(said), close_after) if a.subject == TABLE]


def events(said: Sequence[Condition | None], close_after: int = 3) -> str:
    """Return the first letter of each day's event; o, e, c(ontinued), x = closed."""
    letters = {"closed": "x"}
    return "".join(letters.get(a.event, a.event[0]) for a in story(said, close_after))


def test_a_finding_opens_worsens_goes_on_and_closes() -> None:
    quiet = found("none")
    said = [quiet, found("moderate"), found("severe"), found("moderate"), quiet, quiet, quiet]
    assert events([*said, quiet]) == "oecccx"
    made = story(said)
    assert [a.severity for a in made] == ["moderate", *["severe"] * 5]
    assert [a.current_severity for a in made][1:4] == ["severe", "moderate", "none"]
    assert [a.quiet_days for a in made] == [0, 0, 0, 1, 2, 3]
    assert [a.changed_on for a in made] == [day(1), day(2), day(2), day(2), day(2), day(6)]
    assert {a.alert_id for a in made} == {alert_id("drift", TABLE, day(1))}


def test_what_could_not_be_evaluated_is_no_recovery_and_no_finding() -> None:
    assert (
        events([found(), found("none"), HIDDEN, UNSEEN, found("none"), found("none")]) == "occccx"
    )
    assert [a.quiet_days for a in story([found(), found("none"), HIDDEN, UNSEEN])] == [0, 1, 1, 1]
    assert events([HIDDEN, UNSEEN]) == ""


def test_a_column_that_never_can_be_evaluated_holds_no_alert_open() -> None:
    other = found("none", unknown=(f"{MODEL}/constant/psi", "another_model/*"))
    assert events([found(), other, other, other]) == "occx"
    of_model = found("none", unknown=(f"{MODEL}/*",))
    everything = found("none", unknown=("*",))
    assert events([found(), of_model, everything, found("none")]) == "occc"


def test_a_part_that_vanishes_while_another_is_found_is_not_forgotten() -> None:
    both = found(parts=(PART, f"{MODEL}/rows/psi"))
    one = found(parts=(f"{MODEL}/rows/psi",), unknown=(PART,))
    assert story([both, one])[-1].parts == (PART, f"{MODEL}/rows/psi")
    assert events([both, one, HIDDEN, HIDDEN, HIDDEN]) == "occcc"


def test_a_table_that_is_not_watched_any_more_lets_its_alert_close() -> None:
    assert events([found(), ELSEWHERE, ELSEWHERE, ELSEWHERE]) == "occx"


def test_after_closing_the_same_finding_is_a_new_alert() -> None:
    made = story([found(), found("none"), found()], close_after=1)
    assert [a.event for a in made] == ["opened", "closed", "opened"]
    assert made[0].alert_id != made[2].alert_id


@given(st.lists(st.integers(0, 4), max_size=12), st.integers(1, 5))
def test_a_flapping_series_is_one_alert(gaps: list[int], close_after: int) -> None:
    """Found, then quiet for fewer days than close it, then found again, and so on."""
    said = [found()]
    for gap in gaps:
        said += [found("none")] * min(gap, close_after - 1) + [found()]
    made = story(said, close_after)
    assert len({a.alert_id for a in made}) == 1
    assert [a.event for a in made] == ["opened", *["continued"] * (len(said) - 1)]


@given(series, st.integers(1, 5))
def test_invariants_of_every_series(said: Sequence[Condition | None], close_after: int) -> None:
    by_day, by_alert = defaultdict(list), defaultdict(list)
    for alert in story(said, close_after):
        by_day[alert.monitor_date].append(alert)
        by_alert[alert.alert_id].append(alert)
    assert all(len(alerts) == 1 for alerts in by_day.values())
    for alerts in by_alert.values():
        ranks = [DRIFT_SEVERITIES.index(a.severity) for a in alerts]
        assert ranks == sorted(ranks)
        assert [a.event == "opened" for a in alerts] == [True] + [False] * (len(alerts) - 1)
        assert all(a.state == "open" for a in alerts[:-1])
        escalated = [a.event == "escalated" for a in alerts[1:]]
        assert escalated == [now > was for was, now in pairwise(ranks)]
        closing = alerts[-1]
        assert (closing.event == "closed") == (closing.quiet_days == close_after)
        if closing.state == "open":
            assert closing.monitor_date == day(len(said) - 1)
    for number, each in enumerate(said):
        if each is not None and each.subject == TABLE and each.severity != "none":
            (alert,) = by_day[day(number)]
            assert (alert.state, alert.current_severity) == ("open", each.severity)


@given(series, st.integers(1, 5))
def test_closing_takes_quiet_days_in_a_row(
    said: Sequence[Condition | None], close_after: int
) -> None:
    """Told again from the series: count back from the closing to the last finding."""
    for alert in story(said, close_after):
        if alert.event == "closed":
            last = (alert.monitor_date - day(0)).days
            since = list(said[: last + 1])
            while since[-1] is None or since[-1].severity == "none":
                since.pop()
            after = said[len(since) : last + 1]
            assert sum(each in (SAID[0], ELSEWHERE) for each in after) == close_after


@given(series, st.integers(0, 40), st.integers(1, 5))
def test_a_range_is_its_parts_one_after_the_other(
    said: Sequence[Condition | None], cut: int, close_after: int
) -> None:
    whole = days_of(said)
    first = {d: c for d, c in whole.items() if d < day(cut)}
    rest = {d: c for d, c in whole.items() if d >= day(cut)}
    begun = folded([], first, close_after)
    newest = max((a.monitor_date for a in begun), default=None)
    kept = [Alert.of_row(a.row()) for a in begun if a.monitor_date == newest]
    assert begun + folded(kept, rest, close_after) == folded([], whole, close_after)


@given(st.permutations([found(), found("none", "features.a"), found("moderate", "features.b")]))
def test_the_order_of_findings_is_of_no_account(said: list[Condition]) -> None:
    assert [a.subject for a in folded([], {day(0): said}, 3)] == ["features.b", TABLE]
