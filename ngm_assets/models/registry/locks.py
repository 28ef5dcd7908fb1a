"""Lets one holder at a time change a local store, among all threads and processes of a machine."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OPENING = ".lock"
CHANGING = ".changing.lock"


@contextmanager
def one_at_a_time(folder: Path | None, name: str) -> Iterator[None]:
    """Let one holder at a time into the block, among all threads and processes of this machine.

    The lock is a file below `folder`, let go by the system when its holder dies; without a
    folder, as with a server, there is no lock.
    """
    if folder is None:
        yield
        return
    import fcntl

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / name).open("w")
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES):
            raise
        yield  # nobody can change what cannot be written
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
