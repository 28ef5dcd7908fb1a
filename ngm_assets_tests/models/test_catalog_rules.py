"""Rules across a catalogue entry: row conditions, texts, reasons, and models that are twins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ngm_assets_tests.models.catalogues import line_of, load, refusal, write
from ngm_assets_tests.models.making import TEXTS, spec_entry


def _text_entry(**changes: Any) -> dict[str, Any]:
    base = {
        "features": list(TEXTS),
        "estimator": {"type": "text_classifier"},
        "recommended_action": "Look at {job_name}.",
    }
    return spec_entry("multiclass", **(base | changes))


@pytest.mark.parametrize(
    "condition",
    [
        "load > 1 AND size IS NULL",
        "workspace_id LIKE 'prod%' OR NOT errors = 0",
        "coalesce(extra, 0) BETWEEN 1 AND 2",
        "job_name IN ('a', 'b;c -- d')",
        "usage_date >= DATE '2026-01-01'",
    ],
)
def test_a_condition_over_any_column_of_the_table_is_accepted(
    condition: str, tmp_path: Path
) -> None:
    rows = {"where": condition, "scored_where": condition}
    (spec,) = load(write(tmp_path, spec_entry(rows=rows)))
    assert spec.rows.scored() == f"({condition}) AND ({condition})"


@pytest.mark.parametrize(
    ("condition", "what", "mend"),
    [
        ("siez > 1", "unknown column siez", "Did you mean size?"),
        ("f.size > 1", "unknown column f.size", "Did you mean size?"),
        ("load > (SELECT max(load) FROM t)", "more than a condition on one row", ""),
        ("EXISTS (SELECT 1)", "more than a condition on one row", ""),
        ("sum(load) > 1", "more than a condition on one row", ""),
        ("row_number() OVER (ORDER BY load) = 1", "more than a condition on one row", ""),
        ("load > :least", "more than a condition on one row", ""),
        ("load > 1 -- and then nothing", "more than a condition on one row", ""),
        ("load >", "is not an SQL condition", "workspace_id"),
        ("job_name = 'open", "is not an SQL condition", "workspace_id"),
        ("load > 1; DROP TABLE t", "is not an SQL condition", ""),
        ("load > 1) OR (1 = 1", "is not an SQL condition", ""),
        ("SELECT 1", "is not an SQL condition", ""),
        ("DROP TABLE t", "is not an SQL condition", ""),
    ],
)
@pytest.mark.parametrize("field", ["where", "scored_where"])
def test_another_condition_is_refused_where_it_stands(
    field: str, condition: str, what: str, mend: str, tmp_path: Path
) -> None:
    folder = write(tmp_path, spec_entry("anomaly"), spec_entry(rows={field: condition}))
    error = refusal(folder)
    line = line_of(folder / "cost.yaml", f"{field}:")
    assert error.where == f"catalog/cost.yaml:{line}:rows.{field}"
    assert what in error.what
    assert "binary_model" in error.what
    assert mend in error.mend


def test_an_unknown_key_of_the_rows_is_refused_with_the_nearest(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, spec_entry(rows={"wehre": "load > 1"})))
    assert error.where.endswith(":rows.wehre")
    assert error.mend == "Did you mean where?"


def test_a_condition_on_a_table_that_is_not_there_is_no_second_fault(tmp_path: Path) -> None:
    entry = spec_entry(feature_table="cost_feature", rows={"where": "load > 1"})
    assert refusal(write(tmp_path, entry)).where.endswith(":feature_table")


def test_a_classifier_of_names_takes_texts_and_nothing_else(tmp_path: Path) -> None:
    assert load(write(tmp_path, _text_entry()))[0].features == TEXTS
    error = refusal(write(tmp_path, _text_entry(features=["job_name", "load"])))
    assert error.where.endswith(":features.1")
    assert "load is a number, text_classifier takes only texts" in error.what


def test_trees_take_no_texts(tmp_path: Path) -> None:
    folder = write(tmp_path, spec_entry(features=["load", "errors", "team"]))
    error = refusal(folder)
    line = line_of(folder / "cost.yaml", "- team")
    assert error.where == f"catalog/cost.yaml:{line}:features.2"
    assert "team is a text, xgboost_binary takes only numbers" in error.what


def test_words_must_be_features(tmp_path: Path) -> None:
    estimator = {"type": "text_classifier", "params": {"words": ["job_nam"]}}
    error = refusal(write(tmp_path, _text_entry(estimator=estimator)))
    assert error.where.endswith(":estimator.params.words")
    assert error.mend == "Did you mean job_name?"


def test_a_classifier_of_names_serves_several_classes_only(tmp_path: Path) -> None:
    entry = spec_entry(features=list(TEXTS), estimator={"type": "text_classifier"})
    error = refusal(write(tmp_path, entry | {"recommended_action": "Look."}))
    assert "does not serve problem binary" in error.what


def test_a_reason_names_features_of_the_model(tmp_path: Path) -> None:
    entry = spec_entry(reasons={"volume": ["load", "size"], "trouble": ["error"]})
    folder = write(tmp_path, entry)
    error = refusal(folder)
    line = line_of(folder / "cost.yaml", "trouble:")
    assert error.where == f"catalog/cost.yaml:{line}:reasons.trouble"
    assert error.mend == "Did you mean errors?"


def test_two_models_may_not_learn_the_same_from_the_same_in_one_way(tmp_path: Path) -> None:
    first = spec_entry()
    twin = spec_entry(name="twin", features=list(reversed(first["features"])), seed=99)
    folder = write(tmp_path, first, spec_entry("anomaly"), twin)
    error = refusal(folder)
    line = line_of(folder / "cost.yaml", "name: twin")
    assert error.where == f"catalog/cost.yaml:{line}:name"
    assert error.what == (
        "twin has the target, features and estimator of the model at catalog/cost.yaml:2:name."
    )


def test_a_twin_in_another_file_is_found(tmp_path: Path) -> None:
    write(tmp_path, spec_entry())
    twin = spec_entry(name="twin", domain="security")
    error = refusal(write(tmp_path, twin, file="security.yaml"))
    assert error.where == "catalog/security.yaml:2:name"
    assert "catalog/cost.yaml:2:name" in error.what


@pytest.mark.parametrize(
    "change",
    [
        {"features": ["load", "size"]},
        {"estimator": {"type": "xgboost_multiclass"}, "problem": "multiclass"},
        {"label": spec_entry()["label"] | {"column": "rule"}},
    ],
)
def test_models_that_differ_in_one_of_the_three_may_stand_together(
    change: dict[str, Any], tmp_path: Path
) -> None:
    other = spec_entry(name="other", recommended_action="Look.", **change)
    if other["problem"] == "multiclass":
        other["metric"] = {"name": "accuracy"}
    assert len(load(write(tmp_path, spec_entry(), other))) == 2
