"""What the fault suite compares by would tell of a lost, a doubled and a changed row."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ngm_assets.platform import open_platform
from ngm_assets.settings import Settings, remember
from ngm_assets_tests.faults.picture import between, compare, settings_of, take, unreadable
from ngm_assets_tests.monitoring.alerting.tables import failure

DAY = date(2026, 6, 15)
TABLE = "monitoring.pipeline_failures"
ROWS = [failure(0, name) for name in ("gold.a", "gold.b", "gold.c")]


def home_with(folder: Path, rows: list[dict[str, Any]]) -> Settings:
    """Return the settings of a home whose table holds some rows."""
    remember(folder, landing=folder, start_date=DAY)
    settings = settings_of(folder)
    platform = open_platform(settings)
    contract = platform.contracts[TABLE]
    platform.engine.store(contract, ROWS, DAY, DAY)
    fresh = contract.arrow_rows(rows)
    from ngm_assets.lakehouse.delta import DeltaLakehouse

    DeltaLakehouse(settings.delta_root).overwrite(contract, fresh.to_reader, DAY, DAY)
    return settings


@pytest.mark.parametrize(
    ("rows", "lost", "doubled"),
    [
        (ROWS, 0, 0),
        (ROWS[::-1], 0, 0),
        (ROWS[:2], 1, 0),
        ([*ROWS, ROWS[0]], 0, 1),
        ([*ROWS, failure(0, "gold.d")], 0, 1),
        ([*ROWS[:2], ROWS[2] | {"detail": "Another."}], 1, 0),
    ],
)
def test_rows_lost_doubled_and_changed_are_counted(
    tmp_path: Path, rows: list[dict[str, Any]], lost: int, doubled: int
) -> None:
    wanted = home_with(tmp_path / "wanted", ROWS)
    picture = take(wanted, [TABLE])
    found = home_with(tmp_path / "found", rows)
    verdict = compare(found, picture, wanted.home)
    assert (verdict.lost, verdict.doubled) == (lost, doubled)
    torn = between(found, picture, picture)
    assert torn.lost == int(bool(lost or doubled))


def test_a_table_without_one_of_its_files_is_unreadable(tmp_path: Path) -> None:
    settings = home_with(tmp_path / "home", ROWS)
    assert unreadable(settings).word == "survived"
    log = next(settings.delta_root.glob("*/*/_delta_log"))
    for file in log.parent.rglob("*.parquet"):
        file.unlink()
    assert unreadable(settings).word == "failed"
