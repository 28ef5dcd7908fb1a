"""A sink that remembers what it was told, and fails as often as it is asked to."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel

from ngm_assets.monitoring.alerting.sinks.base import (
    DeliveryError,
    Message,
    SinkOptions,
    Surroundings,
)

Told = list[tuple[str, str, str]]


class MemoryOptions(SinkOptions):
    """Options of the memory sink: its name, and how many sends fail, in which way."""

    me: str
    fails: int = 0
    how: str = "again"


class MemorySink:
    """Remembers what it was told, by the subject and the event."""

    Options: ClassVar[type[BaseModel]] = MemoryOptions
    told: ClassVar[Told] = []
    tried: ClassVar[list[str]] = []

    def __init__(self, options: MemoryOptions, surroundings: Surroundings) -> None:
        self.options = options

    def send(self, message: Message) -> None:
        """Remember the message, or fail."""
        self.tried.append(self.options.me)
        if self.tried.count(self.options.me) <= self.options.fails:
            if self.options.how == "broken":
                raise RuntimeError("https://hooks.example/secret")
            raise DeliveryError("Nobody\nlistens.", again=self.options.how == "again")
        self.told.append((self.options.me, message.subject, message.event))


def sink(name: str, **changes: Any) -> dict[str, Any]:
    """Return settings of a memory sink; `fails` and `how` are its options."""
    options = {"me": name} | {k: changes.pop(k) for k in ("fails", "how") if k in changes}
    return {"name": name, "type": f"{__name__}:MemorySink", "options": options, **changes}
