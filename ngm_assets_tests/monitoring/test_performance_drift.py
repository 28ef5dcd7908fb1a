"""What features cannot show: the world answers them otherwise, and only performance tells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ngm_assets.engine.base import Window
from ngm_assets.features.tables import feature_contracts
from ngm_assets.models.data.dataset import model_spec
from ngm_assets.monitoring.drift.measure import measure_drift
from ngm_assets.monitoring.drift.policy import Policy
from ngm_assets.monitoring.performance.rows import performance_rows
from ngm_assets.platform import Platform
from ngm_assets_tests.monitoring.made_models import WORLDS, World
from ngm_assets_tests.monitoring.made_tables import Promised, day
from ngm_assets_tests.monitoring.windows import reference_of

MODEL = "cache_hit_predictor"
DAYS, KEYS, TURN = 80, 12, 35
"""Days, warehouses, and the day from which the world answers otherwise."""
WATCHED = ("cache_hit_share", "query_count")


def world_that_turns(*, turns: bool) -> World:
    """Return warehouses whose statement count foretells tomorrow's cache hits, until it does not.

    Half of the counts and half of the shares are high throughout; from `TURN` on a high count goes
    before a low share.
    """
    rng = np.random.default_rng(11)
    rows = pd.DataFrame([(f"k{k}", t) for t in range(DAYS) for k in range(KEYS)])
    rows.columns = pd.Index(["key", "t"])
    rows["query_count"] = rng.integers(1, 101, len(rows))
    before = rows.groupby("key").query_count.shift(fill_value=50)
    noisy = before + rng.normal(0, 10, len(rows)) > 50
    answered = noisy ^ (rows.t > TURN) if turns else noisy
    rows["cache_hit_share"] = np.where(answered, 0.3, 0.0) + rng.random(len(rows)) * 0.29
    said = rows[["key", "t"]].assign(probability=rows.query_count / 101, model_version=1)
    base = WORLDS["caching"](rng)
    return replace(base, features=rows, predictions=said)


def performance(platform: Platform, today: int) -> dict[str, Any]:
    """Return what is said of the model on a day."""
    registry = Promised(MODEL, {1: (0.95, 0.9, 1.0)}).as_registry()
    return performance_rows(platform, registry, day(today), day(today), [MODEL])[0]


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Platform]:
    """Return the world that turns, and where it is written."""
    world = world_that_turns(turns=True)
    return world, world.written(tmp_path_factory.mktemp("turned"))


def test_a_model_that_is_as_good_as_promised_is_stable(tmp_path: Path) -> None:
    row = performance(world_that_turns(turns=False).written(tmp_path), DAYS - 1)
    assert (row["status"], row["severity"], row["reason"]) == ("stable", "none", "")
    assert row["value"] == pytest.approx(0.95, abs=0.05)


def test_labels_that_change_degrade_it_while_its_features_stay(
    turned: tuple[World, Platform],
) -> None:
    world, platform = turned
    before, after = performance(platform, TURN), performance(platform, DAYS - 1)
    assert before["status"] == "stable"
    assert after["status"] == "degraded"
    assert after["severity"] == "critical"
    assert after["relative_loss"] > 0.4
    assert after["baseline_gain_high"] < 0
    past = world.features[world.features.t <= TURN]
    reference = {name: reference_of(name, past[name].to_numpy(float)) for name in WATCHED}
    contract = feature_contracts()[model_spec(MODEL).feature_table]
    drift = measure_drift(
        platform.engine, contract, reference, Window(day(TURN + 1), day(DAYS - 1)), Policy()
    )
    assert drift.passed
    assert drift.severity == "none"


def test_it_is_told_no_earlier_than_the_labels_of_the_change_are_ripe(
    turned: tuple[World, Platform],
) -> None:
    _world, platform = turned
    horizon = model_spec(MODEL).horizon_days
    assert performance(platform, TURN + horizon - 1)["status"] == "stable"
