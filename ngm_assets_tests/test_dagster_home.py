"""Where Dagster keeps its runs: one setting, one file, the same for `ngm` and `dagster dev`."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
import yaml

from ngm_assets import dagster_home
from ngm_assets.build import FEATURE_JOB
from ngm_assets.cli.app import main
from ngm_assets.dagster_home import URL_VARIABLE, WRITTEN, Storage, prepare_instance
from ngm_assets.errors import ComputeError, ConfigError
from ngm_assets.orchestration import HOST_TAG, PID_TAG, open_instance, run_job
from ngm_assets.redaction import redacted
from ngm_assets.settings import Settings, load_settings
from ngm_assets_tests.landings import awkward_landing
from ngm_assets_tests.postgres import PASSWORD, Server, postgres_is_there, postgres_server

ADDRESS = "postgresql+psycopg2://ngm:correct-horse@db.example.com:5432/dagster"
START = date(2024, 1, 1)


def settings_of(home: Path, **variables: str) -> Settings:
    """Return settings of a home with these variables."""
    return load_settings(home=home, landing=home / "landing", start_date=START, environ=variables)


def test_sqlite_is_the_default_and_nothing_else_is_known(tmp_path: Path) -> None:
    assert settings_of(tmp_path).dagster_storage == "sqlite"
    assert settings_of(tmp_path, NGM_DAGSTER_STORAGE="postgres").dagster_storage == "postgres"
    with pytest.raises(ConfigError, match="dagster_storage"):
        settings_of(tmp_path, NGM_DAGSTER_STORAGE="mysql")


def test_the_file_names_the_variable_and_never_holds_the_address(tmp_path: Path) -> None:
    prepare_instance(tmp_path, "postgres", {URL_VARIABLE: ADDRESS})
    text = (tmp_path / "dagster.yaml").read_text(encoding="utf-8")
    assert "correct-horse" not in text and "example.com" not in text
    found = yaml.safe_load(text)
    assert found["storage"] == {"postgres": {"postgres_url": {"env": URL_VARIABLE}}}
    assert found["telemetry"] == {"enabled": False}


def test_changing_the_setting_changes_the_file(tmp_path: Path) -> None:
    storages: list[Storage] = ["sqlite", "postgres", "sqlite"]
    for storage in storages:
        prepare_instance(tmp_path, storage, {URL_VARIABLE: ADDRESS})
        assert (tmp_path / "dagster.yaml").read_text(encoding="utf-8") == WRITTEN[storage]
    assert [path.name for path in tmp_path.iterdir()] == ["dagster.yaml"]


def test_a_file_of_ones_own_is_left_alone_but_must_name_a_storage(tmp_path: Path) -> None:
    file = tmp_path / "dagster.yaml"
    file.write_text("concurrency: {runs: {max_concurrent_runs: 3}}\n", encoding="utf-8")
    prepare_instance(tmp_path)
    with pytest.raises(ConfigError, match="names no storage") as caught:
        prepare_instance(tmp_path, "postgres", {URL_VARIABLE: ADDRESS})
    assert caught.value.where == str(file)
    own = "storage: {postgres: {postgres_url: {env: MINE}}}\n"
    file.write_text(own, encoding="utf-8")
    prepare_instance(tmp_path, "postgres", {URL_VARIABLE: ADDRESS})
    assert file.read_text(encoding="utf-8") == own


def test_without_driver_or_address_the_error_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=f"{URL_VARIABLE} is not set"):
        prepare_instance(tmp_path, "postgres", {})
    with pytest.raises(ConfigError, match="does not begin with") as caught:
        prepare_instance(tmp_path, "postgres", {URL_VARIABLE: "postgresql://u:correct-horse@h/d"})
    assert "horse" not in str(caught.value)
    monkeypatch.setattr(dagster_home, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="not installed") as caught:
        prepare_instance(tmp_path, "postgres", {URL_VARIABLE: ADDRESS})
    assert "ngm_assets[postgres]" in caught.value.mend
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_the_file_and_prints_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "dagster", "--home", str(tmp_path / "home")]) == 0
    printed = Path(capsys.readouterr().out.strip())
    assert printed == tmp_path / "home" / "dagster"
    assert (printed / "dagster.yaml").read_text(encoding="utf-8") == WRITTEN["sqlite"]


def test_the_password_is_taken_out_of_texts() -> None:
    given = {URL_VARIABLE: "postgresql+psycopg2://ngm:p%40ss%3Aword@db:5432/dagster"}
    text = redacted(
        "p%40ss%3Aword, p@ss:word, postgresql+psycopg2://ngm:p%40ss%3Aword@db:5432/x", given
    )
    assert "word" not in text.replace("[NGM_DAGSTER_POSTGRES_URL]", "")


def test_runs_of_another_machine_are_left_alone(tmp_path: Path) -> None:
    """Several machines share a database, and each knows only its own processes."""
    settings, ids = settings_of(tmp_path / "home"), (str(uuid.uuid4()), str(uuid.uuid4()))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(timeout=60)
    with open_instance(settings) as instance:
        for run_id, more in zip(ids, ({}, {HOST_TAG: "another machine"}), strict=True):
            tags = {PID_TAG: str(ended.pid), **more}
            status = dg.DagsterRunStatus.STARTED
            instance.add_run(dg.DagsterRun("job", run_id=run_id, status=status, tags=tags))
    with open_instance(settings) as instance:
        runs = [instance.get_run_by_id(run_id) for run_id in ids]
    assert [run.status.value for run in runs if run] == ["FAILURE", "STARTED"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Return a PostgreSQL server."""
    if not postgres_is_there():
        pytest.skip("There is no PostgreSQL: install postgresql.")
    with postgres_server() as started:
        yield started


def test_a_run_is_kept_in_the_database_and_no_password_anywhere(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL_VARIABLE, server.create("dagster"))
    settings = settings_of(tmp_path, NGM_DAGSTER_STORAGE="postgres")
    awkward_landing(tmp_path / "landing", seed=1, days=3, start=START)
    days = START.isoformat(), START.replace(day=2).isoformat()
    with open_instance(settings) as instance:
        run = run_job(settings, instance, FEATURE_JOB, *days, assets=[("gold", "fact_usage")])
        assert run.success
    with open_instance(settings) as instance:
        stored = instance.get_run_by_id(run.run_id)
        assert stored is not None and stored.status == dg.DagsterRunStatus.SUCCESS
        assert instance.get_materialized_partitions(dg.AssetKey(["gold", "fact_usage"])) == {*days}
    assert not list(settings.dagster_home.rglob("*.db"))
    left = [path for path in settings.home.rglob("*") if path.is_file()]
    assert [path for path in left if PASSWORD.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("wrong", ["password", "port"])
def test_a_database_that_does_not_answer_is_named_without_its_password(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    url = server.url("postgres", "wrong-horse-battery")
    if wrong == "port":
        url = url.replace(f":{server.port}/", ":1/")
    monkeypatch.setenv(URL_VARIABLE, url)
    monkeypatch.setattr("dagster_postgres.utils.calculate_delay", lambda **_: 0.0)
    settings = settings_of(tmp_path, NGM_DAGSTER_STORAGE="postgres")
    with pytest.raises(ComputeError, match="does not answer") as caught, open_instance(settings):
        pass
    assert "horse" not in str(caught.value)
