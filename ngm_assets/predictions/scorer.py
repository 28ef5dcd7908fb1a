"""A version that travels to where rows are: its files go along, never a pickled estimator."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.models.data.dataset import scored_rows
from ngm_assets.models.registry.artifacts import MODEL_FOLDER, NGM_FOLDER, read_model
from ngm_assets.models.registry.versions import VersionInfo
from ngm_assets.predictions.scoring import score

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.models.registry.loaded import LoadedModel


@dataclass(frozen=True)
class Scorer:
    """Makes prediction rows out of feature rows with one version.

    Attributes:
        loaded: The version.
        folder: Where its files lie in this process.
        table: Contract of the feature table.
        scored_at: Time stamp of the rows.
        run_id: Run that writes the rows.
    """

    loaded: LoadedModel
    folder: Path
    table: TableContract
    scored_at: datetime
    run_id: str

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Score rows of the scoring query."""
        frame = scored_rows(rows, self.table, self.loaded.contract)
        return score(
            self.loaded, frame.keys, frame.features, scored_at=self.scored_at, run_id=self.run_id
        )

    def __reduce__(self) -> tuple[Callable[..., Scorer], tuple[object, ...]]:
        """Travel as the version's files, which are read again where the scorer arrives."""
        loaded = self.loaded
        version = VersionInfo(
            model=loaded.spec.name,
            version=loaded.version,
            run_id=loaded.run_id,
            as_of=loaded.as_of,
            trained_through=loaded.trained_through,
            tags={},
        )
        return _unpacked, (
            _packed(self.folder),
            version,
            self.table.model_dump_json(),
            self.scored_at,
            self.run_id,
        )


def _packed(folder: Path) -> bytes:
    with io.BytesIO() as content:
        with tarfile.open(fileobj=content, mode="w:gz") as archive:
            for part in (MODEL_FOLDER, NGM_FOLDER):
                archive.add(folder / part, part)
        return content.getvalue()


def _unpacked(
    files: bytes, version: VersionInfo, table: str, scored_at: datetime, run_id: str
) -> Scorer:
    with TemporaryDirectory(prefix="ngm_version_") as name:
        folder = Path(name)
        with tarfile.open(fileobj=io.BytesIO(files)) as archive:
            archive.extractall(folder, filter="data")
        loaded = read_model(version, folder)
    contract = TableContract.model_validate_json(table)
    return Scorer(loaded, folder, contract, scored_at, run_id)
