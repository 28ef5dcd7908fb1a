"""Finds alert sinks by name, entry point or dotted path, and checks their options at load."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.alerting.sinks.base import Sink, Surroundings
from ngm_assets.plugins import Plugins

if TYPE_CHECKING:
    from pydantic import ValidationError

    from ngm_assets.settings import Settings
    from ngm_assets.watching import SinkSettings

GROUP = "ngm_assets.alert_sinks"
"""Group of entry points by which other packages register sinks."""
HERE = "ngm_assets.monitoring.alerting.sinks"
PLUGINS = Plugins(
    "alert sink",
    GROUP,
    {
        "log": f"{HERE}.log:LogSink",
        "file": f"{HERE}.file:FileSink",
        "webhook": f"{HERE}.webhook:WebhookSink",
    },
)
CONTRACT = "Give it `Options`, a pydantic model, and `send`, as the sinks here have them."


def resolve_sinks(settings: Settings, environ: Mapping[str, str] | None = None) -> dict[str, Sink]:
    """Create the sinks of the settings, by name, in their order; nothing is sent.

    No secret is needed for it: a variable that holds none is found when something is sent.

    Args:
        settings: Whose `monitoring.alerts.sinks` are created.
        environ: Environment variables, by default those of the process.

    Raises:
        ConfigError: There is no sink of a type, an option does not fit, or a class breaks the
            contract. Values of options are not told, for they may be secrets put there by mistake.
    """
    registered = PLUGINS.registered()
    given = os.environ if environ is None else environ
    surroundings = Surroundings(settings.env, settings.home, settings.local, given)
    sinks = settings.monitoring.alerts.sinks
    return {sink.name: _resolve(sink, registered, surroundings) for sink in sinks}


def _resolve(
    asked: SinkSettings, registered: Mapping[str, str], surroundings: Surroundings
) -> Sink:
    where = f"monitoring.alerts.sinks.{asked.name}"
    found: Any = PLUGINS.load(asked.type, registered, f"{where}.type", lambda made: made)
    problem = _broken(found)
    if problem:
        raise ConfigError(
            f"The alert sink {asked.type!r} {problem}.", where=f"{where}.type", mend=CONTRACT
        )
    return _created(found, asked, where, surroundings)


def _created(found: Any, asked: SinkSettings, where: str, surroundings: Surroundings) -> Sink:
    from pydantic import ValidationError

    try:
        options = found.Options.model_validate(asked.options)
    except ValidationError as error:
        raise ConfigError(
            f"The options of the alert sink {asked.name} do not fit: {_problems(error)}.",
            where=f"{where}.options",
            mend=f"It takes {', '.join(found.Options.model_fields) or 'no options'}.",
        ) from None
    try:
        sink: Sink = found(options, surroundings)
    except ConfigError as error:
        raise ConfigError(error.what, where=where, mend=error.mend) from None
    except Exception as error:
        raise ConfigError(
            f"The alert sink {asked.type!r} cannot be created: {type(error).__name__}.",
            where=f"{where}.type",
            mend=CONTRACT,
        ) from None
    return sink


def _problems(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'options'}: {item['msg']}" for item in error.errors()
    )


def _broken(found: Any) -> str:
    from pydantic import BaseModel

    options = getattr(found, "Options", None)
    if not isinstance(found, type):
        return "is no class"
    if not isinstance(options, type) or not issubclass(options, BaseModel):
        return "has no `Options`"
    return "" if callable(getattr(found, "send", None)) else "cannot `send`"
