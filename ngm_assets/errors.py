"""The errors this project raises on purpose: each says what happened, where, and how to mend it."""

from __future__ import annotations

DISK_FULL = ("disk I/O error", "database or disk is full", "No space left on device")
"""What SQLite, the system and the libraries above them say when a disk is full."""


class NgmError(Exception):
    """Base of all deliberate errors.

    Args:
        what: What happened, in one sentence.
        where: The file, table, column or field concerned; may be empty.
        mend: What the reader can do about it; may be empty.
    """

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.mend = mend

    def __str__(self) -> str:
        """Return the message with its place and its remedy, a line each."""
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.mend:
            lines.append(f"  mend:  {self.mend}")
        return "\n".join(lines)


class ConfigError(NgmError):
    """A setting, catalogue entry or contract file is wrong."""


class DataError(NgmError):
    """Raw or stored data break their contract."""


class ComputeError(NgmError):
    """A query or a step failed in an engine."""


class ModelError(NgmError):
    """A model cannot be trained, evaluated or applied."""


class InsufficientData(ModelError):
    """Too few rows, days or classes to train or judge a model honestly."""


class RegistryError(NgmError):
    """The model registry refused or lost something."""
