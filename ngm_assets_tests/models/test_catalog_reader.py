"""The catalogue: a bad entry is refused with file, line, field and the nearest valid name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ngm_assets.models.catalog.spec import ModelSpec
from ngm_assets_tests.models.catalogues import line_of, load, refusal, write
from ngm_assets_tests.models.making import spec_entry, spec_of


def test_valid_entries_become_specifications_in_order(tmp_path: Path) -> None:
    entries = [spec_entry("binary"), spec_entry("regression"), spec_entry("anomaly")]
    specs = load(write(tmp_path, *entries))
    assert [spec.name for spec in specs] == ["binary_model", "regression_model", "anomaly_model"]
    assert specs[0] == spec_of("binary")


def test_the_domain_is_the_files_unless_said(tmp_path: Path) -> None:
    entry = spec_entry()
    del entry["domain"]
    assert load(write(tmp_path, entry))[0].domain == "cost"


def _nested(part: str, **changes: Any) -> Callable[[dict[str, Any]], None]:
    def change(entry: dict[str, Any]) -> None:
        entry[part] = entry[part] | changes

    return change


def _top(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda entry: entry.update(changes)


BAD: dict[str, tuple[Callable[[dict[str, Any]], None], str, str, str]] = {
    "unknown feature": (
        _top(features=["load", "siez", "errors"]),
        "- siez",
        "features.1",
        "mean size?",
    ),
    "a key as feature": (_top(features=["errors", "usage_date"]), "- usage_date", "features.1", ""),
    "unknown table": (
        _top(feature_table="cost_feature"),
        "feature_table:",
        "feature_table",
        "mean cost_features?",
    ),
    "unknown estimator": (
        _nested("estimator", type="xgbost_binary"),
        "type: xgbost",
        "estimator.type",
        "mean xgboost_binary?",
    ),
    "estimator by a path that is not there": (
        _nested("estimator", type="ngm_assets.nowhere:Thing"),
        "type: ngm",
        "estimator.type",
        "package.module:Class",
    ),
    "estimator of another problem": (
        _nested("estimator", type="isolation_forest"),
        "type: iso",
        "estimator.type",
        "xgboost_binary",
    ),
    "unknown parameter": (
        _nested("estimator", params={"max_dept": 3}),
        "max_dept",
        "estimator.params.max_dept",
        "mean max_depth?",
    ),
    "label column missing": (
        _nested("label", column="outcom"),
        "column: outcom",
        "label.column",
        "mean outcome?",
    ),
    "baseline column missing": (
        _nested("baseline", column="rulee"),
        "column: rulee",
        "baseline.column",
        "mean rule?",
    ),
    "horizon 0": (_nested("label", horizon_days=0), "horizon_days: 0", "label.horizon_days", ""),
    "threshold without metric": (
        _top(metric={"threshold": 0.3}),
        "metric:",
        "metric.name",
        "Add name.",
    ),
    "unknown metric": (
        _top(metric={"name": "average_precison"}),
        "name: average_precison",
        "metric.name",
        "mean average_precision?",
    ),
    "metric of another problem": (_top(metric={"name": "mae"}), "name: mae", "metric.name", ""),
    "unknown key": (_top(ownr="team:x"), "ownr", "ownr", "mean owner?"),
    "unknown nested key": (
        _top(training={"windowdays": 90}),
        "windowdays",
        "training.windowdays",
        "mean window_days?",
    ),
    "severity out of order": (
        _top(severity={"low": 0.7, "medium": 0.6}),
        "severity:",
        "severity",
        "",
    ),
    "unknown severity": (_top(severity={"lwo": 0.5}), "lwo", "severity.lwo", "mean low?"),
    "unknown placeholder": (
        _top(recommended_action="Look at {workspace}."),
        "recommended_action",
        "recommended_action",
        "mean workspace_id?",
    ),
    "malformed template": (
        _top(recommended_action="Look at {workspace_id."),
        "recommended_action",
        "recommended_action",
        "",
    ),
    "proxy on a supervised model": (
        lambda entry: entry.update(proxy=entry["label"]),
        "proxy:",
        "proxy",
        "",
    ),
    "another file's domain": (_top(domain="security"), "domain:", "domain", "cost"),
    "no owner": (_top(owner="somebody"), "owner:", "owner", ""),
    "the label as feature": (_top(features=["errors", "outcome"]), "features:", "features", ""),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_entry_is_refused_where_it_stands(name: str, tmp_path: Path) -> None:
    change, text, field, hint = BAD[name]
    entry = spec_entry()
    change(entry)
    folder = write(tmp_path, spec_entry("anomaly"), entry)
    error = refusal(folder)
    line = line_of(folder / "cost.yaml", text)
    assert error.where == f"catalog/cost.yaml:{line}:{field}"
    assert hint in error.mend
    assert "binary_model" in error.what


def test_an_anomaly_band_below_the_threshold_is_refused(tmp_path: Path) -> None:
    entry = spec_entry("anomaly", severity={"info": 0.0, "low": 0.4})
    assert "0.5" in refusal(write(tmp_path, entry)).what


def test_a_parameter_that_names_a_foreign_feature_is_refused(tmp_path: Path) -> None:
    entry = spec_entry("anomaly")
    entry["estimator"] = {"type": "robust_deviation", "params": {"directions": {"lod": "up"}}}
    error = refusal(write(tmp_path, entry))
    assert error.where.endswith(":estimator.params.directions.lod")
    assert "load" in error.mend


def test_a_name_taken_in_another_file_is_refused_with_both_places(tmp_path: Path) -> None:
    write(tmp_path, spec_entry())
    other = spec_entry(domain="security")
    error = refusal(write(tmp_path, other, file="security.yaml"))
    assert "catalog/cost.yaml:2:name" in str(error)
    assert "catalog/security.yaml:2:name" in str(error)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, spec_entry())
    path = folder / "cost.yaml"
    path.write_text(path.read_text() + "  owner: team:second\n")
    error = refusal(folder)
    assert error.where == f"catalog/cost.yaml:{line_of(path, 'team:second')}:owner"


def test_what_is_not_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "cost.yaml").write_text("models:\n  - name: x\n    owner: [unclosed\n")
    error = refusal(folder)
    assert error.where.startswith("catalog/cost.yaml:4:")
    assert error.what.startswith("Not YAML")


def test_a_file_of_another_shape_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "cost.yaml").write_text("- name: x\n")
    assert "models" in refusal(folder).mend


def test_all_faults_of_all_files_come_in_one_error(tmp_path: Path) -> None:
    write(tmp_path, spec_entry(features=["lode"]), spec_entry("anomaly", seed="x"))
    folder = write(tmp_path, {"name": "thin"}, file="security.yaml")
    text = str(refusal(folder))
    for part in ("features.0", "seed", "security.yaml:2:description", "mean load?"):
        assert part in text


def test_the_hash_follows_what_is_fitted_and_not_how_it_is_told() -> None:
    spec = spec_of()
    told = {"description": "Other words.", "owner": "team:other", "recommended_action": "Act."}
    assert spec.model_copy(update=told).spec_hash() == spec.spec_hash()
    for change in ({"seed": 8}, {"features": ("load",)}, {"alert_budget": 0.02}):
        assert spec.model_copy(update=change).spec_hash() != spec.spec_hash()
    unit = spec_entry()
    unit["label"] = unit["label"] | {"unit": "percent"}
    assert ModelSpec.model_validate(unit).spec_hash() == spec.spec_hash()
