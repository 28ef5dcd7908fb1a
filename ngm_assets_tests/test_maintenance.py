"""Maintenance of a whole home: by the command, by the Dagster job, and in Unity Catalog."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from deltalake import DeltaTable, write_deltalake

from ngm_assets.build import build_defs
from ngm_assets.cli.app import main
from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets.maintenance.job import MAINTENANCE_JOB
from ngm_assets.maintenance.tables import maintain_tables, maintenance_statements
from ngm_assets.platform import Platform, all_contracts, open_platform
from ngm_assets.settings import Settings, load_settings
from ngm_assets_tests.estate import read_rows, write_features, write_gold
from ngm_assets_tests.landings import awkward_landing

START = date(2023, 11, 20)
FIRST, LAST = START + timedelta(days=20), START + timedelta(days=24)
GOLD = ("gold.fact_usage", "gold.fact_usage_rejects")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a landing and a home whose days were written one by one."""
    folder = tmp_path_factory.mktemp("made")
    awkward_landing(folder / "landing", seed=3, days=30, start=START)
    platform = opened(folder)
    for number in range(5):
        day = FIRST + timedelta(days=number)
        write_gold(platform, day, day, ["fact_usage"])
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """Return a copy of it whose usage has its rows in several files, out of order."""
    shutil.copytree(made, tmp_path / "made")
    scatter(opened(tmp_path / "made"))
    return tmp_path / "made"


def opened(folder: Path) -> Platform:
    """Open the tables of a folder."""
    return open_platform(settings_of(folder))


def settings_of(folder: Path) -> Settings:
    """Return the settings of a folder."""
    return load_settings(
        home=folder / "home", landing=folder / "landing", start_date=START, environ={}
    )


def lake(platform: Platform) -> DeltaLakehouse:
    """Return the tables."""
    assert isinstance(platform.lakehouse, DeltaLakehouse)
    return platform.lakehouse


def scatter(platform: Platform) -> None:
    """Write the rows of usage again, backwards, in three files a day."""
    folder = lake(platform).path("gold.fact_usage")
    rows = DeltaTable(folder).to_pyarrow_table()
    backwards = rows.take(list(reversed(range(rows.num_rows))))
    for part in range(3):
        some = backwards.take(list(range(part, rows.num_rows, 3)))
        write_deltalake(folder, some, mode="overwrite" if part == 0 else "append")


def values(platform: Platform, name: str) -> list[str]:
    """Return the rows of a table as texts, sorted."""
    return sorted(map(repr, read_rows(platform, name)))


def test_features_do_not_depend_on_files_or_on_the_order_of_rows_in_them(
    made: Path, home: Path
) -> None:
    found = []
    plain, maintained = home.parent / "plain", home.parent / "maintained"
    shutil.copytree(made, plain)
    shutil.copytree(home, maintained)
    assert sum(each.merged for each in maintain_tables(opened(maintained))) >= 15
    for folder in (plain, home, maintained):
        platform = opened(folder)
        write_features(platform, FIRST, LAST, ["cost_features", "job_cost_features"])
        found.append(
            [values(platform, f"features.{n}") for n in ("cost_features", "job_cost_features")]
        )
    assert found[0][0] and found[0][1]
    assert found[0] == found[1] == found[2]


def test_the_command_says_what_it_did_and_does_nothing_twice(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*words: str) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert main(["maintain", "--home", str(home / "home"), "--json", *words]) == 0
        rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return rows

    before = {name: values(opened(home), name) for name in GOLD}
    would, done, again = told("--dry-run"), told(), told()
    assert [row["table"] for row in done] == list(GOLD)
    assert [row["merged"] for row in would] == [row["merged"] for row in done]
    assert (done[0]["merged"], done[0]["files_after"]) == (15, 5)
    assert all(row["merged"] == row["deleted"] == row["freed"] == 0 for row in again)
    assert {name: values(opened(home), name) for name in GOLD} == before
    assert main(["maintain", "--home", str(home / "home"), "--dry-run"]) == 0
    assert "nothing changed" in capsys.readouterr().out


def test_the_command_on_a_home_without_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["maintain", "--home", str(tmp_path / "new")]) == 0
    assert "no tables yet" in capsys.readouterr().out


def test_a_broken_table_fails_the_command_by_name_and_the_others_are_maintained(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = lake(opened(home)).path("gold.fact_usage_rejects") / "_delta_log"
    (broken / f"{0:020}.json").write_text("{", encoding="utf-8")
    assert main(["maintain", "--home", str(home / "home")]) == 1
    said = capsys.readouterr()
    assert "gold.fact_usage_rejects" in said.err
    assert len(DeltaTable(lake(opened(home)).path("gold.fact_usage")).file_uris()) == 5


def test_the_job_maintains_and_records_what_it_did(home: Path) -> None:
    job = build_defs(settings_of(home)).resolve_job_def(MAINTENANCE_JOB)
    with dg.instance_for_test() as instance:
        result = job.execute_in_process(instance=instance)
    assert result.success
    (told,) = [event for event in result.all_node_events if event.is_successful_output]
    metadata = told.step_output_data.metadata
    shown = metadata["tables"]
    assert isinstance(shown, dg.TableMetadataValue)
    table = shown.records
    assert [record.data["table"] for record in table] == list(GOLD)
    assert table[0].data["files after"] == 5
    assert "freed_bytes" in metadata


def test_the_schedule_is_weekly_and_off() -> None:
    defs = build_defs(load_settings(env="local", environ={}))
    schedule = defs.resolve_schedule_def("maintenance_schedule")
    assert schedule.job_name == MAINTENANCE_JOB
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED


def test_on_databricks_the_command_prints_its_statements(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "https://workspace.example.com")
    assert main(["maintain", "--env", "dev", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * len(all_contracts())
    assert "OPTIMIZE `dev`.`gold`.`fact_usage`;" in lines
    assert "VACUUM `dev`.`gold`.`fact_usage`;" in lines
    assert [f"{text};" for text in maintenance_statements(load_settings(env="dev"))] == lines
