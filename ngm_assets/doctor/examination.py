"""The whole examination of an environment; no secret is part of what it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from platform import python_version

from ngm_assets.doctor.machine import look_at_home, look_at_installation, minor_version
from ngm_assets.doctor.observation import Observation
from ngm_assets.doctor.shipping import look_at_shipping
from ngm_assets.doctor.workspace import look_at_workspace
from ngm_assets.redaction import redacted
from ngm_assets.settings import Settings


def examine(settings: Settings, python: str | None = None) -> list[Observation]:
    """Look at this machine, and at the home (`local`) or the workspace (elsewhere).

    Args:
        settings: The environment.
        python: Version of the local Python; None = that of this process.
    """
    return [
        replace(seen, found=redacted(seen.found), mend=redacted(seen.mend))
        for seen in _seen(settings, python or python_version())
    ]


def _seen(settings: Settings, python: str) -> Iterator[Observation]:
    yield from look_at_installation(python)
    if settings.local:
        yield from look_at_home(settings)
    else:
        yield from look_at_shipping(settings, minor_version(python))
        yield from look_at_workspace(settings, minor_version(python))
