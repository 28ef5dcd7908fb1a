"""The files of a version: written before registration, read back for scoring; never pickled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import RegistryError
from ngm_assets.models.catalog.spec import ModelSpec
from ngm_assets.models.estimators.base import resolve_estimator
from ngm_assets.models.registry.card import card
from ngm_assets.models.registry.loaded import FeatureContract, LoadedModel
from ngm_assets.models.registry.plots import plots
from ngm_assets.models.registry.quiet import quiet

if TYPE_CHECKING:
    from mlflow.models import Model

    from ngm_assets.models.candidate import Candidate
    from ngm_assets.models.registry.versions import VersionInfo

MODEL_FOLDER = "model"
NGM_FOLDER = "ngm"


def write_artifacts(candidate: Candidate, run_id: str, folder: Path) -> None:
    """Write everything a version keeps.

    `model/` is the MLflow model and holds the one copy of the estimator; `ngm/` holds spec.json,
    contract.json, fitted.json, reference.json, evaluation.json; `plots/` pictures; and
    `model_card.md`.

    Args:
        candidate: What was trained.
        run_id: Run the files belong to.
        folder: Empty local folder.
    """
    own = folder / NGM_FOLDER
    own.mkdir(parents=True)
    with quiet():
        meta = _write_model(candidate, run_id, folder / MODEL_FOLDER)
    _write_json(own / "spec.json", candidate.spec.model_dump(mode="json"))
    _write_json(own / "contract.json", candidate.context.contract.to_json())
    _write_json(own / "fitted.json", {"estimator": candidate.spec.estimator.type, "meta": meta})
    _write_json(own / "reference.json", candidate.reference)
    _write_json(own / "evaluation.json", evaluation_record(candidate))
    (folder / "plots").mkdir()
    for name, content in plots(candidate).items():
        (folder / "plots" / name).write_bytes(content)
    (folder / "model_card.md").write_text(card(candidate), encoding="utf-8")


def evaluation_record(candidate: Candidate) -> dict[str, Any]:
    """Return measurements, comparisons and gates as JSON values."""
    return {
        "as_of": candidate.as_of.isoformat(),
        "window": {name: str(day) for name, day in asdict(candidate.window).items()},
        "rows": dict(candidate.rows),
        "class_counts": dict(candidate.class_counts),
        "measured": asdict(candidate.measured),
        "secondary": dict(candidate.secondary),
        "baseline": asdict(candidate.baseline),
        "champion": None if candidate.champion is None else asdict(candidate.champion),
        "champion_version": candidate.champion_version,
        "importance": dict(candidate.importance),
        "decision": asdict(candidate.decision),
    }


def read_model(info: VersionInfo, folder: Path) -> LoadedModel:
    """Load a version from its files.

    Raises:
        RegistryError: A file is missing or is not what was written.
        ModelError: The estimator refuses its file.
    """
    own = folder / NGM_FOLDER
    spec = ModelSpec.model_validate(read_json(own / "spec.json"))
    fitted = read_json(own / "fitted.json")
    estimator = resolve_estimator(fitted["estimator"])
    return LoadedModel(
        spec=spec,
        version=info.version,
        run_id=info.run_id,
        fitted=estimator.load(folder / MODEL_FOLDER, fitted["meta"]),
        contract=FeatureContract.from_json(read_json(own / "contract.json")),
        as_of=info.as_of,
        trained_through=info.trained_through,
        reference=read_json(own / "reference.json"),
    )


def read_json(path: Path) -> Any:
    """Read one JSON file of a version.

    Raises:
        RegistryError: It is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RegistryError(
            f"A file of the version cannot be read: {error}.",
            where=str(path),
            mend="Restore the artifact store, or train the partition again.",
        ) from error


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False, default=_plain)
    path.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return value.item()


def _write_model(candidate: Candidate, run_id: str, folder: Path) -> dict[str, Any]:
    """Write the MLflow model and return the estimator's metadata.

    The flavors name their file as the estimators do, so that there is one copy of it.
    """
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema

    fitted = candidate.fitted
    types = candidate.context.contract.types
    inputs = Schema(
        [ColSpec("string" if types[name] == "string" else "double", name) for name in types]
    )
    signature = ModelSignature(inputs=inputs, outputs=Schema([ColSpec("double")]))
    record = Model(run_id=run_id, artifact_path=MODEL_FOLDER, signature=signature)
    versions = candidate.context.library_versions
    if fitted.flavor == "xgboost":
        import mlflow.xgboost

        mlflow.xgboost.save_model(
            fitted.native,
            str(folder),
            mlflow_model=record,
            model_format="ubj",
            signature=signature,
            pip_requirements=_requirements(versions, "xgboost", "numpy"),
        )
    elif fitted.flavor == "sklearn":
        import mlflow.sklearn

        mlflow.sklearn.save_model(
            fitted.native,
            str(folder),
            mlflow_model=record,
            serialization_format="skops",
            skops_trusted_types=list(fitted.trusted_types),
            signature=signature,
            pip_requirements=_requirements(versions, "scikit-learn", "skops", "numpy"),
        )
    else:
        _write_json_model(record, candidate, folder)
    return fitted.save(folder)


def _write_json_model(record: Model, candidate: Candidate, folder: Path) -> None:
    """Write an MLmodel file for an estimator that is all metadata."""
    folder.mkdir(parents=True)
    record.add_flavor("ngm_assets", data=f"../{NGM_FOLDER}/fitted.json")
    lines = _requirements(candidate.context.library_versions, "numpy")
    (folder / "requirements.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    record.save(str(folder / "MLmodel"))


def _requirements(versions: Mapping[str, str], *names: str) -> list[str]:
    return [f"{name}=={versions[name]}" if name in versions else name for name in names]
