"""The contract of an alert sink: what it is told, and how it says that it could not pass it on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from ngm_assets.errors import NgmError

Event = Literal["opened", "escalated", "closed"]


class DeliveryError(NgmError):
    """A sink could not pass a message on. Its text is stored: it must hold no secret.

    Args:
        what: What happened, in one sentence.
        again: Whether trying again at once may help.
    """

    def __init__(self, what: str, *, again: bool = True) -> None:
        super().__init__(what)
        self.again = again


@dataclass(frozen=True)
class Link:
    """Where more can be seen."""

    title: str
    url: str


@dataclass(frozen=True)
class Message:
    """One event of one alert, to be told.

    Attributes:
        alert_id: Id of the alert, the same in all its messages.
        event: What happened to it.
        kind: drift, performance, data_quality or pipeline_failure.
        subject: Table, model or asset it is about.
        severity: Worst severity since it opened.
        opened_on: Day it opened.
        changed_on: Day of the event.
        models: Models it touches.
        title: One line.
        detail: What was found.
        environment: Name of the environment.
        at: When it is told, with a zone.
        links: Where more can be seen.
    """

    alert_id: str
    event: Event
    kind: str
    subject: str
    severity: str
    opened_on: date
    changed_on: date
    models: tuple[str, ...]
    title: str
    detail: str
    environment: str
    at: datetime
    links: tuple[Link, ...] = ()

    @property
    def key(self) -> str:
        """What receivers recognise a repeated message by."""
        return f"{self.alert_id}-{self.event}-{self.changed_on}"

    @property
    def headline(self) -> str:
        """One line that says how bad it is, where, and what."""
        word = "recovered" if self.event == "closed" else self.severity
        return f"[{self.environment}] {word}: {one_line(self.title)}"

    @property
    def facts(self) -> dict[str, str]:
        """What else there is to say, by its name."""
        days = {"opened on": str(self.opened_on), f"{self.event} on": str(self.changed_on)}
        models = {"models": ", ".join(self.models)} if self.models else {}
        return {"alert": self.alert_id, "severity": self.severity} | days | models

    @property
    def text(self) -> str:
        """All of it in one line."""
        facts = ", ".join(f"{name} {value}" for name, value in self.facts.items())
        links = "".join(f" {link.url}" for link in self.links)
        said = [self.headline, one_line(self.detail), f"({facts})"]
        return " ".join(part for part in said if part) + links

    def fields(self) -> dict[str, Any]:
        """Return the message as values that JSON can hold."""
        return {
            "key": self.key,
            "alert_id": self.alert_id,
            "event": self.event,
            "kind": self.kind,
            "subject": self.subject,
            "severity": self.severity,
            "opened_on": str(self.opened_on),
            "changed_on": str(self.changed_on),
            "models": list(self.models),
            "title": self.title,
            "detail": self.detail,
            "environment": self.environment,
            "at": self.at.isoformat(),
            "text": self.text,
            "links": [{"title": link.title, "url": link.url} for link in self.links],
        }


def one_line(text: str) -> str:
    """Return a text without line ends and other control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


@dataclass(frozen=True)
class Surroundings:
    """Where a sink stands.

    Attributes:
        environment: Name of the environment.
        home: Folder of all state.
        local: Whether everything is on this machine.
        environ: Environment variables, looked at when something is sent.
    """

    environment: str
    home: Path
    local: bool
    environ: Mapping[str, str]


class SinkOptions(BaseModel):
    """Options of a sink; the fields a settings file may set. They hold no secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Sink(Protocol):
    """Tells people or machines about alerts.

    A class of sinks has `Options`, a pydantic model, and is created with (options, surroundings);
    what it refuses then, it refuses with a ConfigError.
    """

    def send(self, message: Message) -> None:
        """Pass a message on, and return when it has arrived.

        Raises:
            DeliveryError: It has not.
        """
        ...
