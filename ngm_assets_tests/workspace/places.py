"""Paths that clients name, as files below a folder of the emulated workspace."""

from __future__ import annotations

from pathlib import Path
from posixpath import normpath

from ngm_assets_tests.workspace.http import invalid


def below(root: Path, path: str) -> Path:
    """Return the file of an absolute path.

    Raises:
        ApiError: The path is not absolute, or has `.` or `..` in it.
    """
    if not path.startswith("/") or {".", ".."} & set(path.split("/")):
        raise invalid(f"Path must be absolute: {path}")
    return root / normpath(path).lstrip("/")


def told(root: Path, file: Path) -> str:
    """Return the absolute path clients name a file by."""
    return "/" + file.relative_to(root).as_posix().removeprefix(".")
