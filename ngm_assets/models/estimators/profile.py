"""Expected profiles: how far counts lie from what an entity's own past leads to expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.models.data.frames import FloatArray

_ANSCOMBE = 0.375


@dataclass(frozen=True)
class Profile:
    """What to expect of an entity, from its own past and, where that is short, from everyone's.

    Attributes:
        means: Feature that holds a count of the day -> feature that holds the entity's own mean.
        everyone: The count's mean over all training rows, by count.
        days: Feature that holds the number of days behind the own means.
        prior_days: Weight of everyone's mean, in days.
    """

    means: Mapping[str, str]
    everyone: Mapping[str, float]
    days: str
    prior_days: float

    def expected(self, features: pd.DataFrame, count: str) -> FloatArray:
        """Return (days x own mean + prior_days x everyone's mean) / (days + prior_days), (n,)."""
        import numpy as np

        own = features[self.means[count]].to_numpy(dtype=np.float64)
        days = np.where(np.isfinite(own), np.nan_to_num(features[self.days].to_numpy(float)), 0.0)
        prior = self.prior_days * self.everyone[count]
        value: FloatArray = (days * np.nan_to_num(own) + prior) / (days + self.prior_days)
        return value

    def surprises(self, features: pd.DataFrame) -> pd.DataFrame:
        """Return the features with every profiled count replaced by its distance from the norm.

        2 (sqrt(count + 3/8) - sqrt(expected + 3/8)) has variance about 1 whatever a Poisson count's
        mean (Anscombe 1948), so frequent and rare things can be compared.
        """
        import numpy as np

        found = {}
        for name in self.means:
            count = np.maximum(features[name].to_numpy(dtype=np.float64), 0.0)
            norm = np.maximum(self.expected(features, name), 0.0)
            found[name] = 2.0 * (np.sqrt(count + _ANSCOMBE) - np.sqrt(norm + _ANSCOMBE))
        return features.assign(**found)

    @property
    def helpers(self) -> frozenset[str]:
        """Return the features that only say what to expect."""
        return frozenset({*self.means.values(), self.days})

    def to_json(self) -> dict[str, Any]:
        """Return the profile as JSON values."""
        return {
            "means": dict(self.means),
            "everyone": dict(self.everyone),
            "days": self.days,
            "prior_days": self.prior_days,
        }

    @staticmethod
    def from_json(data: Mapping[str, Any] | None) -> Profile | None:
        """Restore what `to_json` returned; None stays None."""
        return None if data is None else Profile(**data)


def fit_profile(features: pd.DataFrame, params: Mapping[str, Any]) -> Profile:
    """Learn everyone's mean of each count.

    Args:
        features: Training rows, shape (n, k).
        params: `profiles` {count feature: own mean feature}, `days` (feature), `prior_days` (> 0,
            default 5).

    Raises:
        ModelError: A profile names no feature, or prior_days is not positive.
    """
    import numpy as np

    means, days = dict(params.get("profiles", {})), str(params.get("days", ""))
    prior_days = float(params.get("prior_days", 5.0))
    absent = sorted({*means, *means.values(), days} - set(features.columns))
    if not means or absent:
        raise ModelError(
            f"A profile needs features: {', '.join(absent) or 'profiles is empty'}.",
            where="estimator.params.profiles",
            mend="Name counts, their own means and the days behind them among the features.",
        )
    if not (np.isfinite(prior_days) and prior_days > 0):
        raise ModelError(
            f"prior_days is {prior_days}.", where="estimator.params.prior_days", mend="Use > 0."
        )
    everyone = {
        name: float(np.nan_to_num(np.nanmean(features[name].to_numpy(dtype=np.float64))))
        if features[name].notna().any()
        else 0.0
        for name in means
    }
    return Profile(means, everyone, days, prior_days)
