"""Finds drift statistics by name, entry point or dotted path, and tries each before it is used."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ngm_assets.errors import ConfigError
from ngm_assets.monitoring.drift.distribution import KINDS, Distribution
from ngm_assets.monitoring.drift.statistics.base import Bands, Outcome, Statistic
from ngm_assets.plugins import Plugins

GROUP = "ngm_assets.drift_statistics"
"""Group of entry points by which other packages register statistics."""
HERE = "ngm_assets.monitoring.drift.statistics"
PLUGINS = Plugins(
    "drift statistic",
    GROUP,
    {
        "psi": f"{HERE}.psi:PopulationStabilityIndex",
        "ks": f"{HERE}.ks:KolmogorovSmirnov",
        "chi_square": f"{HERE}.chi_square:ChiSquare",
        "jensen_shannon": f"{HERE}.jensen_shannon:JensenShannon",
        "missing_rate": f"{HERE}.missing_rate:MissingRate",
        "unseen_categories": f"{HERE}.unseen_categories:UnseenCategories",
    },
)
NAME = re.compile(r"[a-z][a-z0-9_]*")
CONTRACT = "Give it `name`, `kinds`, `thresholds` and `evaluate`, as the statistics here have them."


def registered_statistics() -> Mapping[str, str]:
    """Return the statistics that can be named, with their "module:Class"; nothing is imported.

    Raises:
        ConfigError: An entry point takes a name that is taken.
    """
    return PLUGINS.registered()


def resolve_statistics(names: Sequence[str]) -> tuple[Statistic, ...]:
    """Import, create and try the statistics of registered names or of "package.module:Class".

    Raises:
        ConfigError: There is none of a name, or one breaks the contract.
    """
    registered = registered_statistics()
    return tuple(_resolve(name, registered) for name in names)


def _resolve(name: str, registered: Mapping[str, str]) -> Statistic:
    statistic: Statistic = PLUGINS.load(name, registered, "statistics", lambda made: made())
    problem = _broken(statistic) or _misnamed(statistic, name, registered)
    if name not in PLUGINS.own:
        problem = problem or _failed(statistic)
    if problem:
        raise ConfigError(
            f"The drift statistic {name!r} {problem}.", where="statistics", mend=CONTRACT
        )
    return statistic


def _broken(statistic: Statistic) -> str:
    kinds = getattr(statistic, "kinds", None)
    if not isinstance(getattr(statistic, "name", None), str) or not NAME.fullmatch(statistic.name):
        return "has no `name` of small letters, digits and underscores"
    if not isinstance(kinds, frozenset) or not kinds or not kinds <= set(KINDS):
        return f"has no `kinds`, a frozenset of {' and '.join(KINDS)}"
    if not isinstance(getattr(statistic, "thresholds", None), Bands):
        return "has no `thresholds` of type Bands"
    return "" if callable(getattr(statistic, "evaluate", None)) else "cannot `evaluate`"


def _misnamed(statistic: Statistic, name: str, registered: Mapping[str, str]) -> str:
    if name in registered:
        return "" if statistic.name == name else f"calls itself {statistic.name!r}"
    taken = registered.get(statistic.name)
    same = taken is None or taken.replace(":", ".") == name.replace(":", ".")
    return "" if same else f"takes the name {statistic.name!r}"


def _failed(statistic: Statistic) -> str:
    """Try it on windows that are alike, that differ, and that are empty."""
    alike, other, empty = (400, 300, 200, 100), (100, 200, 300, 400), (0, 0, 0, 0)
    for kind in sorted(statistic.kinds):
        reference = Distribution(kind, alike, 10)
        for counts in (alike, other, empty):
            try:
                outcome = statistic.evaluate(reference, Distribution(kind, counts, 10))
            except Exception as error:
                return f"fails on {kind} counts {counts}: {type(error).__name__}: {error}"
            if not isinstance(outcome, Outcome):
                return f"answers {type(outcome).__name__}, not Outcome"
    return ""
