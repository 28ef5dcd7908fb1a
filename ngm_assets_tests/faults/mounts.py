"""Mounts a home on a small disk or read-only, where this machine permits it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = 4096


def permitted(folder: Path) -> bool:
    """Return whether a file system can be mounted; it takes a superuser."""
    folder.mkdir(parents=True, exist_ok=True)
    if not _done("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)):
        return False
    return _done("umount", str(folder))


def used(folder: Path) -> int:
    """Return the bytes a folder's files take in whole pages."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sum(-(-path.stat().st_size // PAGE) * PAGE for path in files)


@contextmanager
def small_disk(home: Path, size: int) -> Iterator[None]:
    """Lay an empty disk of some bytes over a home, as long as the block lasts."""
    home.mkdir(exist_ok=True)
    _must("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(home))
    try:
        yield
    finally:
        _must("umount", "-l", str(home))


def grow(home: Path) -> None:
    """Give the disk of a home plenty of room."""
    _must("mount", "-o", "remount,size=2g", str(home))


@contextmanager
def read_only(home: Path) -> Iterator[None]:
    """Make a home read-only as long as the block lasts."""
    _must("mount", "--bind", str(home), str(home))
    try:
        _must("mount", "-o", "remount,ro,bind", str(home))
        yield
    finally:
        _must("umount", "-l", str(home))


def _done(*words: str) -> bool:
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _must(*words: str) -> None:
    subprocess.run(words, capture_output=True, check=True)
