"""Counts worked out by hand: three keys, four days, two incidents a detector is for and one not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ngm_assets.demo.recall import Recall, recall_of, rows_of_incident

DAYS = ("2026-05-01", "2026-05-02", "2026-05-03", "2026-05-04")
KEYS = pd.DataFrame(
    [(user, day) for day in DAYS for user in ("ann", "bob", "cat")],
    columns=["user_id", "event_date"],
).astype({"event_date": "datetime64[ns]"})


def planted(user: str, start: str, end: str, **entity: str) -> dict[str, Any]:
    """Return an incident as the demo writes it."""
    return {"entity": {"user_id": user} | entity, "start": start, "end": end}


ANN = planted("ann", DAYS[0], DAYS[1])
BOB = planted("bob", DAYS[3], DAYS[3])
CAT = planted("cat", DAYS[2], DAYS[2])


def scores(**flagged: tuple[int, ...]) -> np.ndarray:
    """Return scores: 0.5 on the numbered days of each user, just below on all others."""
    found = np.full(len(KEYS), 0.499)
    for user, days in flagged.items():
        for day in days:
            found[("ann", "bob", "cat").index(user) + 3 * day] = 0.5
    return found


def test_an_incident_is_found_when_one_of_its_days_is_flagged() -> None:
    found = recall_of(KEYS, scores(ann=(1,), bob=(0,)), [ANN, BOB], [ANN, BOB, CAT])
    assert found == Recall(
        incidents=2, recalled=1, days=3, flagged_days=1, quiet_rows=8, quiet_flagged=1
    )


def test_an_alert_on_another_kind_of_incident_is_neither_a_find_nor_a_false_alarm() -> None:
    found = recall_of(KEYS, scores(cat=(2,)), [ANN], [ANN, BOB, CAT])
    assert (found.incidents, found.recalled) == (1, 0)
    assert (found.quiet_rows, found.quiet_flagged) == (8, 0)


def test_without_a_score_nothing_is_flagged() -> None:
    silent = scores(ann=(0, 1), bob=(3,))
    silent[:] = np.nan
    found = recall_of(KEYS, silent, [ANN, BOB], [ANN, BOB])
    assert (found.recalled, found.flagged_days, found.quiet_flagged) == (0, 0, 0)
    assert found.incidents == 2


@pytest.mark.parametrize(
    "elsewhere",
    [
        planted("ann", "2026-04-20", "2026-04-30"),
        planted("ann", "2026-05-05", "2026-05-09"),
        planted("dan", DAYS[0], DAYS[3]),
        planted("ann", DAYS[0], DAYS[3], workspace_id="1"),
    ],
)
def test_incidents_without_a_tested_day_do_not_count(elsewhere: dict[str, Any]) -> None:
    found = recall_of(KEYS, scores(ann=(0,)), [elsewhere], [elsewhere])
    assert found == Recall(0, 0, 0, 0, len(KEYS), 1)


def test_an_incident_has_the_rows_of_its_entity_from_start_to_end() -> None:
    rows = KEYS[rows_of_incident(KEYS, planted("bob", DAYS[1], "2026-06-30"))]
    assert rows["user_id"].tolist() == ["bob"] * 3
    assert rows["event_date"].dt.strftime("%Y-%m-%d").tolist() == list(DAYS[1:])
