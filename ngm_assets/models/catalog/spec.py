"""What one model promises: the typed entry of the model catalogue."""

from __future__ import annotations

import hashlib
import json
import string
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Domain = Literal["cost", "security", "performance", "reliability", "quality"]
Problem = Literal["anomaly", "regression", "quantile", "binary", "multiclass"]
Severity = Literal["info", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")
OUTPUT_PLACEHOLDERS = (
    "prediction",
    "prediction_lower",
    "prediction_upper",
    "predicted_label",
    "observed",
    "expected",
    "probability",
    "anomaly_score",
)
ANOMALY_THRESHOLD = 0.5
_PRESENTATION = frozenset(
    {
        "description",
        "decision",
        "owner",
        "quiet_classes",
        "reasons",
        "recommended_action",
        "severity",
        "severity_of",
        "unit",
        "worse",
    }
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
    """How much history is read, how much of it is needed, how much is held out.

    Attributes:
        window_days: Days before the training day that are read.
        min_rows: Least rows, holdout included.
        min_positives: Least positive rows (binary) or rows of each class (multiclass) in training.
        split: time: the last days are held out; entity: the latest row of each entity counts, and
            a share of the entities is held out.
        holdout_share: Share of the days, or of the entities, that is held out.
        min_holdout_days: Least length of a holdout by time.
    """

    window_days: Annotated[int, Field(ge=30)] = 365
    min_rows: Annotated[int, Field(ge=1)] = 200
    min_positives: Annotated[int, Field(ge=0)] = 10
    split: Literal["time", "entity"] = "time"
    holdout_share: Annotated[float, Field(gt=0, lt=0.9)] = 0.2
    min_holdout_days: Annotated[int, Field(ge=1)] = 14


class RowsSpec(_Part):
    """Which rows of the feature table concern the model; SQL conditions over its columns.

    Attributes:
        where: Rows to train on and to score; None = all.
        scored_where: Further condition on the rows that are scored; None = no further one.
    """

    where: Text | None = None
    scored_where: Text | None = None

    def scored(self) -> str:
        """Return the condition of the rows that are scored."""
        parts = [f"({part})" for part in (self.where, self.scored_where) if part]
        return " AND ".join(parts) or "TRUE"


class ModelSpec(_Part):
    """One entry of the catalogue, frozen and complete.

    Attributes:
        name: Name of the model, the asset and the registered model.
        domain: Folder-like grouping; also the file the entry stands in.
        description: What the model says.
        decision: The decision it serves and who takes it.
        owner: "team:..." or an e-mail address.
        problem: anomaly, regression, quantile (P10, P50, P90), binary or multiclass.
        feature_table: The table whose columns `features` names.
        features: Feature columns in the order the estimator sees them.
        rows: Which rows of the table concern the model.
        classes: Names of the classes: all of a multiclass label in order (empty = as they occur in
            the training rows), or what a binary label of 0 and 1 is called (empty = no name).
        quiet_classes: Multiclass: classes that are never more than info.
        reasons: Binary: groups of features by reason; rows above info name the strongest reason.
        label: Supervised models: what they learn.
        proxy: Anomaly models: what judges them; never used for fitting.
        baseline: The rule to beat.
        estimator: What learns.
        metric: Primary metric and threshold.
        training: Window and minima.
        champion_tolerance: Relative loss against the champion that is still accepted.
        max_calibration_error: Greatest expected calibration error of a classifier; quantile:
            greatest distance of the P10..P90 interval's coverage from 0.8.
        alert_budget: Share of rows that may be flagged.
        severity: Bounds per band on the anomaly score, the probability, or what `severity_of`
            names: lower bounds, ascending, or with `worse: lower` upper bounds, descending.
        severity_of: Regression and quantile: ratio = prediction / expected, or prediction.
        worse: Which side of the bounds is worse.
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
    rows: RowsSpec = RowsSpec()
    classes: tuple[Text, ...] = ()
    quiet_classes: tuple[Text, ...] = ()
    reasons: dict[Identifier, tuple[Identifier, ...]] = Field(default_factory=dict)
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
    severity_of: Literal["ratio", "prediction"] = "ratio"
    worse: Literal["higher", "lower"] = "higher"
    recommended_action: Text
    seed: int = 7

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_target()
        self._check_features()
        self._check_classes()
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

    def _check_classes(self) -> None:
        if self.classes and self.problem not in ("binary", "multiclass"):
            raise ValueError(f"classes: not allowed for problem {self.problem}")
        if self.problem == "binary" and len(self.classes) not in (0, 2):
            raise ValueError("classes: a binary label has two, first the name of 0")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("classes: a name stands twice")
        if self.quiet_classes and self.problem != "multiclass":
            raise ValueError(f"quiet_classes: not allowed for problem {self.problem}")
        if self.classes and not set(self.quiet_classes) <= set(self.classes):
            raise ValueError("quiet_classes: must be among the classes")
        if self.reasons and self.problem != "binary":
            raise ValueError(f"reasons: not allowed for problem {self.problem}")
        if self.reasons and self.classes:
            raise ValueError("reasons: the predicted label is either a class or a reason")

    def _check_severity(self) -> None:
        sign = 1.0 if self.worse == "higher" else -1.0
        bounds = [sign * self.severity[band] for band in SEVERITIES if band in self.severity]
        if not bounds or any(low >= high for low, high in pairwise(bounds)):
            verb = "ascend" if self.worse == "higher" else "descend"
            raise ValueError(f"severity: bounds must {verb} in the order {', '.join(SEVERITIES)}")
        if self.problem in ("anomaly", "multiclass") and self.worse == "lower":
            raise ValueError(f"worse: lower has no meaning for problem {self.problem}")
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
