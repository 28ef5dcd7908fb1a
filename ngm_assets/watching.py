"""Settings of monitoring: windows, bands, retraining, alert sinks; numbers and names only."""

from __future__ import annotations

from datetime import time
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DriftSettings(_Frozen):
    """How drift is looked for; the fields of `policy` are those of `monitoring.policy.Policy`.

    Attributes:
        window_days: Days of the trailing window; a multiple of 7 keeps the mix of weekdays.
        policy: Fields of the policy that differ from its defaults.
    """

    window_days: int = Field(default=7, ge=1, le=90)
    policy: dict[str, Any] = Field(default_factory=dict)


class PerformanceSettings(_Frozen):
    """When predictions count as worse than the holdout promised.

    Attributes:
        window_days: Feature dates of the trailing window.
        min_labels: Ripe labels below which nothing is said.
        loss: Loss relative to the holdout's value from which it is at least moderate.
    """

    window_days: int = Field(default=28, ge=1, le=365)
    min_labels: int = Field(default=30, ge=2)
    loss: float = Field(default=0.2, gt=0)


class RetrainingSettings(_Frozen):
    """When a retraining is asked for.

    A critical judgement asks at once; a severe one on `severe_days` of the last `of_days` days, the
    newest among them.

    Attributes:
        cooldown_days: Days after a request in which none follows for the same model.
        severe_days: N of N-of-M.
        of_days: M of N-of-M.
        min_new_labels: Labels that must have ripened since the champion was trained.
    """

    cooldown_days: int = Field(default=7, ge=1, le=365)
    severe_days: int = Field(default=3, ge=1)
    of_days: int = Field(default=5, ge=1, le=90)
    min_new_labels: int = Field(default=30, ge=0)

    @model_validator(mode="after")
    def _n_of_m(self) -> Self:
        if self.severe_days > self.of_days:
            raise ValueError(f"severe_days {self.severe_days} exceeds of_days {self.of_days}")
        return self


class QuietHours(_Frozen):
    """Hours in which only critical alerts are told; they may span midnight.

    Attributes:
        start: First minute, local time of the zone.
        end: First minute after them.
        zone: IANA time zone.
    """

    start: time
    end: time
    zone: str = "UTC"

    @model_validator(mode="after")
    def _zone_is_known(self) -> Self:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"zone: no IANA time zone {self.zone!r}") from error
        if self.start == self.end:
            raise ValueError("start and end are the same")
        return self


class SinkSettings(_Frozen):
    """One place alerts are told at; no secret stands here, only names of variables that hold one.

    Attributes:
        name: Its name in tables.
        type: log, file, webhook, the name of an entry point, or "package.module:Class".
        options: Fields of the sink.
        least: Severity from which alerts are told.
        quiet_hours: When only critical ones are; None = never quiet.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    type: str = Field(min_length=1)
    options: dict[str, Any] = Field(default_factory=dict)
    least: Literal["moderate", "severe", "critical"] = "moderate"
    quiet_hours: QuietHours | None = None


class AlertSettings(_Frozen):
    """How findings become alerts, and who is told.

    Attributes:
        close_after_days: Days in a row without the finding after which an alert closes.
        attempts: Attempts at a delivery in one run.
        retry_seconds: Wait before the second attempt; it doubles each time.
        sinks: Who is told.
    """

    close_after_days: int = Field(default=3, ge=1, le=30)
    attempts: int = Field(default=3, ge=1, le=10)
    retry_seconds: float = Field(default=1.0, ge=0, le=60)
    sinks: tuple[SinkSettings, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [sink.name for sink in self.sinks]
        if len(set(names)) != len(names):
            raise ValueError("sinks: a name stands twice")
        return self


class Watching(_Frozen):
    """Everything monitoring can be told.

    Attributes:
        late_days: Days back in which changed raw counts make a day run again.
    """

    drift: DriftSettings = DriftSettings()
    performance: PerformanceSettings = PerformanceSettings()
    retraining: RetrainingSettings = RetrainingSettings()
    alerts: AlertSettings = AlertSettings()
    late_days: int = Field(default=30, ge=1, le=90)
