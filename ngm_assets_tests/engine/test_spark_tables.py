"""Spark reads system tables as the raw contract says, and writes Unity Catalog in one statement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ngm_assets.engine.base import Query
from ngm_assets.engine.spark import SparkEngine
from ngm_assets.errors import ConfigError, DataError
from ngm_assets.gold.tables import gold_contracts, gold_query
from ngm_assets.lakehouse.contract import Column
from ngm_assets.lakehouse.delta import expected_types
from ngm_assets.lakehouse.spark_tables import (
    ParquetTables,
    UnityTables,
    column_types,
    create_statement,
    replace_statement,
)
from ngm_assets.platform import all_contracts
from ngm_assets.settings import load_settings
from ngm_assets_tests.lakehouse.tables import DAY, LATER, NEXT_DAY, THING, UNDATED, contract

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WORDS = load_settings(env="local", environ={}).words
AUDIT = (
    "'e1' AS event_id, TIMESTAMP '2024-03-04 10:00:00' AS event_time, 'getTable' AS action_name, "
    "NAMED_STRUCT('email', ' A@X ', 'subject_name', CAST(NULL AS STRING), 'more', 1) "
    "AS user_identity"
)


class Recorder:
    """A session that notes the statements it is given, and runs none that writes."""

    def __init__(self, spark: SparkSession) -> None:
        self.catalog = spark.catalog
        self.table = spark.table
        self.statements: list[str] = []

    def sql(self, statement: str, **rows: Any) -> None:
        """Note a statement."""
        self.statements.append(statement)


@pytest.fixture
def database(spark: SparkSession) -> Iterator[str]:
    """Return a schema of the session catalog."""
    spark.sql("CREATE SCHEMA some")
    yield "some"
    spark.sql("DROP SCHEMA some CASCADE")


def engine_over(spark: SparkSession, root: Path, table: str, columns: str) -> SparkEngine:
    """Return an engine over one raw table with one row."""
    folder = root.joinpath(*table.split("."))
    spark.sql(f"SELECT {columns}").write.parquet(str(folder))
    return SparkEngine(spark, ParquetTables(spark, root), all_contracts())


def audit_row(spark: SparkSession, root: Path, columns: str) -> dict[str, Any]:
    """Return the one raw audit row as the engine reads it."""
    engine = engine_over(spark, root, "system.access.audit", columns)
    (row,) = engine.rows(Query("SELECT * FROM system.access.audit", {}))
    return row


def test_structs_wider_than_the_contract_and_missing_columns_read_well(
    spark: SparkSession, tmp_path: Path
) -> None:
    row = audit_row(spark, tmp_path, f"{AUDIT}, 7 AS unknown, 42L AS workspace_id")
    assert row["user_identity"] == {"email": " A@X ", "subject_name": None}
    assert row["workspace_id"] == "42"
    assert (row["response"], row["request_params"], row["event_date"]) == (None, None, None)
    assert "unknown" not in row


def test_a_struct_that_lacks_a_field_and_a_number_read_as_text(
    spark: SparkSession, tmp_path: Path
) -> None:
    row = audit_row(
        spark,
        tmp_path,
        f"{AUDIT}, NAMED_STRUCT('STATUS_CODE', 403L) AS response, 42D AS workspace_id, "
        "CAST('NaN' AS DOUBLE) AS session_id, '2024-03-04T12:00:00+02:00' AS ingested",
    )
    assert row["response"] == {"status_code": 403, "error_message": None}
    assert (row["workspace_id"], row["session_id"]) == ("42", None)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ("'e1' AS event_id", "required column 'event_time' is missing"),
        (f"{AUDIT}, 'x' AS response", "column 'response' has type string"),
        (f"{AUDIT}, ARRAY(1) AS workspace_id", r"column 'workspace_id' has type array<int>"),
        (f"{AUDIT}, TRUE AS event_date", "column 'event_date' has type boolean"),
    ],
)
def test_a_column_that_does_not_convert_is_named(
    spark: SparkSession, tmp_path: Path, columns: str, told: str
) -> None:
    with pytest.raises(DataError, match=told):
        audit_row(spark, tmp_path, columns)


def test_a_null_among_compute_ids_is_left_out(spark: SparkSession, tmp_path: Path) -> None:
    engine = engine_over(
        spark,
        tmp_path,
        "system.lakeflow.job_run_timeline",
        "'1' AS workspace_id, '2' AS job_id, '3' AS run_id, 'SUCCEEDED' AS result_state, "
        "TIMESTAMP '2024-03-04 10:00:00' AS period_start_time, "
        "TIMESTAMP '2024-03-04 11:00:00' AS period_end_time, "
        "ARRAY('c', NULL, 'b') AS compute_ids",
    )
    made = gold_contracts()["fact_job_run_timeline"]
    engine.overwrite(made, gold_query(made, WORDS, DAY, DAY), DAY, DAY)
    rows = engine.rows(Query("SELECT compute_ids FROM gold.fact_job_run_timeline", {}))
    assert rows == [{"compute_ids": ["b", "c"]}]


def test_stored_types_are_spelled_as_delta_spells_them(spark: SparkSession, tmp_path: Path) -> None:
    store = ParquetTables(spark, tmp_path)
    assert column_types(store, "some.thing") == {}
    made = gold_contracts()["fact_usage"]
    engine = SparkEngine(spark, store, {made.full_name: made})
    engine.overwrite(made, gold_query(made, WORDS, DAY, DAY), DAY, DAY)
    assert column_types(store, made.full_name) == expected_types(made)


def test_a_folder_that_spark_takes_for_a_pattern_is_refused(
    spark: SparkSession, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="cannot address"):
        ParquetTables(spark, tmp_path / "x[1]")


def test_every_statement_for_unity_catalog_is_one_that_spark_parses(spark: SparkSession) -> None:
    session: Any = spark
    parser = session._jsparkSession.sessionState().sqlParser()
    for name, made in all_contracts().items():
        order = made.column_names
        create = create_statement(made, f"`dev`.{name}")
        replace = replace_statement(made, f"`dev`.{name}", order, DAY, LATER, (UNDATED,))
        assert "CreateTable" in str(parser.parsePlan(create))
        plan = str(parser.parsePlan(replace.replace("{rows}", "made")))
        assert "OverwriteByExpression" in plan or "INSERT,DELETE" in plan


def test_tables_of_a_catalog_are_found_by_name_and_raw_ones_may_be_replaced(
    spark: SparkSession, database: str
) -> None:
    spark.sql("CREATE TABLE some.thing USING PARQUET AS SELECT 'a' AS id, 1L AS value")
    spark.sql(f"CREATE TABLE some.events USING PARQUET AS SELECT {AUDIT}")
    sources = {"system.access.audit": "spark_catalog.some.events"}
    engine = SparkEngine(spark, UnityTables(spark, "spark_catalog", sources), {"some.thing": THING})
    assert engine.rows(Query("SELECT * FROM some.thing", {})) == [
        {"id": "a", "day": None, "value": 1}
    ]
    found = engine.rows(Query("SELECT event_id FROM system.access.audit", {}))
    assert found == [{"event_id": "e1"}]
    assert UnityTables(spark, "spark_catalog").find("some.nothing") is None


def test_a_new_table_is_created_and_filled(spark: SparkSession) -> None:
    recorder = Recorder(spark)
    store = UnityTables(recorder, "spark_catalog")  # type: ignore[arg-type]
    store.overwrite(THING, spark.sql("SELECT 1"), DAY, LATER)
    create, replace = recorder.statements
    assert create.startswith("CREATE TABLE IF NOT EXISTS `spark_catalog`.`some`.`thing` ")
    assert replace == (
        "INSERT INTO TABLE `spark_catalog`.`some`.`thing` REPLACE WHERE "
        "(`day` >= DATE '2024-03-04' AND `day` <= DATE '2024-03-09') "
        "SELECT `id`, `day`, `value` FROM {rows}"
    )


def test_an_older_table_gains_columns_and_keeps_the_order_of_its_own(
    spark: SparkSession, database: str
) -> None:
    spark.sql("CREATE TABLE some.thing USING PARQUET AS SELECT 1L AS value, 'x' AS id, 2 AS gone")
    recorder = Recorder(spark)
    store = UnityTables(recorder, "spark_catalog")  # type: ignore[arg-type]
    wider = contract(Column(name="note", type="string", doc="It's a \\ note."))
    store.overwrite(wider, spark.sql("SELECT 1"), NEXT_DAY, NEXT_DAY, (UNDATED,))
    *added, replace = recorder.statements
    assert [text.partition("ADD COLUMNS ")[2] for text in added] == [
        "(`day` date COMMENT 'Partition.')",
        r"(`note` string COMMENT 'It\'s a \\ note.')",
    ]
    assert replace.endswith(
        "OR `day` = DATE '1970-01-01' "
        "SELECT `value`, `id`, NULL AS `gone`, `day`, `note` FROM {rows}"
    )


def test_a_stored_column_of_another_type_is_refused(spark: SparkSession, database: str) -> None:
    spark.sql("CREATE TABLE some.thing USING PARQUET AS SELECT 'x' AS id, 'y' AS value")
    recorder = Recorder(spark)
    store = UnityTables(recorder, "spark_catalog")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="'value' has type string, the contract says bigint"):
        store.overwrite(THING, spark.sql("SELECT 1"), DAY, DAY)
    assert recorder.statements == []
