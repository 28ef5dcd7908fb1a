"""Paths such as `/dbfs` and `/Volumes` in a process where nothing is mounted there."""

from __future__ import annotations

import builtins
import functools
import io
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

FIRST = ["open", "stat", "lstat", "listdir", "scandir", "mkdir", "remove", "unlink"]
FIRST += ["rmdir", "access", "utime", "chmod"]
BOTH = ["rename", "replace", "link"]


class Mounts:
    """Folders that stand for the roots of other file systems.

    Args:
        folders: Folder by what its paths start with, such as `/dbfs`.
    """

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = {front: str(folder) for front, folder in folders.items()}

    def real(self, path: Any) -> Any:
        """Return the path of a file that is really there; anything else stays as it is."""
        text = path if isinstance(path, str) else None
        if isinstance(path, os.PathLike):
            made = os.fspath(path)
            text = made if isinstance(made, str) else None
        for front, folder in self._folders.items():
            if text is not None and (text == front or text.startswith(f"{front}/")):
                return folder + "/" + text.removeprefix(front).lstrip("/")
        return path

    def install(self) -> None:
        """Make `open`, `os` and the import of modules of this process find the files."""
        builtins.open = io.open = self._first(io.open)
        for name in FIRST:
            setattr(os, name, self._first(getattr(os, name)))
        for name in BOTH:
            setattr(os, name, self._both(getattr(os, name)))
        sys.path_hooks.insert(0, self._importer)

    def _first(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(path: Any = ".", *rest: Any, **named: Any) -> Any:
            if "file" in named or "path" in named:
                key = "file" if "file" in named else "path"
                return function(**{**named, key: self.real(named[key])})
            return function(self.real(path), *rest, **named)

        return call

    def _both(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(source: Any, target: Any, **named: Any) -> Any:
            return function(self.real(source), self.real(target), **named)

        return call

    def _importer(self, entry: str) -> Any:
        real = self.real(entry)
        if real == entry:
            raise ImportError(entry)
        for hook in sys.path_hooks[1:]:
            try:
                return hook(real)
            except ImportError:
                continue
        raise ImportError(entry)
