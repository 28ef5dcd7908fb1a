"""Lineage follows a value from a result column to the source columns it is computed from."""

from __future__ import annotations

import pytest

from ngm_assets.engine.lineage import ROWS, column_lineage
from ngm_assets.features.tables import feature_contracts, feature_lineage
from ngm_assets.gold.tables import gold_contracts, gold_lineage
from ngm_assets.raw.contract import raw_tables

SCHEMA = {
    "raw.a.events": {"id": "string", "day": "date", "cost": "double", "price": "double"},
    "gold.people": {"id": "string", "name": "string", "day": "date"},
}


def test_values_are_followed_through_steps_expressions_and_unions() -> None:
    found = column_lineage(
        """
        WITH daily AS (
          SELECT id, day, SUM(cost * price) AS total FROM raw.a.events GROUP BY id, day
        ),
        named AS (
          SELECT d.day, d.total, p.name FROM daily AS d JOIN gold.people AS p ON p.id = d.id
        )
        SELECT day, total / 2 AS half, name FROM named WHERE name <> ''
        UNION ALL
        SELECT day, NULL AS half, id AS name FROM gold.people
        """,
        SCHEMA,
    )
    assert found == {
        "day": (("gold.people", "day"), ("raw.a.events", "day")),
        "half": (("raw.a.events", "cost"), ("raw.a.events", "price")),
        "name": (("gold.people", "id"), ("gold.people", "name")),
    }


def test_columns_that_only_join_or_filter_are_no_part_of_a_value() -> None:
    sql = (
        "SELECT p.name FROM gold.people AS p JOIN raw.a.events AS e ON e.id = p.id WHERE e.cost > 0"
    )
    assert column_lineage(sql, SCHEMA) == {"name": (("gold.people", "name"),)}


def test_counts_of_rows_come_from_the_tables_and_no_column() -> None:
    found = column_lineage("SELECT COUNT(*) AS n, 1 AS one FROM gold.people", SCHEMA)
    assert found["n"] == (("gold.people", ROWS),)


@pytest.mark.parametrize("name", sorted(gold_contracts()))
def test_every_gold_column_comes_from_columns_of_the_raw_contract(name: str) -> None:
    contract, lineage = gold_contracts()[name], gold_lineage(name)
    assert set(lineage) == set(contract.column_names)
    for table, column in {source for sources in lineage.values() for source in sources}:
        assert table in contract.sources
        assert column == ROWS or column in raw_tables()[table].types


@pytest.mark.parametrize("name", sorted(feature_contracts()))
def test_every_feature_comes_from_columns_of_gold(name: str) -> None:
    contract, lineage = feature_contracts()[name], feature_lineage(name)
    gold = {c.full_name: c for c in gold_contracts().values()}
    assert set(lineage) == set(contract.column_names)
    for table, column in {source for sources in lineage.values() for source in sources}:
        assert table in contract.sources
        assert column == ROWS or column in gold[table].column_names


@pytest.mark.parametrize(
    ("lineage", "column", "source"),
    [
        (gold_lineage("fact_usage"), "list_cost", ("system.billing.usage", "usage_quantity")),
        (gold_lineage("fact_usage"), "list_cost", ("system.billing.list_prices", "pricing")),
        (gold_lineage("fact_audit_logs"), "is_denied", ("system.access.audit", "response")),
        (
            gold_lineage("fact_job_run_timeline"),
            "duration_sec",
            ("system.lakeflow.job_run_timeline", "period_start_time"),
        ),
        (feature_lineage("cost_features"), "z_score_7d", ("gold.fact_usage", "usage_quantity")),
        (
            feature_lineage("reliability_features"),
            "runtime_age_days",
            ("gold.dim_cluster", "change_date"),
        ),
    ],
)
def test_known_paths_are_found(
    lineage: dict[str, tuple[tuple[str, str], ...]], column: str, source: tuple[str, str]
) -> None:
    assert source in lineage[column]
