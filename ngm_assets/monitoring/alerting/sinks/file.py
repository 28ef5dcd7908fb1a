"""Tells alerts to a file of JSON lines on this machine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel

from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.alerting.sinks.base import (
    DeliveryError,
    Message,
    SinkOptions,
    Surroundings,
)


class FileOptions(SinkOptions):
    """Options of the file sink.

    Attributes:
        path: File; relative paths start in the home.
    """

    path: Path = Path("alerts.jsonl")


class FileSink:
    """Appends one line per message and waits until the disk has it.

    Raises:
        ConfigError: The environment is not `local`; a cluster's disk goes with the cluster.
    """

    Options: ClassVar[type[BaseModel]] = FileOptions

    def __init__(self, options: FileOptions, surroundings: Surroundings) -> None:
        if not surroundings.local:
            raise ConfigError(
                f"The disk of {surroundings.environment}'s clusters goes with the cluster.",
                mend="Use the sink log or webhook there.",
            )
        self._path = surroundings.home / options.path.expanduser()

    def send(self, message: Message) -> None:
        """Append the message.

        A line that an earlier process left unfinished is ended first. One that cannot be finished,
        on a full disk, is taken back.

        Raises:
            DeliveryError: The file cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                _append(handle, f"{json.dumps(message.fields(), sort_keys=True)}\n".encode())
            finally:
                os.close(handle)
        except OSError as error:
            raise DeliveryError(f"{self._path} cannot be written: {error.strerror}.") from None


def _append(handle: int, line: bytes) -> None:
    """Append a line in one write, alone among the processes that do.

    Raises:
        OSError: It could not be written whole.
    """
    import errno
    import fcntl

    fcntl.flock(handle, fcntl.LOCK_EX)
    size = os.fstat(handle).st_size
    torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
    whole = b"\n" + line if torn else line
    try:
        if os.write(handle, whole) < len(whole):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        os.ftruncate(handle, size)
        raise
    os.fsync(handle)
