"""The document on monitoring says what is: settings load, names exist, numbers are the code's."""

from __future__ import annotations

import re
import shlex
from datetime import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from ngm_assets.build import MONITORING_JOB, build_defs
from ngm_assets.cli.app import main
from ngm_assets.models.estimators.base import GROUP as ESTIMATORS
from ngm_assets.monitoring.alerting.sinks.file import FileSink
from ngm_assets.monitoring.alerting.sinks.log import LogSink
from ngm_assets.monitoring.alerting.sinks.registry import GROUP as SINKS
from ngm_assets.monitoring.alerting.sinks.registry import resolve_sinks
from ngm_assets.monitoring.alerting.sinks.webhook import WebhookSink, signature
from ngm_assets.monitoring.checks import DRIFT
from ngm_assets.monitoring.drift.policy import Policy
from ngm_assets.monitoring.drift.statistics.registry import GROUP as STATISTICS
from ngm_assets.monitoring.drift.statistics.registry import resolve_statistics
from ngm_assets.monitoring.performance.loss import CRITICAL_FACTOR
from ngm_assets.monitoring.sensors import AGAIN
from ngm_assets.monitoring.tables import monitoring_contracts
from ngm_assets.settings import Settings, load_settings
from ngm_assets.watching import Watching
from ngm_assets_tests.monitoring.alerting.tables import message

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
FLAT = " ".join(TEXT.split())
SETTINGS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
QUOTED = re.findall(r"`([^`\n]+)`", TEXT)
COMMANDS = [text for text in QUOTED if text.startswith("ngm ")]
DEFAULTS = Watching()
KINDS = {"numbers": {"numeric"}, "texts": {"categorical"}, "both": {"numeric", "categorical"}}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return the local environment under the settings that are shown."""
    home = tmp_path_factory.mktemp("home")
    (block,) = SETTINGS
    (home / "home.yaml").write_text(block, encoding="utf-8")
    return load_settings(env="local", home=home, environ={})


@pytest.fixture(scope="module")
def names(settings: Settings) -> set[str]:
    """Return the names of all jobs and sensors of an environment that runs by itself."""
    defs = build_defs(settings.model_copy(update={"schedules": True}))
    repository = defs.get_repository_def()
    return {*repository.job_names, *(each.name for each in repository.sensor_defs)}


def test_the_settings_shown_load_and_make_sinks(settings: Settings) -> None:
    shown: dict[str, Any] = yaml.safe_load(SETTINGS[0])
    asked = settings.monitoring.alerts.sinks
    assert [sink.name for sink in asked] == [
        sink["name"] for sink in shown["monitoring"]["alerts"]["sinks"]
    ]
    kinds = [type(sink) for sink in resolve_sinks(settings, {}).values()]
    assert kinds == [LogSink, FileSink, WebhookSink]
    hours = asked[2].quiet_hours
    assert hours is not None
    assert (hours.start, hours.end, hours.zone) == (time(22), time(7), "Europe/Berlin")
    assert [sink.least for sink in asked] == ["moderate", "moderate", "severe"]


def test_every_table_is_described_and_every_described_one_exists() -> None:
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \|", TEXT.split("## Drift")[0], re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"[a-z_]+", row)}
    contracts = monitoring_contracts()
    assert named == set(contracts)
    assert {contract.partition for contract in contracts.values()} == {"monitor_date"}


def test_files_and_folders_it_names_exist() -> None:
    linked = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert linked
    folders = [text for text in QUOTED if text.startswith("ngm_assets_tests/")]
    assert folders
    wrong = [name for name in linked if not (ROOT / "docs" / name).is_file()]
    assert wrong + [name for name in folders if not (ROOT / name).is_dir()] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_it_names_exists_with_its_options(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(command)[1:]
    path = words[:2] if words[0] in ("alerts", "monitor") else words[:1]
    assert main([*path, "--help"]) == 0
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    assert {word for word in words if word.startswith("--")} <= known


def test_there_are_commands_to_look_at() -> None:
    assert {"ngm run", "ngm alerts", "ngm monitor report"} <= set(COMMANDS)
    assert any(command.startswith("ngm drift ") for command in COMMANDS)
    assert any(command.startswith("ngm alerts ack ") for command in COMMANDS)


def test_jobs_and_sensors_it_names_exist_and_all_are_named(names: set[str]) -> None:
    named = {text for text in QUOTED if re.fullmatch(r"[a-z_]+_(sensor|pipeline)", text)}
    assert named <= names
    assert {name for name in names if name.endswith("_sensor")} <= named
    assert MONITORING_JOB in named


def test_the_check_and_its_numbers_are_named() -> None:
    source = (ROOT / "ngm_assets" / "monitoring" / "checks.py").read_text(encoding="utf-8")
    assert f"`{DRIFT}`" in TEXT
    for name in ("max_psi", "drifted_share"):
        assert f"`{name}`" in TEXT
        assert f'"{name}":' in source


def statistics_said() -> dict[str, tuple[set[str], str]]:
    """Return kinds of columns and the text on bands by the name of a statistic."""
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \| ([^|]+) \| ([^|]+) \|", TEXT, re.MULTILINE)
    said = {}
    for listed, kinds, bands in rows:
        each = re.findall(r"[a-z_]+", listed)
        for name, kind in zip(each, kinds.split(";") * len(each), strict=False):
            meant = [KINDS[word] for word in re.findall("numbers|texts|both", kind)]
            said[name] = (set().union(*meant), bands)
    return said


def test_statistics_are_those_of_the_policy_and_the_decisive_ones_have_their_bands() -> None:
    policy, said = Policy(), statistics_said()
    assert set(said) == set(policy.statistics)
    assert {name for name, (_, bands) in said.items() if "recorded" not in bands} == set(
        policy.decisive
    )
    for statistic in policy.resolved():
        numbers = [float(text) for text in re.findall(r"\d+\.\d+", said[statistic.name][1])]
        if statistic.name in policy.decisive:
            bands = policy.bands_of(statistic)
            assert numbers == [bands.moderate, bands.severe, bands.critical], statistic.name


@pytest.mark.parametrize("name", Policy().statistics)
def test_a_statistic_is_for_the_columns_that_are_stated(name: str) -> None:
    (statistic,) = resolve_statistics([name])
    assert statistics_said()[name][0] == statistic.kinds


NUMBERS = {
    r"A window of (\d+) days \(`drift.window_days`\)": DEFAULTS.drift.window_days,
    r"\(p at most ([0-9.]+) after": Policy().significance,
    r"hold (\d+) % or \d+ % of the model's importance": Policy().severe_share * 100,
    r"hold \d+ % or (\d+) % of the model's importance": Policy().critical_share * 100,
    r"Over (\d+) feature dates": DEFAULTS.performance.window_days,
    r"lost at least (\d+) % of the holdout's value": DEFAULTS.performance.loss * 100,
    r"Fewer than (\d+) labels": DEFAULTS.performance.min_labels,
    r"severe on (\d+) of the last \d+ days": DEFAULTS.retraining.severe_days,
    r"severe on \d+ of the last (\d+) days": DEFAULTS.retraining.of_days,
    r"a cooldown of (\d+) days": DEFAULTS.retraining.cooldown_days,
    r"fewer than (\d+) new labels": DEFAULTS.retraining.min_new_labels,
    r"counts the last (\d+) days again": DEFAULTS.late_days,
    r"closes after (\d+) quiet days": DEFAULTS.alerts.close_after_days,
}


@pytest.mark.parametrize("sentence", NUMBERS)
def test_a_number_it_states_is_the_default(sentence: str) -> None:
    found = re.findall(sentence, FLAT)
    assert len(found) == 1
    assert float(found[0]) == pytest.approx(NUMBERS[sentence])


def test_words_for_numbers_are_the_codes_too() -> None:
    assert "critical at twice the loss" in FLAT
    assert CRITICAL_FACTOR == 2.0
    assert "`alert_delivery_sensor` an hour later" in FLAT
    assert AGAIN.total_seconds() == 3600


@pytest.mark.parametrize("env", ["local", "rnd", "dev", "uat", "preprod", "prod"])
def test_no_environment_changes_the_defaults_that_are_stated(env: str, tmp_path: Path) -> None:
    host = {"DATABRICKS_HOST": "https://workspace.example"}
    found = load_settings(env=env, home=tmp_path, environ=host).monitoring
    changed = {"alerts": DEFAULTS.alerts.model_copy(update={"sinks": found.alerts.sinks})}
    assert found == DEFAULTS.model_copy(update=changed)


def test_a_webhook_is_signed_as_described() -> None:
    assert '`X-NGM-Timestamp` and `X-NGM-Signature: sha256=<HMAC of timestamp, ".", body>`' in FLAT
    made = signature("key", message(), b"{}")
    assert set(made) == {"X-NGM-Timestamp", "X-NGM-Signature"}
    assert made["X-NGM-Signature"].startswith("sha256=")


def test_the_groups_and_what_a_class_must_have_are_named() -> None:
    for group in (STATISTICS, SINKS, ESTIMATORS):
        assert f"`{group}`" in TEXT
    (psi,) = resolve_statistics(["psi"])
    for part in ("name", "kinds", "thresholds", "evaluate"):
        assert f"`{part}`" in TEXT
        assert hasattr(psi, part)
    assert "`send`" in TEXT
    assert callable(LogSink.send)
