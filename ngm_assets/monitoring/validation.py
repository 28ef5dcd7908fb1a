"""Tries the statistics, bands and sinks of the settings before anything runs."""

from __future__ import annotations

from ngm_assets.monitoring.alerting.sinks.registry import resolve_sinks
from ngm_assets.monitoring.drift.policy import policy_of
from ngm_assets.settings import Settings


def validate_monitoring(settings: Settings) -> None:
    """Refuse settings that monitoring could not work with; no sink is contacted.

    Raises:
        ConfigError: A statistic, a band or a sink is wrong; the message says how to mend it.
    """
    policy_of(settings.monitoring.drift.policy)
    resolve_sinks(settings)
