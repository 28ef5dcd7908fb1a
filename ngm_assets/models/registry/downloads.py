"""Files of runs fetched from a server: each run once, into a folder that goes with its owner."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path

Fetch = Callable[[str, Path], object]


class Downloads:
    """Keeps the files of runs on the local disk until it is collected or the process ends.

    The files of a finished run never change, so they are fetched once. A fetch that fails leaves
    nothing behind.
    """

    def __init__(self) -> None:
        """Make nothing yet."""
        self._root: Path | None = None

    def folder(self, run_id: str, fetch: Fetch) -> Path:
        """Return the local folder of a run's files.

        Args:
            run_id: The run.
            fetch: Called with the run and an empty folder to fill, unless that has been done.
        """
        if self._root is None:
            self._root = Path(tempfile.mkdtemp(prefix="ngm_runs_"))
            weakref.finalize(self, shutil.rmtree, self._root, ignore_errors=True)
        target = self._root / run_id
        if not target.is_dir():
            draft = Path(tempfile.mkdtemp(dir=self._root))
            try:
                fetch(run_id, draft)
                draft.rename(target)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
        return target
