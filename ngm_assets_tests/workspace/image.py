"""The Python of an emulated cluster: the libraries of this one, without this project."""

from __future__ import annotations

import sysconfig
import venv
from pathlib import Path

PROJECT = "ngm_assets"


def build_image(folder: Path) -> Path:
    """Make a virtual environment whose libraries are links to those installed here.

    Start-up files (`.pth`) are left out, and with them whatever an editable install provides.

    Returns:
        The interpreter.
    """
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    python = folder / "bin" / "python"
    version = sysconfig.get_python_version()
    packages = folder / "lib" / f"python{version}" / "site-packages"
    for place in dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))):
        for found in Path(place).iterdir():
            link = packages / found.name
            if _belongs(found.name) and not link.exists():
                link.symlink_to(found)
    return python


def _belongs(name: str) -> bool:
    own = name.startswith((PROJECT, f"__editable__.{PROJECT}", f"__editable___{PROJECT}"))
    return not own and not name.endswith((".pth", ".egg-link"))
