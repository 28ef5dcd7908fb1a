"""What one model promises: the typed entry of the model catalogue."""

from __future__ import annotations

import hashlib
import json
import string
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Domain = Literal["cost", "security", "performance", "reliability", "quality"]
Problem = Literal["anomaly", "regression", "binary"]
Severity = Literal["info", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")
OUTPUT_PLACEHOLDERS = ("prediction", "observed", "expected", "probability", "anomaly_score")
ANOMALY_THRESHOLD = 0.5
_PRESENTATION = frozenset(
    {"description", "decision", "owner", "recommended_action", "severity", "unit"}
)

Text = Annotated[str, Field(min_length=1)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TargetSpec(_Part):
    """What comes true after day t: a label, or an anomaly model's proxy.

    Attributes:
        column: Column of `labels/<domain>.sql`.
        horizon_days: The last day after t that the column looks at.
        unit: Unit of the column, for example USD, ms or share.
        description: One sentence that defines it.
    """

    column: Identifier
    horizon_days: Annotated[int, Field(ge=1)]
    unit: Text
    description: Text


class BaselineSpec(_Part):
    """The simple rule a model must beat."""

    column: Identifier
    description: Text


class EstimatorSpec(_Part):
    """Which estimator learns: a registered name or a dotted path, and its parameters."""

    type: Text
    params: dict[str, Any] = Field(default_factory=dict)


class MetricSpec(_Part):
    """The primary metric; its direction is the registered metric's.

    Attributes:
        name: Name of a registered metric.
        threshold: Least (or greatest) acceptable value; None = only the baseline decides.
    """

    name: Text
    threshold: float | None = None


class TrainingSpec(_Part):
    """How much history is read, how much of it is needed, how much is held out."""

    window_days: Annotated[int, Field(ge=30)] = 365
    min_rows: Annotated[int, Field(ge=1)] = 200
    min_positives: Annotated[int, Field(ge=0)] = 10
    holdout_share: Annotated[float, Field(gt=0, lt=0.9)] = 0.2
    min_holdout_days: Annotated[int, Field(ge=1)] = 14


class ModelSpec(_Part):
    """One entry of the catalogue, frozen and complete.

    Attributes:
        name: Name of the model, the asset and the registered model.
        domain: Folder-like grouping; also the file the entry stands in.
        description: What the model says.
        decision: The decision it serves and who takes it.
        owner: "team:..." or an e-mail address.
        problem: anomaly, regression or binary.
        feature_table: The table whose columns `features` names.
        features: Feature columns in the order the estimator sees them.
        label: Supervised models: what they learn.
        proxy: Anomaly models: what judges them; never used for fitting.
        baseline: The rule to beat.
        estimator: What learns.
        metric: Primary metric and threshold.
        training: Window and minima.
        champion_tolerance: Relative loss against the champion that is still accepted.
        max_calibration_error: Greatest expected calibration error of a classifier.
        alert_budget: Share of rows that may be flagged.
        severity: Lower bounds per band on the anomaly score, the probability or, for regression,
            prediction / expected; ascending.
        recommended_action: Template with {placeholders} and format specs, such as {expected:.0f}.
        seed: Seed of everything random in training and evaluation.
    """

    name: Identifier
    domain: Domain
    description: Text
    decision: Text
    owner: Annotated[str, Field(pattern=r"^(team:\S+|\S+@\S+)$")]
    problem: Problem
    feature_table: Identifier
    features: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    label: TargetSpec | None = None
    proxy: TargetSpec | None = None
    baseline: BaselineSpec
    estimator: EstimatorSpec
    metric: MetricSpec
    training: TrainingSpec = TrainingSpec()
    champion_tolerance: Annotated[float, Field(ge=0)] = 0.05
    max_calibration_error: Annotated[float, Field(gt=0, le=1)] = 0.1
    alert_budget: Annotated[float, Field(gt=0, lt=0.5)] = 0.01
    severity: dict[Severity, float]
    recommended_action: Text
    seed: int = 7

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_target()
        self._check_features()
        self._check_severity()
        return self

    def _check_target(self) -> None:
        wanted, other = ("proxy", "label") if self.problem == "anomaly" else ("label", "proxy")
        if getattr(self, wanted) is None:
            raise ValueError(f"{wanted}: required for problem {self.problem}")
        if getattr(self, other) is not None:
            raise ValueError(f"{other}: not allowed for problem {self.problem}, use {wanted}")

    def _check_features(self) -> None:
        repeated = sorted({name for name in self.features if self.features.count(name) > 1})
        if repeated:
            raise ValueError(f"features: named twice: {', '.join(repeated)}")
        if self.target.column in self.features:
            raise ValueError(f"features: the {self.target.column} target cannot be a feature")

    def _check_severity(self) -> None:
        bounds = [self.severity[band] for band in SEVERITIES if band in self.severity]
        if not bounds or any(low >= high for low, high in pairwise(bounds)):
            raise ValueError(f"severity: bounds must ascend in the order {', '.join(SEVERITIES)}")
        alarms = [bound for band, bound in self.severity.items() if band != "info"]
        if self.problem == "anomaly" and alarms and min(alarms) < ANOMALY_THRESHOLD:
            raise ValueError(
                f"severity: an anomaly begins at score {ANOMALY_THRESHOLD}; "
                "bands above info must not start lower"
            )

    @property
    def target(self) -> TargetSpec:
        """The label, or the proxy of an anomaly model."""
        target = self.label if self.label is not None else self.proxy
        if target is None:
            raise ValueError(f"{self.name} has neither label nor proxy")
        return target

    @property
    def horizon_days(self) -> int:
        """Days after t the target looks at."""
        return self.target.horizon_days

    def spec_hash(self) -> str:
        """Return the sha256 of what affects the fitted model and its judgement.

        Texts, owner, severity bands and the recommended action do not.
        """
        content = _without_presentation(self.model_dump(mode="json"))
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _without_presentation(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_presentation(v) for k, v in value.items() if k not in _PRESENTATION}
    return value


def template_placeholders(template: str) -> tuple[str, ...]:
    """Return the names a template asks for.

    Raises:
        ValueError: The braces do not match, or a placeholder is empty or not a plain name.
    """
    names = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    bad = [name for name in names if not name.isidentifier()]
    if bad:
        raise ValueError(f"not a plain name: {{{bad[0]}}}")
    return tuple(names)
