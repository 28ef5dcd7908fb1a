"""`ngm monitor report` as its users meet it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ngm_assets.cli.app import main
from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.report.page import SHOWN_DAYS, write_report
from ngm_assets.platform import open_platform
from ngm_assets.settings import load_settings
from ngm_assets_tests.monitoring.alerting.tables import day, drift, quality, store
from ngm_assets_tests.monitoring.report.rows import Page

Ngm = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ngm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Ngm:
    """Return a function that runs the command on a home with three judged days."""
    monkeypatch.setenv("NGM_DEBUG", "0")
    monkeypatch.setenv("NGM_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "400")
    engine = open_platform(load_settings(env="local", home=tmp_path, environ={})).engine
    store(engine, "drift_metrics", [drift(number) for number in range(3)])
    store(engine, "data_quality", [quality(3, "fresh", "failed")])

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["monitor", "report", *words])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, said.out, said.err

    return run


def test_the_page_is_in_the_home_and_its_path_is_told(ngm: Ngm, tmp_path: Path) -> None:
    path = tmp_path / "reports" / "monitoring.html"
    assert ngm() == (0, f"{path}\n", "")
    page = path.read_text(encoding="utf-8")
    assert Page(page).faults == []
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert ngm()[0] == 0
    assert path.read_text(encoding="utf-8") == page


def test_the_newest_stored_day_and_those_before_it_are_shown(ngm: Ngm, tmp_path: Path) -> None:
    ngm()
    said = Page((tmp_path / "reports" / "monitoring.html").read_text(encoding="utf-8")).text
    assert f"{day(3 - SHOWN_DAYS + 1)} to {day(3)}" in said
    assert f"did not pass on {day(3)}" in said


def test_file_and_days_can_be_chosen(ngm: Ngm, tmp_path: Path) -> None:
    path = tmp_path / "some where" / "page"
    days = ["--from", str(day(1)), "--to", str(day(1))]
    assert ngm(*days, "--out", str(path)) == (0, f"{path}\n", "")
    read = Page(path.read_text(encoding="utf-8"))
    assert len(read.cells) == 1
    assert "Nothing was checked in these days." in read.text
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        (["--from", "June"], ["--from", "'June' is not a day", "YYYY-MM-DD"]),
        (["--to", "2026-13-01"], ["--to", "YYYY-MM-DD"]),
        (["--from", "2026-06-17", "--to", "2026-06-16"], ["lies after", "Swap the two days"]),
        (["--from", "2026-07-01", "--to", "2026-07-02"], ["Nothing is stored of monitoring from"]),
        (["--from", "2030-01-01"], ["lies after"]),
    ],
)
def test_days_that_cannot_be_shown_are_refused_with_a_remedy(
    ngm: Ngm, tmp_path: Path, words: list[str], texts: list[str]
) -> None:
    code, out, err = ngm(*words)
    assert (code, out) == (1, "")
    for text in ("ConfigError: ", *texts, "mend:"):
        assert text in err
    assert not (tmp_path / "reports").exists()


def test_a_home_that_monitoring_never_saw_says_so(ngm: Ngm, tmp_path: Path) -> None:
    code, out, err = ngm("--home", str(tmp_path / "other"))
    assert (code, out) == (1, "")
    assert "Nothing is stored of monitoring." in err


def test_a_file_that_cannot_be_written_is_named(ngm: Ngm, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    code, _, err = ngm("--out", str(folder))
    assert code == 1
    assert "folder cannot be written: " in err
    below = tmp_path / "file" / "page.html"
    below.parent.write_text("{}", encoding="utf-8")
    assert "cannot be written" in ngm("--out", str(below))[2]
    assert not list(tmp_path.glob("*.part"))


def test_an_old_page_stays_whole_when_the_new_one_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.html"
    write_report("old", path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        write_report("new", path)
    assert path.read_text(encoding="utf-8") == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


def test_on_databricks_the_tables_are_reached_from_clusters_only(
    ngm: Ngm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "https://workspace.example")
    code, _, err = ngm("--env", "dev")
    assert code == 1
    assert "on its clusters only" in err
