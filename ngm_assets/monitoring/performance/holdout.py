"""What versions promised: the metric on their holdouts, read from their stored evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import NgmError, RegistryError

if TYPE_CHECKING:
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.registry.registry import ModelRegistry
    from ngm_assets.models.registry.versions import VersionInfo


@dataclass(frozen=True)
class Holdout:
    """The primary metric on a version's holdout.

    Attributes:
        value: The value; None where there is none to compare with.
        low: 5 % quantile.
        high: 95 % quantile.
        positive_share: Share of positives among the rows; None where it has no meaning or is not
            known.
        reason: Why there is no value; empty if there is one.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    positive_share: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Promises:
    """The versions of one model and their holdouts, each read once; what cannot be read says so."""

    registry: ModelRegistry
    spec: ModelSpec
    _versions: dict[int, VersionInfo] = field(default_factory=dict)
    _holdouts: dict[int, Holdout] = field(default_factory=dict)

    def newest(self, versions: Sequence[int]) -> int:
        """Return the version trained last; those the registry does not know come before others."""
        try:
            known = self._known()
        except NgmError:
            return max(versions)
        first = (date.min, 0)
        return max(versions, key=lambda v: (known[v].order if v in known else first, v))

    def of(self, version: int) -> Holdout:
        """Return the holdout of a version."""
        if version not in self._holdouts:
            try:
                self._holdouts[version] = self._read(version)
            except NgmError as error:
                self._holdouts[version] = Holdout(reason=f"{type(error).__name__}: {error.what}")
        return self._holdouts[version]

    def _read(self, version: int) -> Holdout:
        known = self._known()
        if version not in known:
            return Holdout(reason=f"the registry knows no version {version}")
        return holdout_of(self.registry, known[version], self.spec)

    def _known(self) -> Mapping[int, VersionInfo]:
        if not self._versions:
            infos = self.registry.versions(self.spec.name)
            self._versions.update({info.version: info for info in infos})
        return self._versions


def holdout_of(registry: ModelRegistry, info: VersionInfo, spec: ModelSpec) -> Holdout:
    """Return the holdout of a version, if it was measured as the specification measures now.

    Args:
        registry: Where the evaluation is stored.
        info: The version.
        spec: The model as it is now.

    Raises:
        RegistryError: The version's files cannot be read or are not what was written.
    """
    record, then = registry.evaluation_of(info), registry.specification_of(info)
    try:
        return _holdout(record, then, spec)
    except (AttributeError, KeyError, TypeError) as error:
        raise RegistryError(
            f"The version's evaluation cannot be used, {type(error).__name__}: {error}.",
            where=f"{info.model} version {info.version}",
            mend="Restore the artifact store, or train the partition again.",
        ) from error


def _holdout(record: Mapping[str, Any], then: Mapping[str, Any], spec: ModelSpec) -> Holdout:
    measured = record["measured"]
    target = then.get("label") or then.get("proxy") or {}
    if measured["metric"] != spec.metric.name:
        return Holdout(reason=f"the holdout was measured by {measured['metric']}")
    if target.get("column") != spec.target.column:
        return Holdout(reason=f"the holdout was measured on the label {target.get('column')}")
    if measured["value"] is None:
        return Holdout(reason=f"the holdout has no value: {measured['reason']}")
    return Holdout(
        measured["value"], measured["low"], measured["high"], _positive_share(record, spec)
    )


def _positive_share(record: Mapping[str, Any], spec: ModelSpec) -> float | None:
    """Return the share of positives in the holdout: precision over lift at the same budget.

    Where nothing was found at the budget, which leaves both at 0, it is the share of all rows.
    """
    if spec.problem not in ("binary", "anomaly"):
        return None
    others: Mapping[str, float | None] = record["secondary"]
    precision, lift = others.get("precision_at_budget"), others.get("lift_at_budget")
    if spec.metric.name == "precision_at_budget":
        precision = record["measured"]["value"]
    if precision and lift:
        return precision / lift
    positive, negative = (record["class_counts"].get(n, 0) for n in ("positive", "negative"))
    return positive / (positive + negative) if positive and negative else None
