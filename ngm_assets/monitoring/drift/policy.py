"""What counts as drift, and how bad it is: the settings of the judgement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.drift.statistics.base import SIGNIFICANCE, Bands, Statistic
from ngm_assets.monitoring.drift.statistics.registry import resolve_statistics


class Policy(BaseModel):
    """Which statistics are taken, which of them decide, and from where on.

    Attributes:
        statistics: Names or "package.module:Class".
        decisive: Names of those that make a column's severity; the others are only recorded.
        bands: Bands of an effect by name of the statistic, instead of its own.
        significance: Largest p-value, adjusted over the table, that is more than chance.
        severe_share: Share of the importance that severe columns must hold for a severe table.
        critical_share: The same for critical ones.
        broad_share: Share of the importance from which moderate drift makes a severe table.

    Raises:
        ConfigError: A statistic is unknown, breaks the contract or is named twice, or none decides.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    statistics: tuple[str, ...] = (
        "psi",
        "ks",
        "chi_square",
        "jensen_shannon",
        "missing_rate",
        "unseen_categories",
    )
    decisive: tuple[str, ...] = ("psi", "missing_rate", "unseen_categories")
    bands: dict[str, Bands] = Field(default_factory=dict)
    significance: float = Field(default=SIGNIFICANCE, gt=0, lt=1)
    severe_share: float = Field(default=0.1, ge=0, le=1)
    critical_share: float = Field(default=0.2, ge=0, le=1)
    broad_share: float = Field(default=0.5, gt=0, le=1)

    _resolved: tuple[Statistic, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        self._resolved = resolve_statistics(self.statistics)
        names = [statistic.name for statistic in self._resolved]
        unknown = [name for name in (*self.decisive, *self.bands) if name not in names]
        if unknown or len(set(names)) != len(names) or not self.decisive:
            raise ConfigError(
                f"Of the drift statistics {', '.join(names)}, {', '.join(unknown) or 'some'} is "
                "unknown or named twice, or none decides.",
                where="decisive, bands",
                mend="Name statistics once, and let some of them decide.",
            )
        return self

    def resolved(self) -> tuple[Statistic, ...]:
        """Return the statistics in order."""
        return self._resolved

    def bands_of(self, statistic: Statistic) -> Bands:
        """Return the bands that apply to a statistic."""
        return self.bands.get(statistic.name, statistic.thresholds)


def policy_of(fields: Mapping[str, Any]) -> Policy:
    """Return the policy of the settings.

    Args:
        fields: Fields that differ from the defaults; bands as moderate, severe and critical.

    Raises:
        ConfigError: There is no such field, or its value does not do.
    """
    try:
        return Policy.model_validate(dict(fields))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise ConfigError(
            f"The drift policy is wrong: {problems}.",
            where="monitoring.drift.policy",
            mend=f"Fields: {', '.join(Policy.model_fields)}.",
        ) from None
