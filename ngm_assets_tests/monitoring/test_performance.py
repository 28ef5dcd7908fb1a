"""Live metrics are those of predictions and labels that were known, whatever range is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from ngm_assets.engine.base import Engine, Query
from ngm_assets.errors import ComputeError
from ngm_assets.models.data.dataset import catalog, model_spec
from ngm_assets.models.evaluation.metrics import metrics
from ngm_assets.monitoring.performance.rows import new_labels, performance_rows
from ngm_assets.monitoring.tables import monitoring_contracts
from ngm_assets.platform import Platform
from ngm_assets_tests.monitoring.made_models import DAYS, SECOND_VERSION_FROM, WORLDS, World
from ngm_assets_tests.monitoring.made_tables import Promised, day, empty_platform, store_predictions

WINDOW = 28
Rows = list[dict[str, Any]]


class Written(NamedTuple):
    """A world, the platform that holds it, and the registry of its model."""

    world: World
    platform: Platform
    registry: Promised

    def rows(self, first: int, last: int) -> Rows:
        """Return the rows of a range of days."""
        model = self.world.model
        return performance_rows(
            self.platform, self.registry.as_registry(), day(first), day(last), [model]
        )

    def row(self, today: int) -> dict[str, Any]:
        """Return the row of a day for whichever version was in force."""
        return self.rows(today, today)[0]


@pytest.fixture(scope="module", params=list(WORLDS))
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Return each world in turn."""
    return make(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def caching(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Return the world of a binary model with a horizon of a week."""
    return make("caching", tmp_path_factory.mktemp("one"))


def make(name: str, folder: Path) -> Written:
    """Write a world."""
    world = WORLDS[name](np.random.default_rng(5))
    registry = Promised(world.model, {1: (0.5, 0.4, 0.6), 2: (0.55, 0.45, 0.65)})
    return Written(world, world.written(folder), registry)


def expected(world: World, today: int, version: int = 0) -> dict[str, Any]:
    """Return what a row should say, worked out key by key."""
    spec = model_spec(world.model)
    known = world.outcomes(today, WINDOW)
    if version:
        known = known[known.version == version]
    ripe = known[known.truth.notna()]
    compared = ripe[ripe.baseline.notna()]
    events = spec.problem in ("binary", "anomaly")
    return {
        "predictions": len(known),
        "labels": len(ripe),
        "positives": int(ripe.truth.sum()) if events else None,
        "value": world.metric(ripe),
        "baseline_value": world.metric(compared.assign(output=compared.baseline)),
    }


@pytest.mark.parametrize("today", [36, DAYS - 2, DAYS - 1])
def test_the_live_metric_is_that_of_labels_told_key_by_key(written: Written, today: int) -> None:
    rows = written.rows(today, today)
    assert [row["model_version"] for row in rows] == [0, 1, 2]
    for version, row in enumerate(rows):
        wanted = expected(written.world, today, version)
        for name in ("predictions", "labels", "positives"):
            assert row[name] == wanted[name]
        assert row["value"] == pytest.approx(wanted["value"], rel=1e-9)
        if version == 0:
            assert row["labels"] >= 30
            assert row["value_low"] < row["value"] < row["value_high"]
            assert row["baseline_value"] == pytest.approx(wanted["baseline_value"], rel=1e-9)


def test_a_range_gives_the_rows_of_its_days(written: Written) -> None:
    """Among them days without gold, one after another and alone, and the first of a version."""
    whole = written.rows(23, 34)
    assert whole == written.rows(23, 34)
    assert {row["monitor_date"] for row in whole} == {day(today) for today in range(23, 35)}
    for today in (24, 25, 26, 30, 34):
        alone = [row for row in whole if row["monitor_date"] == day(today)]
        assert alone == written.rows(today, today)


@pytest.mark.parametrize("today", [30, 38])
def test_nothing_dated_later_changes_a_row(written: Written, tmp_path: Path, today: int) -> None:
    then = written.world.until(today).written(tmp_path)
    asked = written.registry.as_registry()
    rows = performance_rows(then, asked, day(today), day(today), [written.world.model])
    assert rows == written.rows(today, today)
    assert any(row["labels"] for row in rows)


def test_the_rows_fit_their_table_and_stay_when_stored_again(written: Written) -> None:
    contract, engine = monitoring_contracts()["model_performance"], written.platform.engine
    rows = written.rows(38, 40)
    engine.store(contract, rows, day(38), day(40))
    assert engine.store(contract, written.rows(38, 40), day(38), day(40)) == ()
    keys = [tuple(row[name] for name in contract.key) for row in rows]
    assert len(set(keys)) == len(keys)
    assert all(set(row) == set(contract.column_names) for row in rows)
    for column in contract.columns:
        if column.accepted:
            assert {row[column.name] for row in rows} <= set(column.accepted)


def test_a_label_that_is_a_day_short_does_not_count(caching: Written) -> None:
    first = int(caching.world.features.t.min())
    horizon = model_spec(caching.world.model).horizon_days
    early, ripe = caching.row(first + horizon - 1), caching.row(first + horizon)
    assert (early["predictions"], early["labels"]) == (0, 0)
    assert (early["status"], early["reason"]) == (
        "could_not_evaluate",
        "no predictions in the window",
    )
    assert ripe["labels"] == expected(caching.world, first + horizon)["labels"] > 0
    assert ripe["window_end"] == day(first)


def test_a_window_names_its_days_and_every_version_that_predicted_in_it(caching: Written) -> None:
    rows = caching.rows(SECOND_VERSION_FROM + 6, SECOND_VERSION_FROM + 7)
    before, after = ([r["model_version"] for r in rows if r["monitor_date"] == d] for d in days())
    assert (before, after) == ([0, 1], [0, 1, 2])
    last = rows[-1]
    assert (last["window_end"] - last["window_start"]).days == WINDOW - 1
    assert (last["monitor_date"] - last["window_end"]).days == 7


def days() -> tuple[date, date]:
    """Return the last day with one version in the window, and the first with two."""
    return day(SECOND_VERSION_FROM + 6), day(SECOND_VERSION_FROM + 7)


def test_version_0_is_held_against_the_newest_version_of_the_window(caching: Written) -> None:
    alone, both = caching.row(SECOND_VERSION_FROM + 6), caching.row(SECOND_VERSION_FROM + 7)
    assert (alone["holdout_value"], both["holdout_value"]) == (0.5, 0.55)
    assert both["holdout_low"] == 0.45


def test_one_version_in_the_window_says_the_same_as_version_0(caching: Written) -> None:
    whoever, first = caching.rows(30, 30)
    assert first == whoever | {"model_version": 1}


UNREADABLE: dict[str, dict[str, Any]] = {
    "lost": {"broken": (2,)},
    "unknown": {"holdouts": {}},
    "no value": {"holdouts": {1: (0.5, 0.4, 0.6), 2: (None, None, None)}},
    "other metric": {"metric": "roc_auc"},
    "other label": {"column": "another"},
    "no interval": {"holdouts": {1: (0.5, 0.4, 0.6), 2: (0.5, None, None)}},
}


@pytest.mark.parametrize("fault", UNREADABLE)
def test_without_a_fit_holdout_the_metric_stands_alone_and_says_why(
    caching: Written, fault: str
) -> None:
    broken = caching._replace(registry=replace(caching.registry, **UNREADABLE[fault]))
    row = broken.row(DAYS - 1)
    assert row["value"] == caching.row(DAYS - 1)["value"]
    assert (row["status"], row["severity"]) == ("could_not_evaluate", "none")
    assert row["reason"]


def test_few_labels_few_days_and_one_class_are_not_judged(tmp_path: Path) -> None:
    world = WORLDS["caching"](np.random.default_rng(5))
    few = replace(world, predictions=world.predictions[world.predictions.key == "k0"])
    week = replace(world, predictions=world.predictions[world.predictions.t >= DAYS - 20])
    only = replace(world, features=world.features.assign(cache_hit_share=0.9))
    for name, one in (("few", few), ("week", week), ("only", only)):
        holder = Written(one, one.written(tmp_path / name), Promised(world.model, {1: (1, 1, 1)}))
        row = holder.row(DAYS - 1)
        assert row["status"] == "could_not_evaluate"
        assert {"few": "of at least 30", "week": "days of at least 21", "only": "positives"}[
            name
        ] in row["reason"]
        assert row["labels"] > 0


class Broken:
    """An engine that fails whatever it is asked."""

    def frame(self, _query: Query) -> Any:
        """Fail."""
        raise ComputeError("The cluster is gone.")

    rows = frame


def test_a_model_that_cannot_be_read_has_rows_that_say_why(caching: Written) -> None:
    engine: Engine = Broken()  # type: ignore[assignment]
    broken = caching._replace(platform=replace(caching.platform, engine=engine))
    rows = broken.rows(30, 31)
    assert [row["reason"] for row in rows] == ["ComputeError: The cluster is gone."] * 2
    assert {row["status"] for row in rows} == {"could_not_evaluate"}
    model, asked = caching.world.model, caching.registry.as_registry()
    assert new_labels(broken.platform, asked, day(30), [model]) == {}


def test_every_model_of_the_catalogue_has_a_row_before_anything_ran(tmp_path: Path) -> None:
    registry = Promised("none", {}).as_registry()
    rows = performance_rows(empty_platform(tmp_path), registry, day(0), day(0))
    assert [row["model_name"] for row in rows] == [spec.name for spec in catalog()]
    assert {row["reason"] for row in rows} == {"no predictions in the window"}
    for row in rows:
        metric = metrics()[row["metric"]]
        assert row["direction"] == metric.direction


def test_new_labels_are_those_ripe_since_the_champion_was_trained(written: Written) -> None:
    world, today, seen = written.world, 40, 20
    horizon = model_spec(world.model).horizon_days
    registry = replace(written.registry, trained_through={1: day(5), 2: day(seen)})
    found = new_labels(written.platform, registry.as_registry(), day(today), [world.model])
    everything = world.outcomes(today, today - horizon - seen)
    assert found == {world.model: int(everything.truth.notna().sum())}
    assert found[world.model] > 0
    late = replace(written.registry, trained_through={1: day(5), 2: day(today - horizon)})
    assert new_labels(written.platform, late.as_registry(), day(today), [world.model]) == {
        world.model: 0
    }


def test_predictions_without_an_output_are_none(tmp_path: Path) -> None:
    world = WORLDS["freshness"](np.random.default_rng(5))
    platform = world.written(tmp_path)
    silent = world.predictions[world.predictions.t == 30].to_dict("records")
    rows = [
        {"catalog_name": r["key"], "snapshot_date": day(30), "model_version": 2} for r in silent
    ]
    store_predictions(platform, world.model, rows)
    told = Written(world, platform, Promised(world.model, {1: (0.5, 0.4, 0.6), 2: (0.5, 0.4, 0.6)}))
    whole = expected(world, 31)
    assert told.row(31)["predictions"] == whole["predictions"] - len(rows)
