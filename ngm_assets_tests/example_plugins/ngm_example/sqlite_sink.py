"""Tells alerts to a table of an SQLite file, for those who would rather ask than be told."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
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

TABLE = """
CREATE TABLE IF NOT EXISTS messages (
    key TEXT PRIMARY KEY, alert_id TEXT, event TEXT, severity TEXT, subject TEXT, message TEXT
)
"""


class SqliteOptions(SinkOptions):
    """Options of the sink.

    Attributes:
        path: File; relative paths start in the home.
    """

    path: Path = Path("messages.sqlite")


class SqliteSink:
    """Keeps one row per message; one that is sent again is kept once.

    Raises:
        ConfigError: The environment is not `local`; a cluster's disk goes with the cluster.
    """

    Options: ClassVar[type[BaseModel]] = SqliteOptions

    def __init__(self, options: SqliteOptions, surroundings: Surroundings) -> None:
        if not surroundings.local:
            raise ConfigError(
                f"{surroundings.environment} keeps no files.", mend="Use the sink webhook there."
            )
        self._path = surroundings.home / options.path

    def send(self, message: Message) -> None:
        """Keep the message.

        Raises:
            DeliveryError: The file cannot be written.
        """
        told = (message.alert_id, message.event, message.severity, message.subject)
        row = (message.key, *told, json.dumps(message.fields()))
        try:
            with closing(sqlite3.connect(self._path)) as connection, connection:
                connection.execute(TABLE)
                connection.execute("INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise DeliveryError(f"{self._path.name} cannot be written: {error}.") from None
