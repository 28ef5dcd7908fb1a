"""Tells alerts to the log of the process."""

from __future__ import annotations

import logging
from typing import ClassVar

from pydantic import BaseModel

from ngm_assets.monitoring.alerting.sinks.base import Message, SinkOptions, Surroundings

LOGGER = "ngm_assets.alerts"
LEVELS = {"moderate": logging.WARNING, "severe": logging.ERROR, "critical": logging.CRITICAL}


class LogSink:
    """Writes a line to the logger `ngm_assets.alerts`, recoveries as warnings too.

    Levels below warning are dropped by most processes, and what is told must be seen.
    """

    Options: ClassVar[type[BaseModel]] = SinkOptions

    def __init__(self, options: SinkOptions, surroundings: Surroundings) -> None:
        self._options = options

    def send(self, message: Message) -> None:
        """Log the message."""
        closed = message.event == "closed"
        level = logging.WARNING if closed else LEVELS.get(message.severity, logging.ERROR)
        logging.getLogger(LOGGER).log(level, "%s", message.text)
