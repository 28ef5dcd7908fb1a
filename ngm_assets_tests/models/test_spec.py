"""One entry on its own: what classes, reasons, bands and rows may say together."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ngm_assets.models.catalog.spec import RowsSpec
from ngm_assets_tests.models.making import spec_entry, spec_of


@pytest.mark.parametrize(
    ("problem", "change", "message"),
    [
        ("regression", {"classes": ["a", "b"]}, "classes: not allowed for problem regression"),
        ("anomaly", {"classes": ["a", "b"]}, "classes: not allowed for problem anomaly"),
        ("binary", {"classes": ["yes"]}, "classes: a binary label has two"),
        ("binary", {"classes": ["a", "b", "c"]}, "classes: a binary label has two"),
        ("multiclass", {"classes": ["a", "b", "a"]}, "classes: a name stands twice"),
        ("binary", {"quiet_classes": ["a"]}, "quiet_classes: not allowed for problem binary"),
        ("multiclass", {"quiet_classes": ["mute"]}, "quiet_classes: must be among the classes"),
        ("multiclass", {"reasons": {"x": ["load"]}}, "reasons: not allowed for problem multiclass"),
        (
            "binary",
            {"reasons": {"x": ["load"]}, "classes": ["no", "yes"]},
            "reasons: the predicted label is either a class or a reason",
        ),
        ("anomaly", {"worse": "lower", "severity": {"low": 0.5}}, "worse: lower has no meaning"),
        ("multiclass", {"worse": "lower", "severity": {"low": 0.5}}, "worse: lower has no meaning"),
        (
            "regression",
            {"worse": "lower", "severity": {"info": 50, "low": 60}},
            "severity: bounds must descend",
        ),
        ("quantile", {"severity": {"info": 60, "low": 50}}, "severity: bounds must ascend"),
        ("binary", {"severity": {}}, "severity: bounds must ascend"),
        ("regression", {"worse": "sideways"}, "Input should be 'higher' or 'lower'"),
        ("quantile", {"severity_of": "median"}, "Input should be 'ratio' or 'prediction'"),
        ("binary", {"training": {"split": "random"}}, "Input should be 'time' or 'entity'"),
        ("binary", {"rows": {"where": ""}}, "at least 1 character"),
    ],
)
def test_what_does_not_go_together_is_refused(
    problem: str, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        spec_of(problem, **change)


@pytest.mark.parametrize(
    ("problem", "change"),
    [
        ("binary", {"classes": ["no", "yes"]}),
        ("binary", {"reasons": {"volume": ["load", "size"], "trouble": ["errors"]}}),
        ("multiclass", {"classes": ["a", "b", "c"], "quiet_classes": ["b"]}),
        ("multiclass", {"classes": [], "quiet_classes": ["whatever occurs"]}),
        (
            "quantile",
            {"worse": "lower", "severity_of": "prediction", "severity": {"info": 100, "low": 95}},
        ),
        ("regression", {"worse": "lower", "severity": {"critical": 0.5}}),
        ("binary", {"worse": "lower", "severity": {"info": 1.0, "low": 0.5}}),
        ("binary", {"training": {"split": "entity"}, "rows": {"scored_where": "load IS NULL"}}),
    ],
)
def test_what_goes_together_is_accepted(problem: str, change: dict[str, Any]) -> None:
    spec = spec_of(problem, **change)
    assert spec.problem == problem


@pytest.mark.parametrize(
    ("where", "scored_where", "scored"),
    [
        (None, None, "TRUE"),
        ("a OR b", None, "(a OR b)"),
        (None, "c", "(c)"),
        ("a OR b", "c", "(a OR b) AND (c)"),
    ],
)
def test_scored_rows_meet_both_conditions(
    where: str | None, scored_where: str | None, scored: str
) -> None:
    assert RowsSpec(where=where, scored_where=scored_where).scored() == scored


def test_the_hash_follows_rows_classes_and_split_but_not_how_severity_is_told() -> None:
    base = spec_entry("multiclass")
    hashes = {spec_of("multiclass").spec_hash()}
    for change in (
        {"rows": {"where": "load > 1"}},
        {"classes": ["low", "middle", "other"]},
        {"training": {"split": "entity"}},
    ):
        hashes.add(spec_of("multiclass", **change).spec_hash())
    assert len(hashes) == 4
    told = spec_of("multiclass", quiet_classes=[base["classes"][0]], severity={"low": 0.9})
    assert told.spec_hash() in hashes
    binary = spec_of("binary", reasons={"volume": ["load"]})
    assert binary.spec_hash() == spec_of("binary").spec_hash()
    quantile = spec_of("quantile", worse="lower", severity_of="prediction", severity={"low": 3})
    assert quantile.spec_hash() == spec_of("quantile").spec_hash()
