"""The classifier of names: how it reads them, what it does with strange ones, how it is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ngm_assets.errors import InsufficientData, ModelError
from ngm_assets.models.data.frames import ModelFrame
from ngm_assets.models.estimators.temperature import softmax
from ngm_assets.models.estimators.text_classifier import (
    FittedText,
    TextClassifier,
    tokens,
    words_of,
)
from ngm_assets_tests.models.making import CLASSES, TEXTS, text_frame, text_spec
from ngm_assets_tests.pickles import pickles_below


def _fit(frame: ModelFrame, **params: Any) -> FittedText:
    spec = text_spec(estimator={"type": "text_classifier", "params": params})
    return TextClassifier.fit(frame, spec=spec, seed=1)


@pytest.fixture(scope="module")
def fitted() -> FittedText:
    """Return a model of three classes."""
    return _fit(text_frame())


def _named(*names: str | None, team: str | None = None) -> pd.DataFrame:
    rows = {"job_name": list(names), "team": [team] * len(names)}
    return pd.DataFrame(rows, dtype=object)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("etl_finance-daily", ["etl", "finance", "daily"]),
        ("s3://lake/raw.sales:v2", ["s3", "lake", "raw", "sales", "v2"]),
        ("nightly  load\tEU", ["nightly", "load", "eu"]),
        ("dailyRevenueReport", ["daily", "revenue", "report"]),
        ("JSONParserForETL", ["json", "parser", "for", "etl"]),
        ("table2Delta", ["table2", "delta"]),
        ("run2024q1", ["run2024q1"]),
        ("2024-01-31", ["2024", "01", "31"]),
        ("__--..", []),
        ("", []),
        ("Größe_Ärger", ["größe", "ärger"]),
    ],
)
def test_a_name_is_split_at_separators_and_humps(name: str, words: list[str]) -> None:
    assert words_of(name) == words


def test_words_count_per_feature_and_other_texts_as_a_whole() -> None:
    rows = _named("etl_daily", None, team="Data-Team")
    assert tokens(rows, ("job_name",)) == [
        {
            "job_name=etl_daily": 1.0,
            "job_name=etl": 1.0,
            "job_name=daily": 1.0,
            "team=Data-Team": 1.0,
        },
        {"team=Data-Team": 1.0},
    ]


def test_a_missing_text_is_no_word_however_it_is_missing() -> None:
    rows = pd.DataFrame({"job_name": [None, np.nan], "team": ["red", None]}, dtype=object)
    assert tokens(rows, TEXTS) == [{"team=red": 1.0}, {}]


def test_the_word_decides_wherever_it_stands_and_however_it_is_written(fitted: FittedText) -> None:
    rows = _named("load_east", "prodReportNew", "9.TRAIN", "x/score/y")
    label = fitted.predict(rows).label
    assert label is not None
    assert label.tolist() == ["low", "middle", "high", "high"]


def test_a_name_that_is_known_as_a_whole_counts_more_than_its_words() -> None:
    """Both words stand in names of both classes; which class it is only the whole name tells."""
    frame = text_frame(days=40)
    kept = frame.select(np.asarray(frame.label) < 2)
    names = {0.0: ["load_orders", "clean_users"], 1.0: ["load_users", "clean_orders"]}
    assert kept.label is not None
    job_name = [names[label][row % 2] for row, label in enumerate(kept.label.tolist())]
    fitted = _fit(replace(kept, features=kept.features.assign(job_name=job_name, team=None)))
    rows = _named("load_orders", "LOAD_USERS", "clean_orders", "clean_users")
    assert fitted.predict(rows).prediction.tolist() == [0.0, 1.0, 1.0, 0.0]


def test_unknown_words_and_missing_texts_leave_the_usual_classes(fitted: FittedText) -> None:
    outputs = fitted.predict(_named("quite_unheard_of", None))
    assert outputs.probability is not None
    assert outputs.prediction[0] == outputs.prediction[1]
    assert outputs.probability[0] == outputs.probability[1] < 0.6
    known = fitted.predict(_named("load_east")).probability
    assert known is not None and known[0] > 0.75
    np.testing.assert_array_equal(fitted.contributions(_named("quite_unheard_of", None)), 0.0)


def test_an_unknown_word_beside_a_known_one_changes_nothing(fitted: FittedText) -> None:
    one, other = (fitted.predict(_named(name)) for name in ("load", "load_brandnew"))
    np.testing.assert_array_equal(one.probability, other.probability)


def test_position_name_and_probability_are_of_the_same_class(fitted: FittedText) -> None:
    frame = text_frame(seed=8)
    outputs = fitted.predict(frame.features)
    assert outputs.label is not None and outputs.probability is not None
    assert [CLASSES[int(place)] for place in outputs.prediction] == outputs.label.tolist()
    assert (outputs.probability >= 1 / 3).all() and (outputs.probability <= 1).all()


def test_the_probability_comes_true_although_one_name_in_ten_misleads(fitted: FittedText) -> None:
    frame = text_frame(seed=8, days=60)
    outputs = fitted.predict(frame.features)
    assert outputs.probability is not None
    hits = (outputs.prediction == frame.label).mean()
    assert outputs.probability.mean() == pytest.approx(hits, abs=0.04)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_contributions_sum_to_the_score_above_the_classs_own(classes: int) -> None:
    frame = text_frame()
    part = frame.select(np.asarray(frame.label) < classes)
    fitted = _fit(part)
    outputs = fitted.predict(part.features)
    added = fitted.contributions(part.features).sum(axis=1)
    place = outputs.prediction.astype(int)
    own = fitted.pipeline[-1].intercept_
    own = np.array([-own[0] / 2, own[0] / 2]) if classes == 2 else own
    score = own[place] + added
    assert outputs.probability is not None
    others = fitted.pipeline.decision_function(tokens(part.features, fitted.words))
    others = np.column_stack([-others / 2, others / 2]) if classes == 2 else others
    np.testing.assert_allclose(score, others.max(axis=1))
    expected = softmax(others, fitted.temperature).max(axis=1)
    np.testing.assert_allclose(outputs.probability, expected)


def test_the_feature_that_decides_has_the_weight(fitted: FittedText) -> None:
    weight = fitted.importance()
    assert list(weight) == list(TEXTS)
    assert sum(weight.values()) == pytest.approx(1.0)
    assert weight["job_name"] > weight["team"]
    added = fitted.contributions(_named("load_east", team="red"))[0]
    assert added[0] > abs(added[1])


def test_a_class_that_never_occurred_gets_no_probability_at_all() -> None:
    frame = text_frame()
    noise = np.random.default_rng(0).permutation(np.asarray(frame.label))
    shy = replace(frame, label=noise, classes=("never", "no", "nil", *CLASSES))
    fitted = _fit(replace(shy, label=noise + 3))
    outputs = fitted.predict(frame.features)
    seen = fitted.pipeline.decision_function(tokens(frame.features, fitted.words))
    assert outputs.label is not None and outputs.probability is not None
    assert set(outputs.label) <= set(CLASSES)
    np.testing.assert_allclose(
        outputs.probability, softmax(seen, fitted.temperature).max(axis=1), rtol=1e-9
    )


def test_names_without_any_word_teach_nothing() -> None:
    frame = text_frame()
    blank = pd.DataFrame({name: [None] * len(frame) for name in TEXTS}, dtype=object)
    with pytest.raises(InsufficientData, match="holds a word"):
        _fit(replace(frame, features=blank))


def test_a_pipeline_comes_back_from_skops_without_a_pickle(
    fitted: FittedText, tmp_path: Path
) -> None:
    meta = fitted.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.skops"]
    assert pickles_below(tmp_path) == []
    restored = TextClassifier.load(tmp_path, meta)
    rows = _named("load_west", "unknown", None)
    np.testing.assert_array_equal(
        restored.predict(rows).probability, fitted.predict(rows).probability
    )


def test_a_pipeline_with_foreign_types_is_not_loaded(fitted: FittedText, tmp_path: Path) -> None:
    import json

    import skops.io
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    meta = fitted.save(tmp_path)
    foreign = Pipeline([("step", FunctionTransformer(func=json.dumps))])
    skops.io.dump(foreign, tmp_path / "model.skops")
    with pytest.raises(ModelError, match="untrusted"):
        TextClassifier.load(tmp_path, meta)
