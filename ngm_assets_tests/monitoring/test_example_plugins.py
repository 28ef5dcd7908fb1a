"""A package of a user's own: its statistic judges, its sink is told, its estimator scores."""

from __future__ import annotations

import math
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ngm_assets.build import build_defs
from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets.errors import ModelError
from ngm_assets.models.candidate import Candidate
from ngm_assets.models.catalog.spec import ModelSpec
from ngm_assets.models.estimators.base import resolve_estimator
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets.models.training import train
from ngm_assets.monitoring.alerting.delivery import deliver
from ngm_assets.monitoring.drift.distribution import Distribution
from ngm_assets.monitoring.drift.statistics.registry import resolve_statistics
from ngm_assets.predictions.scoring import score
from ngm_assets.settings import Settings, load_settings
from ngm_assets_tests.models.catalogues import load, write
from ngm_assets_tests.models.making import FEATURES, as_of, context, frame_of, spec_entry, spec_of
from ngm_assets_tests.monitoring.alerting.tables import (
    NOON,
    TABLE,
    day,
    drift,
    duckdb_engine,
    run_alerts,
    store,
)
from ngm_assets_tests.monitoring.watched_home import FEATURES as WATCHED
from ngm_assets_tests.monitoring.watched_home import LAST, SHIFTED, TRAINED, Home, Row, open_home
from ngm_assets_tests.pickles import pickles_below

EXAMPLE = Path(__file__).parents[1] / "example_plugins"
HELLINGER, SQLITE, RIDGE = (
    ("hellinger", "ngm_example.hellinger:Hellinger"),
    ("sqlite", "ngm_example.sqlite_sink:SqliteSink"),
    ("ridge", "ngm_example.ridge:Ridge"),
)
MONDAY = date(2026, 5, 4)


@pytest.fixture(params=["entry point", "dotted path"])
def how(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Put the package where Python finds it; return the place of the names that reach it."""
    installed = request.param == "entry point"
    site = tmp_path / "site"
    without = shutil.ignore_patterns("__pycache__", "" if installed else "*.dist-info")
    shutil.copytree(EXAMPLE, site, ignore=without)
    monkeypatch.syspath_prepend(site)
    return 0 if installed else 1


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the package where Python finds it."""
    monkeypatch.syspath_prepend(EXAMPLE)


def settings_of(home: Path, drift: dict[str, Any], *sinks: dict[str, Any]) -> Settings:
    """Write settings into a home and load them."""
    told = {"monitoring": {"drift": {"policy": drift}, "alerts": {"sinks": list(sinks)}}}
    (home / "home.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    return load_settings(env="local", home=home, environ={})


def decided_by(name: str) -> dict[str, Any]:
    """Return a policy in which the example's statistic alone decides."""
    return {"statistics": ["psi", name], "decisive": [HELLINGER[0]]}


def rose(when: date, row: Row) -> Row:
    """Raise one feature in the last week."""
    return row if when <= LAST - timedelta(days=7) else row | {SHIFTED: row[SHIFTED] + 3.0}


def test_the_definitions_load_with_all_of_it(how: int, tmp_path: Path) -> None:
    sink = {"name": "kept", "type": SQLITE[how], "options": {"path": "told.sqlite"}}
    build_defs(settings_of(tmp_path, decided_by(HELLINGER[how]), sink))
    assert not (tmp_path / "told.sqlite").exists()
    (spec,) = load(write(tmp_path, entry(RIDGE[how])))
    assert spec.estimator.type == RIDGE[how]
    assert resolve_estimator(RIDGE[how]).__name__ == "Ridge"


def test_its_statistic_is_in_the_rows_and_decides(how: int, tmp_path: Path) -> None:
    settings_of(tmp_path, decided_by(HELLINGER[how]))
    home: Home = open_home(tmp_path, rose)
    home.train(1, TRAINED)
    rows = [row for row in home.rows(LAST, LAST) if row["table_name"] == WATCHED]
    found = {row["column_name"]: row for row in rows if row["statistic"] == HELLINGER[0]}
    assert found[SHIFTED]["severity"] == "critical"
    assert found[SHIFTED]["value"] > found[SHIFTED]["effect"] >= 0.3
    assert {row["severity"] for name, row in found.items() if name != SHIFTED} == {"none"}
    judged = {row["column_name"]: row["severity"] for row in rows if row["statistic"] == "*"}
    assert (judged[SHIFTED], judged["*"]) == ("critical", "severe")
    assert {row["statistic"] for row in rows} == {"psi", HELLINGER[0], "*"}


@pytest.mark.usefixtures("example")
def test_nothing_drifts_by_a_statistic_whose_bands_are_out_of_reach(tmp_path: Path) -> None:
    bands = {HELLINGER[0]: {"moderate": 2.0, "severe": 2.0, "critical": 2.0}}
    settings_of(tmp_path, {**decided_by(HELLINGER[0]), "bands": bands})
    home = open_home(tmp_path, rose)
    home.train(1, TRAINED)
    judged = [row for row in home.rows(LAST, LAST) if row["statistic"] == "*"]
    assert {row["severity"] for row in judged} == {"none"}


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=12).filter(
        lambda pairs: min(map(sum, zip(*pairs, strict=True))) > 0
    )
)
@pytest.mark.usefixtures("example")
def test_its_distance_is_that_of_the_square_roots(pairs: list[tuple[int, int]]) -> None:
    (statistic,) = resolve_statistics([HELLINGER[0]])
    before, now = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    roots = np.sqrt(before / before.sum()) - np.sqrt(now / now.sum())
    one, other = (
        Distribution("numeric", tuple(int(count) for count in side)) for side in (before, now)
    )
    outcome = statistic.evaluate(one, other)
    assert outcome.value == pytest.approx(math.sqrt((roots**2).sum() / 2), abs=1e-6)
    assert outcome.value is not None and outcome.effect is not None
    assert 0.0 <= outcome.effect <= outcome.value <= 1.0
    assert statistic.evaluate(other, one).value == pytest.approx(outcome.value)


@pytest.mark.usefixtures("example")
def test_its_effect_leaves_out_what_chance_shows() -> None:
    (statistic,) = resolve_statistics([HELLINGER[0]])
    rng = np.random.default_rng(7)
    shares = rng.dirichlet(np.full(10, 5.0))
    squares, chance = [], 9 / 8 * (1 / 400 + 1 / 100)
    for _ in range(400):
        before, now = (rng.multinomial(rows, shares) for rows in (400, 100))
        outcome = statistic.evaluate(
            *(Distribution("numeric", tuple(map(int, counts))) for counts in (before, now))
        )
        assert outcome.value is not None
        squares.append(outcome.value**2)
    assert np.mean(squares) == pytest.approx(chance, rel=0.1)


def kept(path: Path) -> list[tuple[str, ...]]:
    """Return what the sink keeps."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT event, severity, subject FROM messages").fetchall()


def no_wait(seconds: float) -> None:
    """Refuse to wait."""
    raise AssertionError(f"waited {seconds} s")


def alerted(folder: Path, settings: Settings) -> DuckDBEngine:
    """Return an engine over a lakehouse in which an alert is open."""
    engine = duckdb_engine(folder)
    store(engine, "drift_metrics", [drift(0, "severe")])
    run_alerts(engine, settings, 0, 0)
    return engine


def test_its_sink_is_told_an_alert_once(how: int, tmp_path: Path) -> None:
    sink = {"name": "kept", "type": SQLITE[how], "options": {"path": "told.sqlite"}}
    settings = settings_of(tmp_path, {}, sink)
    engine = alerted(tmp_path, settings)
    (row,) = deliver(engine, settings, day(0), NOON, no_wait)
    assert (row["sink"], row["status"], row["event"]) == ("kept", "delivered", "opened")
    assert deliver(engine, settings, day(0), NOON, no_wait) == []
    assert kept(tmp_path / "told.sqlite") == [("opened", "severe", TABLE)]


@pytest.mark.usefixtures("example")
def test_its_sink_says_when_it_cannot_keep_a_message(tmp_path: Path) -> None:
    (tmp_path / "messages.sqlite").mkdir()
    settings = settings_of(tmp_path, {}, {"name": "kept", "type": SQLITE[1]})
    engine = alerted(tmp_path, settings)
    (row,) = deliver(engine, settings, day(0), NOON, lambda _: None)
    assert row["status"] == "failed"
    assert "messages.sqlite cannot be written" in row["reason"]


def entry(kind: str, **params: Any) -> dict[str, Any]:
    """Return a catalogue entry whose model is learnt by an estimator."""
    estimator = {"type": kind, "params": params or {"strength": 2.0}}
    return spec_entry("regression", estimator=estimator, metric={"name": "rmse"})


def trained(spec: ModelSpec) -> Candidate:
    """Train a specification on made-up rows."""
    frame = frame_of(spec.problem)
    return train(spec, frame, as_of=as_of(), champion=None, context=context())


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> ModelRegistry:
    """Return a registry on SQLite; tests keep apart by model name."""
    folder = tmp_path_factory.mktemp("mlflow")
    return ModelRegistry(f"sqlite:///{folder}/mlflow.db", artifact_root=folder / "artifacts")


def test_its_estimator_is_trained_registered_loaded_and_scores(
    how: int, registry: ModelRegistry, tmp_path: Path
) -> None:
    (read,) = load(write(tmp_path, entry(RIDGE[how]) | {"name": f"ridge_{how}"}))
    candidate = trained(read)
    assert candidate.decision.promote, candidate.decision.reason
    assert sum(candidate.importance.values()) == pytest.approx(1.0)
    info = registry.register(candidate)
    when = datetime(2026, 5, 4, tzinfo=UTC)
    registry.promote(info.model, info.version, candidate.decision, "a test", when, "good")
    loaded = registry.load(info.model, info.version)
    assert loaded.spec.estimator.type == RIDGE[how]
    assert pickles_below(Path(registry.store.artifacts(info.run_id))) == []
    frame = frame_of("regression").select(np.arange(90 * 15) < 30)
    rows = score(loaded, frame.keys, frame.features, scored_at=when, run_id="r")
    said = candidate.fitted.predict(frame.features).prediction
    np.testing.assert_array_equal(rows["prediction"], said)
    assert set(rows["model_name"]) == {f"ridge_{how}"}
    assert rows["drivers"].notna().all()


@pytest.mark.usefixtures("example")
def test_its_line_is_that_of_least_squares_with_a_penalty() -> None:
    frame = frame_of("regression")
    assert frame.label is not None
    spec = spec_of("regression", estimator={"type": RIDGE[1], "params": {"strength": 3.0}})
    fitted = resolve_estimator(RIDGE[1]).fit(frame, spec=spec, seed=1)
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    scaled = np.nan_to_num(StandardScaler().fit_transform(frame.matrix()), nan=0.0)
    centre = frame.label.mean()
    theirs = Ridge(alpha=3.0, fit_intercept=False).fit(scaled, frame.label - centre)
    outputs = fitted.predict(frame.features)
    np.testing.assert_allclose(outputs.prediction, theirs.predict(scaled) + centre)
    parts = fitted.contributions(frame.features, np.array([2, 5]))
    assert parts.shape == (2, len(FEATURES))
    np.testing.assert_allclose(parts.sum(axis=1) + centre, outputs.prediction[[2, 5]])
    unknown = pd.DataFrame({name: [np.nan] for name in FEATURES})
    assert fitted.predict(unknown).prediction == pytest.approx(centre)


@pytest.mark.usefixtures("example")
@pytest.mark.parametrize("params", [{"strength": 0}, {"strength": "much"}, {"strenght": 1.0}])
def test_its_estimator_refuses_parameters_it_does_not_know(params: dict[str, Any]) -> None:
    spec = spec_of("regression", estimator={"type": RIDGE[1], "params": params})
    with pytest.raises(ModelError, match="strength"):
        trained(spec)


@pytest.mark.usefixtures("example")
def test_its_estimator_refuses_a_problem_it_does_not_serve() -> None:
    with pytest.raises(ModelError, match="problem binary"):
        trained(spec_of("binary", estimator={"type": RIDGE[1]}))
