"""No file of a stored version is, holds or names a pickle, whatever the problem."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ngm_assets.models.candidate import Candidate
from ngm_assets.models.registry.registry import ModelRegistry
from ngm_assets_tests.models.making import renamed
from ngm_assets_tests.pickles import pickles_below

MONDAY = date(2026, 5, 4)


@pytest.mark.parametrize(
    "problem", ["binary", "regression", "quantile", "multiclass", "texts", "anomaly", "forest"]
)
def test_no_file_of_a_registered_version_is_a_pickle(
    problem: str, registry: ModelRegistry, request: pytest.FixtureRequest
) -> None:
    candidate: Candidate = request.getfixturevalue(problem)
    info = registry.register(renamed(candidate, f"unpickled_{problem}", key="a", as_of=MONDAY))
    folder = Path(registry.store.artifacts(info.run_id))
    names = {path.name for path in folder.rglob("*")}
    native = {"xgboost": {"model.ubj"}, "sklearn": {"model.skops"}, "json": set[str]()}
    assert {"MLmodel", "spec.json", "fitted.json"} | native[candidate.fitted.flavor] <= names
    assert pickles_below(folder) == []
