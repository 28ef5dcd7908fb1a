"""Finds pickles below a folder: by name, by content, inside archives, named by MLflow's files."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickletools
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

SUFFIXES = frozenset({".pkl", ".pickle", ".pck", ".joblib", ".cloudpickle", ".dill", ".pt", ".pth"})
FORMATS = re.compile(r"pickle|joblib|dill", re.IGNORECASE)
SAFE_FORMATS = {"serialization_format": {"skops"}, "model_format": {"ubj", "json"}}
PYFUNC_LOADERS = frozenset({"mlflow.sklearn", "mlflow.xgboost"})
PACKED: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ": lzma.decompress,
    b"x\x01": zlib.decompress,
    b"x\x5e": zlib.decompress,
    b"x\x9c": zlib.decompress,
    b"x\xda": zlib.decompress,
}
_MAGIC = re.compile(rb"\x80[\x00-\x05]")


def pickles_below(folder: Path) -> list[Path]:
    """Return every file below a folder that is, holds or loads a pickle; sorted.

    A file counts by its name, by its opcodes (also when compressed), by its members if it is a zip
    archive such as a skops file (named `archive/member`), by an object array if it is a numpy file,
    and by what its flavors name if it is an MLmodel file.
    """
    found: list[Path] = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found += [path / inner for inner in pickles_in(path.name, path.read_bytes())]
    return found


def pickles_in(name: str, content: bytes) -> Iterator[PurePosixPath]:
    """Yield where in a file pickles are: "." for itself, else paths of archive members."""
    if PurePosixPath(name).suffix.lower() in SUFFIXES or is_pickle(content):
        yield PurePosixPath()
    elif name == "MLmodel":
        if list(unsafe_flavors(content.decode())):
            yield PurePosixPath()
    elif zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                for inner in pickles_in(PurePosixPath(member).name, archive.read(member)):
                    yield PurePosixPath(member) / inner


def is_pickle(content: bytes) -> bool:
    """Return whether bytes are a pickle of any protocol, compressed or not, or load as one."""
    if _MAGIC.match(content):
        return True
    if content.startswith(b"\x93NUMPY"):
        return b"|O" in content[:512].split(b"\n", 1)[0]
    for magic, unpack in PACKED.items():
        if content.startswith(magic):
            try:
                return is_pickle(unpack(content))
            except (OSError, EOFError, zlib.error, lzma.LZMAError):
                return False
    return _is_old_pickle(content)


def _is_old_pickle(content: bytes) -> bool:
    """Return whether bytes are opcodes to the end: protocols 0 and 1 have no mark in front."""
    if not content.endswith(b"."):
        return False
    try:
        codes = [(code.name, place) for code, _, place in pickletools.genops(content)]
    except (ValueError, IndexError, UnicodeDecodeError):
        return False
    return len(codes) > 1 and codes[-1] == ("STOP", len(content) - 1)


def unsafe_flavors(text: str) -> Iterator[str]:
    """Yield what an MLmodel file says that would load a pickle, as "flavor.key: value"."""
    flavors: dict[str, dict[str, Any]] = (yaml.safe_load(text) or {}).get("flavors", {})
    for flavor, settings in flavors.items():
        for key, value in settings.items():
            safe = SAFE_FORMATS.get(key)
            strange = safe is not None and value not in safe
            strange |= key == "loader_module" and value not in PYFUNC_LOADERS
            strange |= key == "python_model" or FORMATS.search(str(value)) is not None
            strange |= PurePosixPath(str(value)).suffix.lower() in SUFFIXES
            if strange:
                yield f"{flavor}.{key}: {value}"
