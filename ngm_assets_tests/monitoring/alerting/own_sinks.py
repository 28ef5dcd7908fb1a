"""Alert sinks of a user's own: one as it should be, and some that are not."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.alerting.sinks.base import Message, SinkOptions, Surroundings


class PagerOptions(SinkOptions):
    """Options of the pager."""

    number: int


class Pager:
    """Would page somebody."""

    Options: ClassVar[type[BaseModel]] = PagerOptions

    def __init__(self, options: PagerOptions, surroundings: Surroundings) -> None:
        self.number = options.number
        self.environment = surroundings.environment

    def send(self, message: Message) -> None:
        """Do nothing."""


class Picky(Pager):
    """Refuses its options."""

    def __init__(self, options: PagerOptions, surroundings: Surroundings) -> None:
        raise ConfigError("Nobody has this number.", mend="Ask for another.")


class Fragile(Pager):
    """Breaks while it is created."""

    def __init__(self, options: PagerOptions, surroundings: Surroundings) -> None:
        raise RuntimeError("number 7 is secret")


class Optionless:
    """Has no options."""

    def send(self, message: Message) -> None:
        """Do nothing."""


class Mute:
    """Cannot send."""

    Options = PagerOptions


def function() -> None:
    """Is no class."""
