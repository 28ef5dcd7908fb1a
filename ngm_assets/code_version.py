"""Which commit of the code runs."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "NGM_GIT_SHA"
ROOT = Path(__file__).parents[1]


def git_sha(root: Path = ROOT) -> str:
    """Return the commit checked out in a folder; empty where there is none.

    The environment variable NGM_GIT_SHA says it where the code was installed without its history.
    """
    given = os.environ.get(VARIABLE, "")
    if given:
        return given
    git = root / ".git"
    if not (git / "HEAD").is_file():
        return ""
    head = (git / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith("ref: "):
        return head
    name = head.removeprefix("ref: ")
    if (git / name).is_file():
        return (git / name).read_text(encoding="utf-8").strip()
    packed = git / "packed-refs"
    lines = packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), "")
