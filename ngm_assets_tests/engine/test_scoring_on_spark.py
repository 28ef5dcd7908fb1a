"""Champions score on Spark's executors what they score here, and leave alone what is the same."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ngm_assets.models.data.dataset import catalog, named
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets.platform import Platform, open_registry
from ngm_assets.predictions.partition import WHEN_AND_WHO, ScoredDays, score_days
from ngm_assets.predictions.tables import prediction_contract
from ngm_assets_tests.comparing import assert_same_rows
from ngm_assets_tests.engine.sessions import unity_engine
from ngm_assets_tests.estate import read_rows
from ngm_assets_tests.whole import Whole

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TOLERANCE = 1e-9
LATER = datetime(2031, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class OnSpark:
    """The features of the whole estate in an emulated catalog, and the registry of its models."""

    platform: Platform
    registry: ModelRegistry
    whole: Whole

    def score(self, model: str, days: list[date], run_id: str = "spark") -> ScoredDays:
        """Score days of a model."""
        spec = named(model)
        return score_days(self.platform, self.registry, spec, days, scored_at=LATER, run_id=run_id)


@pytest.fixture(scope="module")
def on_spark(
    spark: SparkSession, whole: Whole, tmp_path_factory: pytest.TempPathFactory
) -> OnSpark:
    """Copy the features, which are Delta tables for both."""
    root = tmp_path_factory.mktemp("catalog")
    engine = unity_engine(spark, root)
    source = whole.settings.delta_root / "features"
    shutil.copytree(source, root / "dev" / "features", dirs_exist_ok=True)
    platform = Platform(whole.settings, engine, engine.lakehouse, dict(whole.platform.contracts))
    return OnSpark(platform, open_registry(whole.settings), whole)


def one_per_estimator(whole: Whole) -> list[str]:
    """Return a model with a champion for every kind of estimator."""
    registry = open_registry(whole.settings)
    found: dict[str, str] = {}
    for spec in catalog():
        if spec.estimator.type not in found and registry.champion(spec.name) is not None:
            found[spec.estimator.type] = spec.name
    return list(found.values())


def test_every_kind_of_model_scores_the_same_rows_on_spark(on_spark: OnSpark) -> None:
    models = one_per_estimator(on_spark.whole)
    assert len(models) >= 4
    for model in models:
        contract = prediction_contract(named(model))
        theirs = read_rows(on_spark.whole.platform, contract.full_name)
        days = sorted({row[contract.partition] for row in theirs})[-3:]
        done = on_spark.score(model, days)
        mine = read_rows(on_spark.platform, contract.full_name)
        assert mine, model
        assert done.changed == tuple(days)
        assert_same_rows(
            model,
            [without(row) for row in mine],
            [without(row) for row in theirs if row[contract.partition] in days],
            [contract.partition, *contract.entity_key],
            tolerance=TOLERANCE,
        )
        stored = on_spark.platform.lakehouse.version(contract.full_name)
        again = on_spark.score(model, days, run_id="again")
        assert again.changed == ()
        assert (again.scored, again.flagged) == (done.scored, done.flagged)
        assert on_spark.platform.lakehouse.version(contract.full_name) == stored
        assert {row["run_id"] for row in read_rows(on_spark.platform, contract.full_name)} == {
            "spark"
        }


def without(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without when and by whom it was written."""
    return {name: value for name, value in row.items() if name not in WHEN_AND_WHO}


def test_no_pickle_of_an_estimator_travels(on_spark: OnSpark, tmp_path: Path) -> None:
    import pickle

    from ngm_assets.features.tables import feature_contracts
    from ngm_assets.predictions.scorer import Scorer
    from ngm_assets_tests.pickles import pickles_below

    model = one_per_estimator(on_spark.whole)[0]
    spec, champion = named(model), on_spark.registry.champion(model)
    assert champion is not None
    scorer = Scorer(
        on_spark.registry.load(model, champion.version),
        on_spark.registry.folder(model, champion.version),
        feature_contracts()[spec.feature_table],
        LATER,
        "run",
    )
    make, (files, *_) = scorer.__reduce__()
    assert isinstance(files, bytes)
    (tmp_path / "files.tar.gz").write_bytes(files)
    shutil.unpack_archive(tmp_path / "files.tar.gz", tmp_path / "files", filter="data")
    assert pickles_below(tmp_path / "files") == []
    sent = pickle.dumps(scorer)
    assert b"xgboost" not in sent.replace(files, b"")
    assert b"sklearn" not in sent.replace(files, b"")
    assert make.__name__ == "_unpacked"
