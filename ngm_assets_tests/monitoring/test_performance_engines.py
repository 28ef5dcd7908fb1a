"""Both engines find the same performance and the same quality."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ngm_assets.monitoring.performance.rows import new_labels, performance_rows
from ngm_assets.monitoring.quality.raw_counts import raw_counts
from ngm_assets.monitoring.quality.rows import quality_rows
from ngm_assets.platform import Platform
from ngm_assets.raw.landing import Landing
from ngm_assets_tests.engine.sessions import store_raw, unity_engine
from ngm_assets_tests.monitoring.made_models import DAYS, WORLDS
from ngm_assets_tests.monitoring.made_tables import Promised, day
from ngm_assets_tests.raw.files import QUERIES, put, statements

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def on_spark(spark: SparkSession, platform: Platform, catalog: Path) -> Platform:
    """Return a platform whose engine reads a copy of the tables on Spark."""
    landing = Landing(platform.settings.local_landing)
    engine = unity_engine(spark, catalog, store_raw(landing, catalog.parent / "raw"))
    for schema in ("features", "gold", "predictions"):
        if (platform.settings.delta_root / schema).is_dir():
            shutil.copytree(
                platform.settings.delta_root / schema, catalog / "dev" / schema, dirs_exist_ok=True
            )
    return replace(platform, engine=engine)


@pytest.mark.parametrize("name", ["tagging", "spending"])
def test_spark_finds_what_duckdb_finds(
    local_spark: SparkSession, tmp_path: Path, name: str
) -> None:
    world = WORLDS[name](np.random.default_rng(5))
    local = world.written(tmp_path / "home")
    put(tmp_path / "home" / "landing", QUERIES, "0.parquet", statements("a", "b"))
    there = on_spark(local_spark, local, tmp_path / "catalog")
    registry = Promised(world.model, {1: (0.5, 0.4, 0.6), 2: (0.5, 0.4, 0.6)}).as_registry()
    models, days = [world.model], (day(29), day(DAYS - 1))
    on_duckdb, found = (performance_rows(each, registry, *days, models) for each in (local, there))
    assert found == on_duckdb
    labels = [new_labels(each, registry, day(40), models) for each in (local, there)]
    assert labels[0] == labels[1]
    assert quality_rows(there, day(40), day(41)) == quality_rows(local, day(40), day(41))
    counts = [raw_counts(each, day(0), day(9)) for each in (local, there)]
    assert counts[0] == counts[1]
    assert counts[0]["fact_query_history"] == {day(3): 2}
