"""The MLflow experiment all runs belong to: found, or made where it may be made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from ngm_assets.errors import RegistryError
from ngm_assets.models.registry import workspace
from ngm_assets.models.registry.refusals import EXISTS, code_of, explained

if TYPE_CHECKING:
    from mlflow import MlflowClient


def experiment_id(
    client: MlflowClient, name: str, tracking_uri: str, artifact_root: Path | None
) -> str:
    """Return an experiment's id; create the experiment if it is not there.

    Args:
        client: Of the tracking server.
        name: Of the experiment; in a Databricks workspace a path, whose folder is made as well.
        tracking_uri: Where runs are tracked.
        artifact_root: Folder for artifacts of a new experiment; None = the server's default.

    Raises:
        RegistryError: It may not be read or created, or new files would go elsewhere.
    """
    with explained(name):
        found = client.get_experiment_by_name(name)
        if found is None:
            location = None if artifact_root is None else artifact_root.absolute().as_uri()
            if workspace.is_workspace(tracking_uri):
                workspace.make_parent(tracking_uri, name)
            try:
                return str(client.create_experiment(name, location))
            except Exception as error:
                if code_of(error) not in EXISTS:
                    raise
                found = client.get_experiment_by_name(name)
    if found is None:
        raise RegistryError(
            "The experiment can be neither read nor created.",
            where=name,
            mend="Restore it in MLflow if it was deleted.",
        )
    _require_own_place(str(found.artifact_location), artifact_root)
    return str(found.experiment_id)


def require_database(tracking_uri: str, artifact_root: Path | None) -> None:
    """Refuse to make a new database where an old one is gone.

    Raises:
        RegistryError: There are files of runs, but no database that knows them.
    """
    database = Path(tracking_uri.removeprefix("sqlite:///"))
    if artifact_root is None or database.is_file() or not artifact_root.is_dir():
        return
    runs = [path for path in artifact_root.iterdir() if (path / "artifacts").is_dir()]
    if runs:
        raise RegistryError(
            f"The MLflow database is gone, though there are files of {len(runs)} runs.",
            where=str(database),
            mend=f"Put it back; or, to begin without any model, move {artifact_root} away.",
        )


def _require_own_place(location: str, artifact_root: Path | None) -> None:
    """Refuse to write where a local store lay before it was moved or copied.

    Raises:
        RegistryError: New files would go to the former place.
    """
    if artifact_root is None or not location.startswith("file:"):
        return
    former = Path(unquote(urlparse(location).path))
    if former.resolve() != artifact_root.resolve():
        raise RegistryError(
            "The home was moved or copied: new versions would go to its former place.",
            where=str(former),
            mend="Read, score and explain here, but train where the home was made or in a "
            "new home.",
        )
