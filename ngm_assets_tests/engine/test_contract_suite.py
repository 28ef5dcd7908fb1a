"""DuckDB and Spark make the same tables of the same raw rows.

Keys, counts, text, decimals, dates and flags agree exactly, floats to a relative 1e-9.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ngm_assets.demo.generate import generate
from ngm_assets.engine.base import Query
from ngm_assets.features.quality import feature_findings
from ngm_assets.features.tables import feature_contracts
from ngm_assets.gold.quality import gold_findings
from ngm_assets.gold.tables import UNDATED, gold_contracts
from ngm_assets.lakehouse.quality import Finding, measure
from ngm_assets.models.data.dataset import (
    catalog,
    eligible_keys,
    label_parameters,
    label_sql,
    training_frame,
)
from ngm_assets.platform import Platform
from ngm_assets.predictions.latest import latest_views
from ngm_assets.raw.landing import Landing
from ngm_assets_tests.comparing import assert_same_rows, plain
from ngm_assets_tests.engine.sessions import store_raw, unity_engine
from ngm_assets_tests.estate import open_estate, read_rows, write_features, write_gold
from ngm_assets_tests.landings import awkward_landing

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TOLERANCE = 1e-9
GOLD = sorted(gold_contracts())
FEATURES = sorted(feature_contracts())
ONE_PER_TABLE = {spec.feature_table: spec for spec in catalog()}


@dataclass(frozen=True)
class Both:
    """One landing, written by both engines on the days `start..end`."""

    duckdb: Platform
    spark: Platform
    start: date
    end: date


@pytest.fixture(scope="module", params=["awkward", "demo"])
def both(
    request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Both:
    """Write gold and features of a landing with both engines."""
    folder = tmp_path_factory.mktemp("a landing")
    if request.param == "demo":
        made = generate(folder / "landing", days=35, scale=0.03)
        start, end = made.start, made.end
    else:
        start, end = date(2023, 11, 19), date(2024, 1, 5)
        awkward_landing(folder / "landing", seed=2, days=46, start=start + timedelta(days=1))
    platform = open_estate(folder / "landing", folder / "home")
    raw = store_raw(Landing(folder / "landing"), folder / "raw")
    engine = unity_engine(spark, folder / "tables", raw)
    other = Platform(platform.settings, engine, engine.lakehouse, platform.contracts)
    for one in (platform, other):
        write_gold(one, start, end)
        write_features(one, start, end)
    return Both(platform, other, start, end)


@pytest.mark.parametrize("table", [*GOLD, *FEATURES])
def test_tables_are_the_same(both: Both, table: str) -> None:
    contract = {**gold_contracts(), **feature_contracts()}[table]
    theirs = read_rows(both.duckdb, contract.full_name)
    assert theirs
    assert_same_rows(
        contract.full_name,
        read_rows(both.spark, contract.full_name),
        theirs,
        [contract.partition, *contract.entity_key],
        tolerance=TOLERANCE,
    )


def test_frames_have_the_same_types(both: Both) -> None:
    for contract in (*gold_contracts().values(), *feature_contracts().values()):
        query = Query(f"SELECT * FROM {contract.full_name}", {})
        mine, theirs = (one.engine.frame(query).dtypes for one in (both.spark, both.duckdb))
        assert mine.equals(theirs), contract.full_name


@pytest.mark.parametrize("table", GOLD)
def test_the_same_rows_are_rejected_for_the_same_reasons(both: Both, table: str) -> None:
    name = f"gold.{table}_rejects"
    mine, theirs = (
        Counter(tuple(map(plain, row.values())) for row in read_rows(one, name))
        for one in (both.spark, both.duckdb)
    )
    assert mine == theirs


@pytest.mark.parametrize("table", GOLD)
def test_checks_of_gold_find_the_same(both: Both, table: str) -> None:
    contract, days = gold_contracts()[table], (both.start, both.end)
    mine, theirs = (
        gold_findings(one.engine, contract, measure(one.engine, contract, *days), *days)
        for one in (both.spark, both.duckdb)
    )
    assert [passing(finding) for finding in mine] == [passing(finding) for finding in theirs]


@pytest.mark.parametrize("table", FEATURES)
def test_checks_of_features_find_the_same(both: Both, table: str) -> None:
    contract, days = feature_contracts()[table], (both.start, both.end)
    mine, theirs = (
        (measure(one.engine, contract, *days), feature_findings(one.engine, contract, *days))
        for one in (both.spark, both.duckdb)
    )
    assert mine == theirs


def passing(finding: Finding) -> Finding:
    """Return a finding without the names of tables that only the landing folder can lack."""
    return (
        replace(finding, passed=True, numbers={}) if finding.name == "source_present" else finding
    )


def test_every_view_of_the_latest_predictions_runs(both: Both) -> None:
    for name in latest_views():
        for one in (both.spark, both.duckdb):
            assert one.engine.rows(Query(f"SELECT * FROM {name}", {})) == [], name


@pytest.mark.parametrize("table", FEATURES)
def test_labels_are_the_same(both: Both, table: str) -> None:
    contract = feature_contracts()[table]
    words = label_parameters(both.duckdb.settings.words)
    query = Query(label_sql(table), {"start_date": both.start, "end_date": both.end, **words})
    mine, theirs = (one.engine.rows(query) for one in (both.spark, both.duckdb))
    assert theirs
    assert_same_rows(
        f"labels of {table}",
        [{name: as_float(value) for name, value in row.items()} for row in mine],
        [{name: as_float(value) for name, value in row.items()} for row in theirs],
        [contract.partition, *contract.entity_key],
        tolerance=TOLERANCE,
    )


def as_float(value: Any) -> Any:
    """Return a whole number as a float: engines differ in the type of a sum."""
    return float(value) if isinstance(value, int) else value


@pytest.mark.parametrize("table", sorted(ONE_PER_TABLE))
def test_a_model_learns_from_the_same_rows(both: Both, table: str) -> None:
    import numpy as np
    import pandas as pd

    spec, as_of = ONE_PER_TABLE[table], both.end - timedelta(days=3)
    mine, theirs = (
        training_frame(one.engine, spec, as_of, one.settings.words)
        for one in (both.spark, both.duckdb)
    )
    assert mine.keys.equals(theirs.keys)
    pd.testing.assert_frame_equal(mine.features, theirs.features, rtol=TOLERANCE)
    assert (mine.label is None) == (theirs.label is None)
    for ours, other in ((mine.label, theirs.label), (mine.baseline, theirs.baseline)):
        if ours is not None and other is not None:
            np.testing.assert_allclose(ours, other, rtol=TOLERANCE)


def test_every_model_scores_the_same_keys(both: Both) -> None:
    for spec in catalog():
        mine, theirs = (
            eligible_keys(one.engine, spec, both.start, both.end)
            for one in (both.spark, both.duckdb)
        )
        assert mine == theirs, spec.name


def test_a_day_written_again_alone_is_the_same(both: Both) -> None:
    day = both.end - timedelta(days=9)
    for table in ("cost_features", "reliability_features"):
        contract = feature_contracts()[table]
        before = read_rows(both.spark, contract.full_name)
        write_features(both.spark, day, day, [table])
        assert_same_rows(
            table,
            read_rows(both.spark, contract.full_name),
            before,
            [contract.partition, *contract.entity_key],
        )


def test_the_landings_have_rejects_with_and_without_a_date(both: Both) -> None:
    if both.start.year == 2023:
        days = [row["event_date"] for row in read_rows(both.spark, "gold.fact_audit_logs_rejects")]
        assert UNDATED in days
        assert len(set(days)) > 1
