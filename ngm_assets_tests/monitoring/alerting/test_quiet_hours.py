"""Quiet hours follow the clocks of their zone, over midnight and over the change of the clocks."""

from __future__ import annotations

from datetime import datetime

import pytest

from ngm_assets.monitoring.alerting.pending import quiet_now
from ngm_assets.watching import QuietHours


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [
        ("2026-03-28T21:30+00:00", True),  # 22:30 winter time
        ("2026-03-28T20:30+00:00", False),  # 21:30 winter time
        ("2026-03-29T05:30+00:00", False),  # 07:30 summer time, which began at 2 in the night
        ("2026-03-29T04:30+00:00", True),  # 06:30 summer time
        ("2026-10-24T20:30+00:00", True),  # 22:30 summer time
        ("2026-10-25T00:30+00:00", True),  # 02:30, for the first time
        ("2026-10-25T01:30+00:00", True),  # 02:30, for the second time
        ("2026-10-25T05:30+00:00", True),  # 06:30 winter time
        ("2026-10-25T06:00+00:00", False),  # 07:00 winter time
    ],
)
def test_quiet_hours_follow_the_clocks_of_their_zone(moment: str, quiet: bool) -> None:
    hours = QuietHours.model_validate({"start": "22:00", "end": "07:00", "zone": "Europe/Berlin"})
    assert quiet_now(hours, datetime.fromisoformat(moment)) is quiet


def test_quiet_hours_within_a_day() -> None:
    hours = QuietHours.model_validate({"start": "12:00", "end": "13:30"})
    minutes = {"11:59": False, "12:00": True, "13:29": True, "13:30": False}
    for text, quiet in minutes.items():
        assert quiet_now(hours, datetime.fromisoformat(f"2026-06-20T{text}+00:00")) is quiet
