"""Scoring by a loop: for every model and day load the MLflow model, predict, write a file.

Not every estimator has an MLflow flavor that says what the project says, so the same files are
wrapped as a PythonModel once beforehand: `full` gives whole prediction rows, `bare` the estimator's
prediction alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.pyfunc.model import PythonModel

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.engine.base import Engine
    from ngm_assets.models.registry.registry import ModelRegistry
    from ngm_assets_tests.bench.usage import Clock

KINDS = ("full", "bare")


class Wrapped(PythonModel):
    """A version of this project as a model of MLflow's own kind."""

    def __init__(self, kind: str, model: str, version: int, as_of: str) -> None:
        self.kind, self.model, self.version, self.as_of = kind, model, version, as_of

    def load_context(self, context: Any) -> None:
        """Read the version's files."""
        from ngm_assets.models.registry.artifacts import read_model
        from ngm_assets.models.registry.versions import VersionInfo

        day = date.fromisoformat(self.as_of)
        info = VersionInfo(
            model=self.model,
            version=self.version,
            run_id="",
            as_of=day,
            trained_through=day,
            tags={},
        )
        self.loaded = read_model(info, Path(context.artifacts["version"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Return prediction rows, or keys and predictions."""
        from ngm_assets.predictions.scoring import score
        from ngm_assets_tests.bench.sides.scoring import SCORED_AT

        contract = self.loaded.contract
        names = [*contract.key_columns, contract.date_column]
        keys, features = model_input[names], model_input[list(contract.features)]
        if self.kind == "full":
            return score(self.loaded, keys, features, scored_at=SCORED_AT, run_id="bench")
        return keys.assign(prediction=self.loaded.fitted.predict(features).prediction)


def wrap(registry: ModelRegistry, folder: Path) -> list[str]:
    """Save every champion as a PythonModel and return their names."""
    import mlflow.pyfunc

    from ngm_assets.models.data.dataset import catalog

    names = []
    for spec in catalog():
        champion = registry.champion(spec.name)
        if champion is None:
            continue
        files = registry.folder(spec.name, champion.version)
        for kind in KINDS:
            as_of = champion.as_of.isoformat()
            mlflow.pyfunc.save_model(
                str(folder / kind / spec.name),
                python_model=Wrapped(kind, spec.name, champion.version, as_of),
                artifacts={"version": str(files)},
                pip_requirements=["mlflow"],
            )
        names.append(spec.name)
    (folder / "names.json").write_text(json.dumps(names))
    return names


def score_by_day(
    engine: Engine, folder: Path, days: Sequence[date], out: Path, clock: Clock
) -> dict[str, pd.DataFrame]:
    """Score every model and day; return what was written, by model."""
    import mlflow.pyfunc
    import pandas as pd

    from ngm_assets.models.data.dataset import feature_contract, model_spec, scoring_frame

    found = {}
    for name in json.loads((folder.parent / "names.json").read_text()):
        spec = model_spec(name)
        contract, target = feature_contract(spec), out / name
        target.mkdir(parents=True)
        for day in days:
            with clock():
                frame = scoring_frame(engine, spec, contract, day, day)
                both = frame.keys.join(frame.features[[*_new(frame.features, frame.keys)]])
                model = mlflow.pyfunc.load_model(str(folder / name))
                model.predict(both).to_parquet(target / f"{day}.parquet")
        found[name] = pd.concat([pd.read_parquet(f) for f in sorted(target.glob("*.parquet"))])
    return found


def _new(features: pd.DataFrame, keys: pd.DataFrame) -> list[str]:
    return [name for name in features.columns if name not in keys.columns]
