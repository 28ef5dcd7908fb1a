"""The whole examination of an environment; no secret is part of what it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ngm_assets.doctor.machine import look_at_home, look_at_installation
from ngm_assets.doctor.observation import Observation
from ngm_assets.doctor.shipping import look_at_shipping
from ngm_assets.doctor.workspace import look_at_workspace
from ngm_assets.redaction import redacted
from ngm_assets.settings import Settings


def examine(settings: Settings) -> list[Observation]:
    """Look at this machine, and at the home (`local`) or the workspace (elsewhere)."""
    return [
        replace(seen, found=redacted(seen.found), mend=redacted(seen.mend))
        for seen in _seen(settings)
    ]


def _seen(settings: Settings) -> Iterator[Observation]:
    yield from look_at_installation()
    if settings.local:
        yield from look_at_home(settings)
    else:
        yield from look_at_shipping(settings)
        yield from look_at_workspace(settings)
