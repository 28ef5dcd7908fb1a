"""Tells whether a process of this machine still lives."""

from __future__ import annotations

import os


def alive(pid: int) -> bool:
    """Return whether there is a process of that number, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
