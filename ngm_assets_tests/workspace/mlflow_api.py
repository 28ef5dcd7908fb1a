"""MLflow in the emulated workspace: tracking, models in Unity Catalog, and the files of both."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ngm_assets_tests.workspace.http import Entry
from ngm_assets_tests.workspace.mlflow_registry import UnityRegistry
from ngm_assets_tests.workspace.mlflow_storage import Storage
from ngm_assets_tests.workspace.mlflow_tracking import Tracking

if TYPE_CHECKING:
    from ngm_assets_tests.workspace.server import EmulatedWorkspace


class MlflowApi:
    """A part of the workspace; add it last, for it serves some folders of the Files API.

    Args:
        root: Folder of everything it keeps.
        has_schema: Whether there is a schema, named `catalog.schema`.
        folders: Folders of the workspace.

    Attributes:
        storage: Files of runs and versions.
        tracking: Experiments and runs.
        registry: Models and their versions.
    """

    def __init__(self, root: Path, has_schema: Callable[[str], bool], folders: set[str]) -> None:
        self.storage = Storage(root / "files")
        self.tracking = Tracking(root, self.storage, folders)
        self.registry = UnityRegistry(self.storage, has_schema)

    @classmethod
    def added_to(cls, workspace: EmulatedWorkspace) -> Self:
        """Add MLflow to a workspace, whose schemas may hold models, and return it."""
        made = cls(
            workspace.root / "mlflow",
            lambda name: workspace.catalog.exists("schema", name),
            workspace.directory.folders,
        )
        workspace.add(made)
        return made

    def routes(self) -> Iterable[Entry]:
        """Return the routes of all three."""
        for part in (self.storage, self.tracking, self.registry):
            yield from part.routes()

    def close(self) -> None:
        """Let go of database and ports."""
        self.tracking.close()
        self.storage.close()
