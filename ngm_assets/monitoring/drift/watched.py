"""A version that is watched, and what it keeps of its training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import NgmError, RegistryError
from ngm_assets.models.catalog.spec import ModelSpec
from ngm_assets.models.registry.artifacts import NGM_FOLDER, read_json

if TYPE_CHECKING:
    from ngm_assets.models.registry.registry import ModelRegistry
    from ngm_assets.models.registry.versions import VersionInfo


@dataclass(frozen=True)
class Watched:
    """A version and what it keeps of its training.

    Attributes:
        model: Name of the model.
        version: Number of the version.
        spec: The specification it was made by.
        reference: Its stored reference.
        importance: Weight by feature.
    """

    model: str
    version: int
    spec: ModelSpec
    reference: Mapping[str, Any]
    importance: Mapping[str, float]


def watched_version(registry: ModelRegistry, info: VersionInfo) -> Watched:
    """Read what a version keeps.

    Raises:
        RegistryError: A file is missing or is not what was written.
    """
    try:
        folder = registry.store.artifacts(info.run_id) / NGM_FOLDER
        spec, reference, evaluation = (
            read_json(folder / f"{name}.json") for name in ("spec", "reference", "evaluation")
        )
        return Watched(
            info.model,
            info.version,
            ModelSpec.model_validate(spec),
            {key: reference[key] for key in ("rows", "features", "prediction")}
            | {"label": reference.get("label")},
            {name: float(weight) for name, weight in evaluation["importance"].items()},
        )
    except NgmError:
        raise
    except Exception as error:
        raise RegistryError(
            f"The version's files cannot be used, {type(error).__name__}: {error}",
            where=f"{info.model} version {info.version}",
            mend="Restore the artifact store, or train the partition again.",
        ) from error
