"""SQL files name their tables, translate to DuckDB, and lend their first steps to other queries."""

from __future__ import annotations

from pathlib import Path

import pytest

from ngm_assets.engine.sql import (
    output_columns,
    parameter_names,
    read_sql,
    select_from_cte,
    table_names,
    to_duckdb,
    with_relations,
)
from ngm_assets.errors import ComputeError
from ngm_assets.raw.convert import open_duckdb

CHAIN = """
WITH first AS (SELECT a, b FROM system.access.audit WHERE day <= :end_date),
second AS (SELECT a FROM first JOIN gold.facts AS f ON f.a = first.a)
SELECT a, COUNT(*) AS n FROM second GROUP BY a
"""


def test_the_tables_a_query_reads_are_named_without_its_own_steps() -> None:
    assert table_names(CHAIN) == ("gold.facts", "system.access.audit")
    assert table_names("SELECT 1 AS x") == ()
    assert table_names("SELECT * FROM a.b JOIN a.b AS again ON TRUE") == ("a.b",)


def test_the_result_columns_are_named_in_order() -> None:
    assert output_columns(CHAIN) == ("a", "n")


def test_a_query_is_translated_and_its_tables_become_views() -> None:
    with open_duckdb() as connection:
        connection.execute("CREATE VIEW \"gold.facts\" AS SELECT 7 AS a, DATE '2024-03-04' AS day")
        sql = to_duckdb(
            "SELECT facts.a, DATE_ADD(f.day, 1) AS next, :name AS name, TRY_DIVIDE(1, 0) AS none "
            "FROM gold.facts JOIN gold.facts AS f ON f.a = facts.a WHERE f.day >= :start_date"
        )
        found = connection.execute(sql, {"name": "n", "start_date": "2024-03-01"}).fetchall()
    assert [(a, str(day)[:10], name, none) for a, day, name, none in found] == [
        (7, "2024-03-05", "n", None)
    ]


@pytest.mark.parametrize("text", ["SELECT FROM WHERE", "SELECT (1", "WITH x AS SELECT 1"])
def test_invalid_sql_is_a_compute_error(text: str) -> None:
    for use in (table_names, to_duckdb, output_columns):
        with pytest.raises(ComputeError, match="Invalid SQL"):
            use(text)


def test_the_steps_up_to_a_named_one_serve_another_query() -> None:
    taken = select_from_cte(CHAIN, "first", "SELECT a FROM first")
    assert table_names(taken) == ("system.access.audit",)
    assert ":end_date" in taken
    assert "second" not in taken
    both = select_from_cte(CHAIN, "second", "SELECT a FROM second")
    assert table_names(both) == ("gold.facts", "system.access.audit")


def test_a_step_that_does_not_exist_is_named() -> None:
    with pytest.raises(ComputeError, match="'third'"):
        select_from_cte(CHAIN, "third", "SELECT 1")


def test_sql_files_are_read_as_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "a.sql"
    file.write_text("SELECT 'ü' AS x", encoding="utf-8")
    assert read_sql(file) == "SELECT 'ü' AS x"


def test_tables_become_subqueries_and_every_other_letter_stays() -> None:
    relations = {"gold.facts": "SELECT 7 AS a", "system.access.audit": "SELECT 1 AS a, 2 AS b"}
    text = (
        "-- Ätna 😀 reads gold.facts\nWITH x AS (SELECT 'gold.facts' AS t, f.a FROM "
        "gold.facts AS f)\nSELECT x.t, facts.a -- system.access.audit\nFROM x JOIN "
        "`gold`.facts ON TRUE, system.access.audit z"
    )
    assert with_relations(text, relations) == (
        "-- Ätna 😀 reads gold.facts\nWITH x AS (SELECT 'gold.facts' AS t, f.a FROM "
        "(SELECT 7 AS a) AS f)\nSELECT x.t, facts.a -- system.access.audit\nFROM x JOIN "
        "(SELECT 7 AS a) AS facts ON TRUE, (SELECT 1 AS a, 2 AS b) z"
    )


def test_the_parameters_a_query_uses_are_named() -> None:
    text = (
        "SELECT ':no' AS x -- :nor_this\nFROM a.b WHERE day BETWEEN DATE_ADD(:start, -1) AND :end"
    )
    assert parameter_names(text) == {"start", "end"}
