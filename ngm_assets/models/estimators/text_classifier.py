"""Classes from words: names split into words, weighed by TF-IDF, classified linearly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import InsufficientData, ModelError
from ngm_assets.models.estimators.base import Flavor, Outputs
from ngm_assets.models.estimators.boosted import label_of, require_variation
from ngm_assets.models.estimators.temperature import fit_temperature, softmax
from ngm_assets.models.estimators.xgboost_multiclass import classified

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import FloatArray, ModelFrame

_FILE = "model.skops"
_FOLDS = 5
_SEPARATORS = re.compile(r"[\s_\-./:]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def words_of(name: str) -> list[str]:
    """Split a name at `_ - . / :`, blanks and changes of case; the words are lower case."""
    parts = [part for chunk in _SEPARATORS.split(name) for part in _HUMP.split(chunk)]
    return [part.lower() for part in parts if part]


@dataclass(frozen=True)
class FittedText:
    """A linear classifier over the words of some features and the whole values of all.

    Attributes:
        pipeline: DictVectorizer, TfidfTransformer, LogisticRegression.
        features: Names in the order of the specification.
        words: Features that are split into words as well.
        classes: Names by position; the pipeline knows the positions it has seen.
        temperature: Divides the scores before the softmax.
    """

    pipeline: Pipeline
    features: tuple[str, ...]
    words: tuple[str, ...]
    classes: tuple[str, ...]
    temperature: float

    @property
    def flavor(self) -> Flavor:
        """Return sklearn."""
        return "sklearn"

    @property
    def native(self) -> Any:
        """Return the pipeline; it takes rows as mappings from "feature=word" to 1."""
        return self.pipeline

    @property
    def trusted_types(self) -> tuple[str, ...]:
        """Return nothing: skops knows every type of the pipeline."""
        return ()

    def predict(self, features: pd.DataFrame) -> Outputs:
        """Return position, name and probability of the most probable class."""
        return classified(softmax(self._scores(features), self.temperature), self.classes)

    def _scores(self, features: pd.DataFrame) -> FloatArray:
        """Return log odds per class, shape (n, classes); -inf for a class never seen."""
        import numpy as np

        scores = np.full((len(features), len(self.classes)), -np.inf)
        if len(features):
            scores[:, self._seen()] = _scores(self.pipeline, tokens(features, self.words))
        return scores

    def _seen(self) -> NDArray[np.intp]:
        import numpy as np

        return np.asarray(self.pipeline.classes_, dtype=np.intp)

    def contributions(
        self, features: pd.DataFrame, row_index: NDArray[np.intp] | None = None
    ) -> FloatArray:
        """Return what each feature's words add to the predicted class's score, shape (rows, k)."""
        import numpy as np

        rows = features if row_index is None else features.iloc[row_index]
        if not len(rows):
            return np.empty((0, len(self.features)))
        weights = self.pipeline[:-1].transform(tokens(rows, self.words))
        seen = {place: number for number, place in enumerate(self._seen().tolist())}
        chosen = [seen[int(place)] for place in self.predict(rows).prediction]
        added = weights.multiply(_coefficients(self.pipeline)[chosen]).tocsc()
        total = np.zeros((len(rows), len(self.features)))
        names = self.pipeline[0].get_feature_names_out()
        owners = np.array([self.features.index(name.split("=", 1)[0]) for name in names])
        for place in range(len(self.features)):
            total[:, place] = np.asarray(added[:, owners == place].sum(axis=1)).ravel()
        return total

    def importance(self) -> Mapping[str, float]:
        """Return each feature's share of the sum of absolute coefficients."""
        import numpy as np

        size = np.abs(_coefficients(self.pipeline)).sum(axis=0)
        names = self.pipeline[0].get_feature_names_out()
        sums = dict.fromkeys(self.features, 0.0)
        for name, value in zip(names, size, strict=True):
            sums[name.split("=", 1)[0]] += float(value)
        total = sum(sums.values()) or 1.0
        return {name: value / total for name, value in sums.items()}

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the pipeline without pickle; the rest is metadata."""
        import skops.io

        skops.io.dump(self.pipeline, folder / _FILE)
        return {
            "features": list(self.features),
            "words": list(self.words),
            "classes": list(self.classes),
            "temperature": self.temperature,
        }


class TextClassifier:
    """TF-IDF and logistic regression; `words` names the features to split, default all of them."""

    @classmethod
    def fit(cls, frame: ModelFrame, *, spec: ModelSpec, seed: int) -> FittedText:
        """Fit on all rows; the temperature is learnt on folds that were left out.

        Raises:
            InsufficientData: Only one class occurs, or no row holds a word.
        """
        params, label = spec.estimator.params, label_of(frame)
        require_variation(label, spec.target.column)
        names = tuple(frame.features.columns)
        words = tuple(params.get("words", names))
        strength = float(params.get("strength", 10.0))
        rows = tokens(frame.features, words)
        if not any(rows):
            raise InsufficientData(
                f"None of {', '.join(names)} holds a word in {len(rows)} training rows.",
                where=f"features/{spec.feature_table}",
                mend="Check that the names are collected.",
            )
        pipeline = _pipeline(strength).fit(rows, label.astype(int))
        temperature = _temperature(rows, label, strength, len(frame.classes))
        return FittedText(pipeline, names, words, frame.classes, temperature)

    @classmethod
    def load(cls, folder: Path, meta: Mapping[str, Any]) -> FittedText:
        """Restore pipeline and metadata; skops refuses any type it does not know.

        Raises:
            ModelError: The stored pipeline holds a type that is not trusted.
        """
        import skops.io

        try:
            pipeline = skops.io.load(folder / _FILE, trusted=[])
        except (skops.io.exceptions.UntrustedTypesFoundException, TypeError) as error:
            raise ModelError(
                f"The stored pipeline holds untrusted types: {error}.",
                where=str(folder / _FILE),
                mend="Train the model again; do not load this file.",
            ) from error
        return FittedText(
            pipeline,
            tuple(meta["features"]),
            tuple(meta["words"]),
            tuple(meta["classes"]),
            float(meta["temperature"]),
        )


def tokens(features: pd.DataFrame, words: tuple[str, ...]) -> list[dict[str, float]]:
    """Return per row {"feature=word": 1.0} for every word of the features in `words`.

    Every feature gives its whole value too: rows of the same name elsewhere say most of all.
    """
    found: list[dict[str, float]] = [{} for _ in range(len(features))]
    for name in features.columns:
        for row, value in zip(found, features[name].tolist(), strict=True):
            if value is not None and value == value:
                parts = _parts(str(value)) if name in words else [str(value)]
                row.update({f"{name}={part}": 1.0 for part in parts})
    return found


def _parts(name: str) -> list[str]:
    """Return the words of a name and the name itself; nothing for a name without words."""
    words = words_of(name)
    return [name.lower(), *words] if words else []


def _pipeline(strength: float) -> Pipeline:
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    return Pipeline(
        [
            ("words", DictVectorizer()),
            ("weights", TfidfTransformer(sublinear_tf=True)),
            ("classes", LogisticRegression(C=strength, max_iter=500)),
        ]
    )


def _scores(pipeline: Pipeline, rows: list[dict[str, float]]) -> FloatArray:
    """Return log odds per class the pipeline has seen, shape (n, seen)."""
    import numpy as np

    margin = np.asarray(pipeline.decision_function(rows), dtype=np.float64)
    return np.column_stack([-margin / 2, margin / 2]) if margin.ndim == 1 else margin


def _coefficients(pipeline: Pipeline) -> FloatArray:
    """Return the weights per class seen, shape (seen, words)."""
    import numpy as np

    weights = np.asarray(pipeline[-1].coef_, dtype=np.float64)
    return np.vstack([-weights / 2, weights / 2]) if len(weights) == 1 else weights


def _temperature(
    rows: list[dict[str, float]], label: FloatArray, strength: float, classes: int
) -> float:
    """Return the temperature from out-of-fold scores; every fifth row forms a fold."""
    import numpy as np

    fold = np.arange(len(rows)) % _FOLDS
    scores = np.full((len(rows), classes), -np.inf)
    known = np.zeros(len(rows), dtype=bool)
    for number in range(_FOLDS):
        inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        known_rows = [rows[i] for i in inside]
        if len(outside) == 0 or len(np.unique(label[inside])) < 2 or not any(known_rows):
            continue
        fitted = _pipeline(strength).fit(known_rows, label[inside].astype(int))
        part = _scores(fitted, [rows[i] for i in outside])
        scores[np.ix_(outside, np.asarray(fitted.classes_, dtype=np.intp))] = part
        known[outside] = np.isin(label[outside], fitted.classes_)
    return fit_temperature(scores[known], label[known])
