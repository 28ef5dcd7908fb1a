"""What one training run yields, before anything is registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import FloatArray
    from ngm_assets.models.estimators.base import Fitted
    from ngm_assets.models.evaluation.gates import Decision
    from ngm_assets.models.evaluation.measures import Comparison, Measurement
    from ngm_assets.models.registry.loaded import FeatureContract


@dataclass(frozen=True)
class TrainingContext:
    """What a training run knows besides its rows.

    Attributes:
        contract: The feature table's columns, types and keys.
        feature_version: Version of the feature table that was read, for lineage.
        label_sql_hash: sha256 of the label SQL.
        git_sha: Commit of the code; empty if unknown.
        library_versions: Version by library; see `library_versions()`.
    """

    contract: FeatureContract
    feature_version: str
    label_sql_hash: str
    git_sha: str
    library_versions: Mapping[str, str]


@dataclass(frozen=True)
class Window:
    """The days a candidate saw.

    Attributes:
        first: First feature day of all rows.
        train_last: Last training day of the model that was evaluated.
        holdout_first: First day of the holdout.
        holdout_last: Last day of the holdout.
        trained_through: Last feature day of the rows the final model was fitted on.
    """

    first: date
    train_last: date
    holdout_first: date
    holdout_last: date
    trained_through: date


@dataclass(frozen=True)
class Holdout:
    """Labelled holdout rows and what was said of them, for plots.

    Attributes:
        truth: Label or proxy, shape (n,).
        prediction: Value, probability, score or class position by the model fitted on the
            training part.
        calibrated: Whether it came true (0/1) and the probability that was given, each of shape
            (n,); None for models without probabilities.
    """

    truth: FloatArray
    prediction: FloatArray
    calibrated: tuple[FloatArray, FloatArray] | None = None


@dataclass(frozen=True)
class Candidate:
    """A fitted, evaluated and judged model.

    Attributes:
        spec: What was asked for.
        as_of: It may know nothing of this day or later.
        context: Versions and contracts it was made with.
        training_key: Identity of the training; equal inputs give an equal key.
        fitted: The model refitted on all rows.
        decision: Gates and verdict.
        measured: Primary metric on the holdout, with interval.
        secondary: The other metrics of the problem type, lift and calibration error by name.
        baseline: Against the baseline on the same rows.
        champion: Against the champion on rows new to both; None without a champion.
        champion_version: Version compared with.
        window: Days.
        rows: Rows by part: train, holdout, refit.
        class_counts: Rows per class over all labelled rows; empty for quantities.
        dataset_fingerprint: sha256 over keys, features and label.
        reference: Training statistics for drift.
        importance: Weight by feature, largest first.
        holdout: For plots.
    """

    spec: ModelSpec
    as_of: date
    context: TrainingContext
    training_key: str
    fitted: Fitted
    decision: Decision
    measured: Measurement
    secondary: Mapping[str, float | None]
    baseline: Comparison
    champion: Comparison | None
    champion_version: int | None
    window: Window
    rows: Mapping[str, int]
    class_counts: Mapping[str, int]
    dataset_fingerprint: str
    reference: Mapping[str, Any]
    importance: Mapping[str, float]
    holdout: Holdout
