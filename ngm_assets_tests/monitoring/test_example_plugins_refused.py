"""What is wrong with a user's own package is said when the definitions load, and how to mend it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ngm_assets.build import build_defs
from ngm_assets.errors import ConfigError
from ngm_assets.models.estimators.base import GROUP as ESTIMATORS
from ngm_assets.monitoring.alerting.sinks.registry import GROUP as SINKS
from ngm_assets.monitoring.drift.policy import Policy
from ngm_assets.monitoring.drift.statistics.registry import GROUP as STATISTICS
from ngm_assets.monitoring.validation import validate_monitoring
from ngm_assets.settings import Settings, load_settings
from ngm_assets_tests.models.catalogues import load, refusal, write
from ngm_assets_tests.models.making import spec_entry

EXAMPLE = Path(__file__).parents[1] / "example_plugins"
WRONG = """
from ngm_example.hellinger import Hellinger
from ngm_example.ridge import Ridge
from ngm_example.sqlite_sink import SqliteOptions, SqliteSink


class Mute:
    name, kinds, thresholds = "mute", Hellinger.kinds, Hellinger.thresholds
    Options = SqliteOptions

    def __init__(self, *_):
        pass


class Renamed(Hellinger):
    name = "another"


class Shouting(Hellinger):
    name = "Shouting!"


class Raising(Hellinger, SqliteSink):
    def __init__(self, *_):
        raise RuntimeError("no licence")


class Failing(Hellinger):
    name = "failing"

    def evaluate(self, reference, current):
        raise KeyError("table")


class Impostor(Hellinger):
    name = "psi"


class Forgetful:
    fit = Ridge.fit
"""
MODULES = {
    "__init__": "",
    "classes": WRONG,
    "raising": "raise RuntimeError('no licence')\n",
    "unwritten": "class (:\n",
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of modules, all of them wrong, beside the example's that they build on."""
    folder = tmp_path / "site"
    folder.mkdir()
    package = folder / "ngm_wrong"
    package.mkdir()
    for name, text in MODULES.items():
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(EXAMPLE)
    monkeypatch.syspath_prepend(folder)
    for name in [name for name in sys.modules if name.partition(".")[0] == "ngm_wrong"]:
        monkeypatch.delitem(sys.modules, name)
    return folder


def register(site: Path, group: str, name: str, target: str) -> None:
    """Let an installed package name one of its classes."""
    made = site / "ngm_wrong-0.1.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: ngm-wrong\nVersion: 0.1\n")
    (made / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\n")


def settings_of(home: Path, **monitoring: Any) -> Settings:
    """Write settings of monitoring into a home and load them."""
    text = yaml.safe_dump({"monitoring": monitoring})
    (home / "home.yaml").write_text(text, encoding="utf-8")
    return load_settings(env="local", home=home, environ={})


def refused(settings: Settings) -> ConfigError:
    """Return why the definitions do not load."""
    with pytest.raises(ConfigError) as whole:
        build_defs(settings)
    with pytest.raises(ConfigError) as alone:
        validate_monitoring(settings)
    assert str(whole.value) == str(alone.value)
    return whole.value


STATISTIC_FAULTS = {
    "ngm_wrong.classes:Mute": ("cannot `evaluate`", "`evaluate`"),
    "ngm_wrong.classes:Shouting": ("no `name` of small letters", "`name`"),
    "ngm_wrong.classes:Impostor": ("takes the name 'psi'", "`name`"),
    "ngm_wrong.classes:Failing": ("fails on categorical counts", "`evaluate`"),
    "ngm_wrong.classes:Raising": ("RuntimeError: no licence", "out of the settings"),
    "ngm_wrong.classes:Nobody": ("Unknown drift statistic", "package.module:Class"),
    "ngm_wrong.raising:Statistic": ("RuntimeError: no licence", "out of the settings"),
    "ngm_wrong.unwritten:Statistic": ("SyntaxError", "out of the settings"),
    "hellingr": ("Unknown drift statistic", "hellinger"),
}
SINK_FAULTS = {
    "ngm_wrong.classes:Mute": ("cannot `send`", "`send`"),
    "ngm_wrong.classes:Forgetful": ("has no `Options`", "`Options`"),
    "ngm_wrong.classes:Raising": ("cannot be created: RuntimeError", "`send`"),
    "ngm_wrong.classes:Nobody": ("Unknown alert sink", "package.module:Class"),
    "ngm_wrong.raising:Sink": ("RuntimeError: no licence", "out of the settings"),
    "sqlit": ("Unknown alert sink", "sqlite"),
}
ESTIMATOR_FAULTS = {
    "ngm_wrong.classes:Forgetful": ("has no load", "fit and load"),
    "ngm_wrong.classes:Mute": ("has no fit and no load", "fit and load"),
    "ngm_wrong.classes:Nobody": ("Unknown estimator", "package.module:Class"),
    "ngm_wrong.raising:Line": ("RuntimeError: no licence", "out of the settings"),
    "ngm_wrong.unwritten:Line": ("SyntaxError", "out of the settings"),
    "rigde": ("unknown estimator rigde", "Did you mean ridge?"),
}


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("name", STATISTIC_FAULTS)
def test_a_statistic_that_cannot_work_is_refused(name: str, tmp_path: Path) -> None:
    error = refused(settings_of(tmp_path, drift={"policy": {"statistics": ["psi", name]}}))
    what, mend = STATISTIC_FAULTS[name]
    assert repr(name) in error.what
    assert what in error.what
    assert mend in error.mend


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("name", SINK_FAULTS)
def test_a_sink_that_cannot_work_is_refused(name: str, tmp_path: Path) -> None:
    error = refused(settings_of(tmp_path, alerts={"sinks": [{"name": "mine", "type": name}]}))
    what, mend = SINK_FAULTS[name]
    assert repr(name) in error.what
    assert what in error.what
    assert mend in error.mend
    assert error.where == "monitoring.alerts.sinks.mine.type"


@pytest.mark.usefixtures("site")
def test_options_that_a_sink_does_not_know_are_refused(tmp_path: Path) -> None:
    sink = {"name": "mine", "type": "sqlite", "options": {"pathh": "a"}}
    error = refused(settings_of(tmp_path, alerts={"sinks": [sink]}))
    assert "pathh" in error.what
    assert error.mend == "It takes path."


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("name", ESTIMATOR_FAULTS)
def test_an_estimator_that_cannot_work_is_refused(name: str, tmp_path: Path) -> None:
    folder = write(tmp_path, spec_entry("regression", estimator={"type": name}))
    error = refusal(folder)
    what, mend = ESTIMATOR_FAULTS[name]
    assert "regression_model" in error.what
    assert what in error.what
    assert mend in error.mend
    assert error.where.endswith(":estimator.type")


def test_a_statistic_that_calls_itself_otherwise_than_its_entry_point_is_refused(
    site: Path, tmp_path: Path
) -> None:
    register(site, STATISTICS, "renamed", "ngm_wrong.classes:Renamed")
    policy = {"statistics": ["renamed"], "decisive": ["renamed"]}
    error = refused(settings_of(tmp_path, drift={"policy": policy}))
    assert "'renamed' calls itself 'another'" in error.what
    assert "`name`" in error.mend


@pytest.mark.parametrize(
    ("group", "name", "kind"),
    [
        (STATISTICS, "psi", "drift statistic"),
        (STATISTICS, "hellinger", "drift statistic"),
        (SINKS, "log", "alert sink"),
        (SINKS, "sqlite", "alert sink"),
    ],
)
def test_a_name_that_is_taken_is_refused_whether_or_not_it_is_used(
    site: Path, tmp_path: Path, group: str, name: str, kind: str
) -> None:
    register(site, group, name, "ngm_wrong.classes:Renamed")
    error = refused(settings_of(tmp_path))
    assert f"Two {kind}s are named {name!r}" in error.what
    assert "ngm_wrong.classes:Renamed" in error.where
    assert error.mend == "Give the entry point another name."


def test_an_estimators_own_name_that_is_taken_is_refused(site: Path, tmp_path: Path) -> None:
    register(site, ESTIMATORS, "xgboost_regression", "ngm_wrong.classes:Forgetful")
    error = refusal(write(tmp_path, spec_entry("regression")))
    assert "Two estimators are named 'xgboost_regression'" in error.what


def test_an_estimator_of_a_module_without_a_package_is_found(site: Path, tmp_path: Path) -> None:
    (site / "ngm_single.py").write_text("from ngm_example.ridge import Ridge\n", encoding="utf-8")
    entry = spec_entry("regression", estimator={"type": "ngm_single:Ridge"})
    assert len(load(write(tmp_path, entry))) == 1


@pytest.mark.usefixtures("site")
def test_an_installed_statistic_may_be_named_by_its_path_too(tmp_path: Path) -> None:
    policy = {"statistics": [*Policy().statistics, "ngm_example.hellinger:Hellinger"]}
    validate_monitoring(settings_of(tmp_path, drift={"policy": policy}))


def test_an_estimators_name_that_is_taken_twice_is_refused(site: Path, tmp_path: Path) -> None:
    register(site, ESTIMATORS, "ridge", "ngm_wrong.classes:Forgetful")
    error = refusal(write(tmp_path, spec_entry("regression", estimator={"type": "ridge"})))
    assert "Two estimators are named 'ridge'" in error.what
    assert "ngm_wrong.classes:Forgetful" in error.where
