"""One trained candidate per problem and one MLflow store, shared because both cost seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ngm_assets.models.candidate import Candidate
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets.models.training import train
from ngm_assets_tests.models import making


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for MLflow whose path holds a space."""
    folder = tmp_path_factory.mktemp("mlflow") / "with space"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def registry(store_folder: Path) -> ModelRegistry:
    """Return a registry on SQLite; tests keep apart by model name."""
    return ModelRegistry(f"sqlite:///{store_folder}/ml flow.db", artifact_root=store_folder / "art")


def _candidate(problem: str) -> Candidate:
    return train(
        making.spec_of(problem),
        making.frame_of(problem),
        as_of=making.as_of(),
        champion=None,
        context=making.context(),
    )


@pytest.fixture(scope="session")
def binary() -> Candidate:
    """Return a trained binary candidate."""
    return _candidate("binary")


@pytest.fixture(scope="session")
def regression() -> Candidate:
    """Return a trained regression candidate."""
    return _candidate("regression")


@pytest.fixture(scope="session")
def quantile() -> Candidate:
    """Return a trained quantile candidate."""
    return _candidate("quantile")


@pytest.fixture(scope="session")
def multiclass() -> Candidate:
    """Return a trained multiclass candidate."""
    return _candidate("multiclass")


@pytest.fixture(scope="session")
def texts() -> Candidate:
    """Return a trained classifier of names."""
    return train(
        making.text_spec(),
        making.text_frame(),
        as_of=making.as_of(30),
        champion=None,
        context=replace(making.context(), contract=making.text_contract()),
    )


@pytest.fixture(scope="session")
def anomaly() -> Candidate:
    """Return a trained anomaly candidate."""
    return _candidate("anomaly")


@pytest.fixture(scope="session")
def forest() -> Candidate:
    """Return a trained anomaly candidate whose estimator is stored by skops."""
    estimator = {"type": "isolation_forest", "params": {"trees": 20}}
    return train(
        making.spec_of("anomaly", estimator=estimator),
        making.frame_of("anomaly"),
        as_of=making.as_of(),
        champion=None,
        context=making.context(),
    )
