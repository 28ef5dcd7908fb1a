"""The contract of an estimator wrapper, and the table that finds one by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ngm_assets.errors import ConfigError
from ngm_assets.plugins import Plugins

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import FloatArray, ModelFrame

Flavor = Literal["xgboost", "sklearn", "json"]
GROUP = "ngm_assets.estimators"
"""Group of entry points by which other packages register estimators."""
COVERAGE = 0.8
"""Share of rows that P10..P90 is to hold."""


@dataclass(frozen=True)
class Outputs:
    """What a model says of n rows; None where the model has no such output.

    Attributes:
        prediction: Value in the label's unit, probability, anomaly score, or position of the
            predicted class, shape (n,).
        label: Name of the predicted class, texts.
        probability: Calibrated probability of the positive or the predicted class.
        lower: P10 in the label's unit.
        upper: P90 in the label's unit.
        anomaly_score: 0..1, higher is worse, 0.5 = the alert threshold.
        expected: The norm the row is compared with.
        observed: What the row shows.
    """

    prediction: FloatArray
    label: NDArray[np.object_] | None = None
    probability: FloatArray | None = None
    lower: FloatArray | None = None
    upper: FloatArray | None = None
    anomaly_score: FloatArray | None = None
    expected: FloatArray | None = None
    observed: FloatArray | None = None


def column_of(features: pd.DataFrame, name: str | None) -> FloatArray | None:
    """Return a feature as numbers, shape (n,); None without a name."""
    import numpy as np

    return None if name is None else features[name].to_numpy(dtype=np.float64)


class Fitted(Protocol):
    """A fitted model that predicts, explains, and stores itself without pickle."""

    @property
    def flavor(self) -> Flavor:
        """How MLflow stores the native object."""
        ...

    @property
    def native(self) -> Any:
        """The XGBoost booster or sklearn pipeline; None for the flavor json."""
        ...

    @property
    def trusted_types(self) -> tuple[str, ...]:
        """Types that skops may load; empty unless the flavor is sklearn."""
        ...

    def predict(self, features: pd.DataFrame) -> Outputs:
        """Return outputs for the spec's features in order, shape (n, k)."""
        ...

    def contributions(
        self, features: pd.DataFrame, row_index: NDArray[np.intp] | None = None
    ) -> FloatArray:
        """Return what each feature adds, shape (rows, k); all rows if `row_index` is None."""
        ...

    def importance(self) -> Mapping[str, float]:
        """Return the weight of each feature in the fitted model, summing to 1 or all 0."""
        ...

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the native file into `folder`; return the metadata `load` needs, as JSON values."""
        ...


class Estimator(Protocol):
    """A way of learning. Deterministic for (frame, seed) and its parameters."""

    @classmethod
    def fit(cls, frame: ModelFrame, *, spec: ModelSpec, seed: int) -> Fitted:
        """Fit on every row of `frame`.

        Raises:
            InsufficientData: The rows cannot teach anything (one class, no variation).
            ModelError: The label or a parameter does not suit the estimator.
        """
        ...

    @classmethod
    def load(cls, folder: Path, meta: Mapping[str, Any]) -> Fitted:
        """Restore what `Fitted.save` wrote."""
        ...


@dataclass(frozen=True)
class EstimatorEntry:
    """A registered estimator: where it lives and what a specification may ask of it.

    Attributes:
        target: "module:Class", imported on first use.
        problems: Problem types it serves.
        params: Allowed parameters; empty = anything (estimators named by dotted path).
        inputs: Kinds of features it takes: number, text.
        feature_params: Parameters whose value is a feature, or a mapping keyed by features.
        revision: Raised when the same rows and parameters teach it something else than before.
    """

    target: str
    problems: frozenset[str]
    params: frozenset[str] = frozenset()
    feature_params: tuple[str, ...] = ()
    inputs: frozenset[str] = frozenset({"number"})
    revision: int = 1


def registered_estimators() -> Mapping[str, EstimatorEntry]:
    """Return the estimators that can be named; nothing heavy is imported."""
    here = "ngm_assets.models.estimators"
    boosting = frozenset(
        [
            "rounds",
            "learning_rate",
            "max_depth",
            "min_child_weight",
            "subsample",
            "colsample_bytree",
            "reg_lambda",
            "early_stopping",
            "n_jobs",
        ]
    )
    reported = frozenset({"observed", "expected"})
    quantity = boosting | reported | {"transform", "offset", "range"}
    norm = reported | {"directions", "settle_days", "incident_share"}
    profile = frozenset({"profiles", "days", "prior_days"})
    return {
        "xgboost_binary": EstimatorEntry(
            f"{here}.xgboost_binary:XGBoostBinary",
            frozenset({"binary"}),
            boosting | reported,
            ("observed", "expected"),
        ),
        "xgboost_regression": EstimatorEntry(
            f"{here}.xgboost_regression:XGBoostRegression",
            frozenset({"regression"}),
            quantity | {"objective"},
            ("offset", "observed", "expected"),
        ),
        "xgboost_quantile": EstimatorEntry(
            f"{here}.xgboost_quantile:XGBoostQuantile",
            frozenset({"quantile"}),
            quantity | {"max_rows"},
            ("offset", "observed", "expected"),
        ),
        "xgboost_multiclass": EstimatorEntry(
            f"{here}.xgboost_multiclass:XGBoostMulticlass",
            frozenset({"multiclass"}),
            boosting | reported,
            ("observed", "expected"),
        ),
        "text_classifier": EstimatorEntry(
            f"{here}.text_classifier:TextClassifier",
            frozenset({"multiclass"}),
            frozenset({"words", "strength"}),
            ("words",),
            frozenset({"text"}),
            revision=2,
        ),
        "isolation_forest": EstimatorEntry(
            f"{here}.anomaly:IsolationForestDetector",
            frozenset({"anomaly"}),
            norm | profile | {"trees", "max_samples", "tail_weight"},
            ("observed", "expected", "directions", "profiles", "days"),
        ),
        "expected_profile": EstimatorEntry(
            f"{here}.anomaly:ExpectedProfileDetector",
            frozenset({"anomaly"}),
            norm | profile | {"weights"},
            ("observed", "expected", "directions", "weights", "profiles", "days"),
        ),
        "robust_deviation": EstimatorEntry(
            f"{here}.anomaly:RobustDeviationDetector",
            frozenset({"anomaly"}),
            norm | {"weights"},
            ("observed", "expected", "directions", "weights"),
        ),
    }


def revision_of(name: str) -> int:
    """Return the revision of an estimator; 1 for one of another package."""
    entry = registered_estimators().get(name)
    return 1 if entry is None else entry.revision


def named_estimators() -> Mapping[str, str]:
    """Return "module:Class" of every estimator that has a name, those of other packages too.

    Raises:
        ConfigError: An entry point takes a name that is taken.
    """
    return _plugins().registered()


def _plugins() -> Plugins:
    own = {name: entry.target for name, entry in registered_estimators().items()}
    return Plugins("estimator", GROUP, own)


def resolve_estimator(name: str) -> type[Estimator]:
    """Import and return the estimator of a name or of "package.module:Class".

    Raises:
        ConfigError: The name is not registered and is no importable path, or what is there is no
            estimator.
    """
    known = named_estimators()
    found: type[Estimator] = _plugins().load(name, known, "estimator.type", lambda made: made)
    missing = [verb for verb in ("fit", "load") if not callable(getattr(found, verb, None))]
    if missing:
        raise ConfigError(
            f"The estimator {name!r} has no {' and no '.join(missing)}.",
            where="estimator.type",
            mend="Give the class the class methods fit and load, as the protocol Estimator says.",
        )
    return found
