"""The documents say what is: README commands run, dictionary and decisions are current."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from ngm_assets.build import MONITORING_JOB
from ngm_assets.cli.app import main
from ngm_assets.dictionary import dictionary
from ngm_assets.orchestration import open_instance, run_job
from ngm_assets.settings import load_settings
from ngm_assets_tests.whole import Whole

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
LINES = [line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines()]
COMMANDS = [line for line in LINES if line.startswith("ngm ")]
TARGETS = [line.split()[1] for line in LINES if line.startswith("make ")]


def test_the_readme_has_commands_to_test() -> None:
    assert len(COMMANDS) >= 6
    assert {"demo", "test"} <= set(TARGETS)


SPECIAL = ("ngm bench", "ngm run", "ngm explain", "ngm models rollback")
"""Commands that name days, keys or versions of the demo, or change what others read."""


MONITORED = ("ngm drift", "ngm monitor")
"""Commands that show what monitoring stored."""


@pytest.fixture(scope="module")
def monitored(whole: Whole, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the home in which the drift of the last day was judged."""
    home = tmp_path_factory.mktemp("monitored") / "home"
    shutil.copytree(whole.settings.home, home, ignore=shutil.ignore_patterns("dagster"))
    settings = load_settings(home=home, environ={})
    day = whole.plan.end.isoformat()
    keys = [("monitoring", "drift_metrics")]
    with open_instance(settings) as instance:
        assert run_job(settings, instance, MONITORING_JOB, day, day, assets=keys).success
    return home


@pytest.mark.parametrize("command", [c for c in COMMANDS if not c.startswith(SPECIAL)])
def test_a_command_of_the_readme_runs(
    command: str,
    whole: Whole,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    watched = command.startswith(MONITORED)
    home = request.getfixturevalue("monitored") if watched else whole.settings.home
    capsys.readouterr()
    monkeypatch.setenv("NGM_HOME", str(home))
    code = main(shlex.split(command)[1:])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    assert captured.out.strip()


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith(SPECIAL)])
def test_a_special_command_of_the_readme_has_options_that_exist(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = next(special for special in SPECIAL if command.startswith(special))
    assert main([*name.split()[1:], "--help"]) == 0
    text = capsys.readouterr().out
    assert {word for word in shlex.split(command) if word.startswith("--")} <= set(
        re.findall(r"--[a-z-]+", text)
    )


@pytest.mark.parametrize("target", TARGETS)
def test_a_make_target_of_the_readme_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_column_dictionary_is_current() -> None:
    written = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert written == dictionary(), "run: ngm dictionary > docs/tables.md"


def test_every_decision_is_listed_and_every_listed_decision_exists() -> None:
    folder = ROOT / "docs" / "adr"
    listed = set(re.findall(r"\((\d{4}-[a-z0-9-]+\.md)\)", (folder / "README.md").read_text()))
    assert listed == {path.name for path in folder.glob("0*.md")}


def test_folders_the_readme_names_exist() -> None:
    named = set(re.findall(r"`((?:ngm_assets|docs)/[a-z_/.]+)`", README))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
