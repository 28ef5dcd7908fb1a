"""One prediction in full: the stored row, every input, what it adds, and where it comes from."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ngm_assets.engine.base import Query
from ngm_assets.errors import ConfigError
from ngm_assets.explain import explain, raw_columns
from ngm_assets.features.tables import feature_contracts
from ngm_assets.lineage import Branch, upstream
from ngm_assets.models.catalog.spec import ModelSpec
from ngm_assets.models.data.dataset import catalog
from ngm_assets.predictions.tables import prediction_contract
from ngm_assets.raw.contract import raw_tables
from ngm_assets_tests.estate import open_estate
from ngm_assets_tests.whole import Whole

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.engine.base import Engine


def scored(whole: Whole) -> dict[str, tuple[ModelSpec, dict[str, Any]]]:
    """Return per problem a model and the stored row that has most drivers and is newest."""
    found: dict[str, tuple[ModelSpec, dict[str, Any]]] = {}
    for spec in catalog():
        contract = prediction_contract(spec)
        rows = whole.tables_again[contract.full_name]
        if len(rows) and spec.problem not in found:
            sql = (
                f"SELECT * FROM {contract.full_name} "
                f"ORDER BY LENGTH(drivers) DESC, {', '.join(contract.key)} LIMIT 1"
            )
            found[spec.problem] = spec, whole.platform.engine.rows(Query(sql, {}))[0]
    return found


def asked(whole: Whole, spec: ModelSpec, row: dict[str, Any]) -> dict[str, Any]:
    """Return the explanation of a stored row."""
    contract = prediction_contract(spec)
    keys = [row[name] for name in contract.entity_key]
    return explain(whole.platform, whole.registry, spec.name, keys, row[contract.partition])


@pytest.fixture(scope="module")
def told(whole: Whole) -> dict[str, tuple[ModelSpec, dict[str, Any], dict[str, Any]]]:
    """Return specification, stored row and explanation per problem that has predictions."""
    found = {
        kind: (spec, row, asked(whole, spec, row)) for kind, (spec, row) in scored(whole).items()
    }
    assert {"anomaly", "binary", "regression"} <= set(found)
    return found


Told = dict[str, tuple[ModelSpec, dict[str, Any], dict[str, Any]]]


def test_the_prediction_is_the_stored_row(told: Told) -> None:
    for spec, row, answer in told.values():
        assert answer["prediction"] | {"drivers": row["drivers"]} == row
        assert answer["model"] == spec.name
        assert answer["current"] is True


def test_every_input_of_the_model_is_there_strongest_first(told: Told) -> None:
    for spec, _, answer in told.values():
        names = [one["feature"] for one in answer["inputs"]]
        assert sorted(names) == sorted(spec.features)
        sizes = [abs(one["contribution"]) for one in answer["inputs"]]
        assert sizes == sorted(sizes, reverse=True)
        assert all(one["meaning"] for one in answer["inputs"])


def test_the_contributions_are_those_of_the_stored_drivers(told: Told) -> None:
    for _, _, answer in told.values():
        inputs = {one["feature"]: one for one in answer["inputs"]}
        drivers = answer["prediction"]["drivers"]
        assert drivers
        for driver in drivers:
            one = inputs[driver["feature"]]
            assert driver["contribution"] == pytest.approx(one["contribution"], rel=1e-4, abs=1e-9)
            if isinstance(driver["value"], float | int):
                assert driver["value"] == pytest.approx(one["value"], rel=1e-4)
            else:
                assert driver["value"] == one["value"]
        least = abs(drivers[-1]["contribution"])
        others = [abs(o["contribution"]) for f, o in inputs.items() if f not in _names(drivers)]
        assert all(other <= least * (1 + 1e-4) for other in others)


def _names(drivers: list[dict[str, Any]]) -> set[str]:
    return {driver["feature"] for driver in drivers}


def test_every_feature_of_every_model_is_made_of_columns_or_rows_of_raw_tables() -> None:
    known = {f"{table}.{name}" for table, raw in raw_tables().items() for name in (*raw.types, "*")}
    for spec in catalog():
        table = feature_contracts()[spec.feature_table].full_name
        for name in spec.features:
            found = raw_columns(upstream((table, name)))
            assert found, (spec.name, name)
            assert found <= known, (spec.name, name)


def test_a_count_is_made_of_the_rows_of_its_raw_table() -> None:
    found = raw_columns(upstream(("features.performance_features", "query_count")))
    assert found == {"system.query.history.*"}


def test_every_input_names_its_raw_columns(told: Told) -> None:
    for spec, _, answer in told.values():
        table = feature_contracts()[spec.feature_table].full_name
        for one in answer["inputs"]:
            assert one["made_of"] == sorted(raw_columns(upstream((table, one["feature"]))))


def test_the_ends_of_a_lineage_tree_are_its_raw_columns() -> None:
    raw = Branch("system.access.audit", "event_time", ())
    other = Branch("system.access.audit", "user_identity", (Branch("x", "y", ()),))
    gold = Branch("gold.fact_audit_logs", "hour", (raw, Branch("gold.constant", "z", ())))
    tree = Branch("features.security_features", "late", (gold, other))
    assert raw_columns(tree) == {"system.access.audit.event_time", other.label}


def test_the_version_that_scored_the_row_is_named(whole: Whole, told: Told) -> None:
    for spec, row, answer in told.values():
        version = answer["version"]
        kept = next(v for v in whole.versions[spec.name] if v["version"] == version["version"])
        assert version["version"] == row["model_version"]
        assert version["trained_through"] == kept["trained_through"].isoformat()
        assert version["as_of"] == kept["as_of"].isoformat()
        assert version["metric"] == spec.metric.name
        assert version["value"] is not None
        assert version["estimator"] == spec.estimator.type


class Changed:
    """An engine on whose tables one column has changed since, or the rows are gone."""

    def __init__(self, engine: Engine, column: str) -> None:
        self.engine, self.column = engine, column
        self.rows = engine.rows

    def frame(self, query: Query) -> pd.DataFrame:
        """Return the rows as they are now."""
        frame = self.engine.frame(query)
        if not self.column:
            return frame.head(0)
        frame[self.column] = frame[self.column].fillna(0) + 1
        return frame


@pytest.mark.parametrize("kind", ["anomaly", "binary"])
def test_features_that_have_changed_since_are_said_to_have(
    whole: Whole, told: Told, kind: str
) -> None:
    spec, row, answer = told[kind]
    feature = spec.features[0]
    engine: Any = Changed(whole.platform.engine, feature)
    contract = prediction_contract(spec)
    keys, day = [row[name] for name in contract.entity_key], row[contract.partition]
    platform = replace(whole.platform, engine=engine)
    now = explain(platform, whole.registry, spec.name, keys, day)
    assert now["current"] is False
    assert now["prediction"] == answer["prediction"]
    values = [{one["feature"]: one["value"] for one in side["inputs"]} for side in (now, answer)]
    assert values[0][feature] == (values[1][feature] or 0) + 1
    gone: Any = Changed(whole.platform.engine, "")
    lost = explain(replace(whole.platform, engine=gone), whole.registry, spec.name, keys, day)
    assert (lost["inputs"], lost["current"]) == ([], False)


def refusal(whole: Whole, model: str, keys: list[str], day: date) -> ConfigError:
    """Return why nothing can be explained."""
    with pytest.raises(ConfigError) as refused:
        explain(whole.platform, whole.registry, model, keys, day)
    return refused.value


def test_an_unknown_model_is_answered_with_the_nearest(whole: Whole, told: Told) -> None:
    spec, _, _ = told["binary"]
    error = refusal(whole, f"{spec.name}s", ["x"], date(2026, 6, 1))
    assert spec.name in str(error.mend)


def test_the_wrong_number_of_keys_is_answered_with_their_names(whole: Whole, told: Told) -> None:
    spec, row, _ = told["binary"]
    contract = prediction_contract(spec)
    error = refusal(whole, spec.name, ["x"] * 3, row[contract.partition])
    assert "3 key values given" in error.what
    assert " and ".join(contract.entity_key) in str(error.mend)


def test_a_day_without_a_prediction_is_answered_with_those_that_have_one(
    whole: Whole, told: Told
) -> None:
    spec, row, _ = told["binary"]
    contract = prediction_contract(spec)
    keys = [row[name] for name in contract.entity_key]
    rows = whole.tables_again[contract.full_name]
    for name, value in zip(contract.entity_key, keys, strict=True):
        rows = rows[rows[name] == value]
    days = rows[contract.partition].dt.date
    error = refusal(whole, spec.name, keys, whole.plan.end + timedelta(days=30))
    assert f"from {days.min()} to {days.max()}" in str(error.mend)


def test_an_unknown_key_is_answered_with_the_nearest(whole: Whole, told: Told) -> None:
    spec, row, _ = told["anomaly"]
    contract = prediction_contract(spec)
    keys = [row[name] for name in contract.entity_key]
    wrong = [*keys[:-1], f"{keys[-1]}0"]
    error = refusal(whole, spec.name, wrong, row[contract.partition])
    assert " ".join(wrong) in error.what
    assert " ".join(keys) in str(error.mend)


def test_before_anything_was_scored_the_remedy_is_to_score(whole: Whole, tmp_path: Path) -> None:
    empty = open_estate(tmp_path / "landing", tmp_path / "home")
    with pytest.raises(ConfigError) as refused:
        explain(empty, whole.registry, "budget_forecaster", ["1"], date(2026, 6, 1))
    assert "ngm run" in str(refused.value.mend)
