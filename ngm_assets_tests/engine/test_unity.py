"""Spark reads system tables as the raw contract says, and writes Unity Catalog in one statement."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import write_deltalake

from ngm_assets.engine.base import Query
from ngm_assets.engine.spark import SparkEngine
from ngm_assets.errors import DataError
from ngm_assets.gold.tables import gold_contracts, gold_query
from ngm_assets.lakehouse.contract import Column
from ngm_assets.lakehouse.delta import expected_types
from ngm_assets.lakehouse.statements import create_table, replace_where
from ngm_assets.lakehouse.unity import UnityLakehouse
from ngm_assets.lakehouse.upkeep import BUSY
from ngm_assets.platform import all_contracts
from ngm_assets.raw.landing import Landing
from ngm_assets.raw.snapshots import SNAPSHOTS, snapshot_contracts
from ngm_assets.settings import load_settings
from ngm_assets_tests.engine.sessions import store_raw, unity_engine, unity_session
from ngm_assets_tests.lakehouse.tables import (
    DAY,
    LATER,
    NEXT_DAY,
    THING,
    UNDATED,
    batches,
    contract,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WORDS = load_settings(env="local", environ={}).words
AUDIT = (
    "'e1' AS event_id, TIMESTAMP '2024-03-04 10:00:00' AS event_time, 'getTable' AS action_name, "
    "NAMED_STRUCT('email', ' A@X ', 'subject_name', CAST(NULL AS STRING), 'more', 1) "
    "AS user_identity"
)


def engine_over(spark: SparkSession, root: Path, table: str, columns: str) -> SparkEngine:
    """Return an engine over one raw table with one row."""
    folder = root / "raw" / table
    spark.sql(f"SELECT {columns}").write.parquet(str(folder))
    return unity_engine(spark, root / "tables", {table: folder})


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
    engine.overwrite(made, [gold_query(made, WORDS, DAY, DAY)], DAY, DAY)
    rows = engine.rows(Query("SELECT compute_ids FROM gold.fact_job_run_timeline", {}))
    assert rows == [{"compute_ids": ["b", "c"]}]


def test_stored_types_are_spelled_as_delta_spells_them(spark: SparkSession, tmp_path: Path) -> None:
    raw = store_raw(Landing(tmp_path / "empty"), tmp_path / "raw")
    engine = unity_engine(spark, tmp_path / "tables", raw)
    made = gold_contracts()["fact_usage"]
    assert engine.lakehouse.column_types(made.full_name) == {}
    engine.overwrite(made, [gold_query(made, WORDS, DAY, DAY)], DAY, DAY)
    assert engine.lakehouse.column_types(made.full_name) == expected_types(made)


def test_every_statement_for_unity_catalog_is_one_that_spark_parses(spark: SparkSession) -> None:
    session: Any = spark
    parser = session._jsparkSession.sessionState().sqlParser()
    for name, made in all_contracts().items():
        order = made.column_names
        create = create_table(made, f"`dev`.{name}")
        replace = replace_where(made, f"`dev`.{name}", order, DAY, LATER, (UNDATED,))
        assert "CreateTable" in str(parser.parsePlan(create))
        plan = str(parser.parsePlan(replace.replace("{rows}", "made")))
        assert "OverwriteByExpression" in plan or "INSERT,DELETE" in plan


def statements_of(session: SparkSession) -> list[str]:
    """Return a list that grows by every statement the session is given."""
    noted: list[str] = []
    run: Any = session.sql

    def sql(statement: str, **named: Any) -> Any:
        noted.append(statement)
        return run(statement, **named)

    session.sql = sql  # type: ignore[method-assign,assignment]
    return noted


@pytest.fixture
def session(spark: SparkSession, tmp_path: Path) -> SparkSession:
    """Return a session over an empty catalog."""
    return unity_session(spark, tmp_path)


def rows_of(session: SparkSession, columns: str) -> Any:
    """Return a frame of one row."""
    return session.sql(f"SELECT {columns}")


ROW = "'a' AS id, DATE '2024-03-04' AS day, 1L AS value"


def test_a_table_takes_the_place_of_a_raw_one(session: SparkSession) -> None:
    snapshots = UnityLakehouse(session, "dev", {"system.access.audit": "some.thing"})
    assert snapshots.reference("system.access.audit") == "`dev`.`some`.`thing`"
    assert snapshots.reference("system.billing.usage") == "`system`.`billing`.`usage`"
    assert snapshots.find("system.access.audit") is None


def test_a_new_table_is_created_and_filled_in_one_commit(session: SparkSession) -> None:
    lakehouse, rows = UnityLakehouse(session, "dev"), rows_of(session, ROW)
    noted = statements_of(session)
    assert (lakehouse.version("some.thing"), lakehouse.column_types("some.thing")) == (None, {})
    lakehouse.overwrite(THING, rows, DAY, LATER)
    create, replace = noted
    assert create.startswith("CREATE TABLE IF NOT EXISTS `dev`.`some`.`thing` ")
    assert replace == (
        "INSERT INTO TABLE `dev`.`some`.`thing` REPLACE WHERE "
        "(`day` >= DATE '2024-03-04' AND `day` <= DATE '2024-03-09') "
        "SELECT `id`, `day`, `value` FROM {rows}"
    )
    assert lakehouse.version("some.thing") == 1
    assert lakehouse.uri("some.thing") == "dev.some.thing"


def test_an_older_table_gains_columns_and_keeps_the_order_of_its_own(
    session: SparkSession,
) -> None:
    session.sql(
        "CREATE TABLE IF NOT EXISTS `dev`.`some`.`thing` (`value` BIGINT, `id` STRING, `gone` INT, "
        "`day` DATE) USING DELTA PARTITIONED BY (`day`) COMMENT 'Old.'"
    )
    lakehouse = UnityLakehouse(session, "dev")
    wider = contract(Column(name="note", type="string", doc="It's a \\ note."))
    rows = rows_of(session, f"{ROW}, 'x' AS note")
    noted = statements_of(session)
    lakehouse.overwrite(wider, rows, DAY, DAY, (UNDATED,))
    added, replace = noted
    assert added.partition("ADD COLUMNS ")[2] == r"(`note` string COMMENT 'It\'s a \\ note.')"
    assert replace.endswith(
        "OR `day` = DATE '1970-01-01' "
        "SELECT `value`, `id`, NULL AS `gone`, `day`, `note` FROM {rows}"
    )
    (found,) = session.sql("SELECT * FROM `dev`.`some`.`thing`").collect()
    assert found.asDict() == {"value": 1, "id": "a", "gone": None, "day": DAY, "note": "x"}


def test_a_stored_column_of_another_type_is_refused(session: SparkSession) -> None:
    session.sql(
        "CREATE TABLE IF NOT EXISTS `dev`.`some`.`thing` (`id` STRING, `day` DATE, `value` STRING) "
        "USING DELTA PARTITIONED BY (`day`) COMMENT 'Old.'"
    )
    noted = statements_of(session)
    with pytest.raises(DataError, match="'value' has type string, the contract says bigint"):
        UnityLakehouse(session, "dev").prepare(THING)
    assert noted == []


def test_the_tables_of_all_schemas_are_listed(session: SparkSession) -> None:
    lakehouse = UnityLakehouse(session, "dev")
    assert lakehouse.tables() == []
    for name in ("gold.fact_usage", "features.cost_features"):
        lakehouse.prepare(all_contracts()[name])
    assert lakehouse.tables() == ["features.cost_features", "gold.fact_usage"]


LIVE = (
    "'main' AS table_catalog, 's' AS table_schema, 't' AS table_name, 'c' AS column_name, "
    "'int' AS data_type"
)


def test_a_snapshot_is_taken_once_a_day_and_again_replaces_it(
    spark: SparkSession, tmp_path: Path
) -> None:
    source = "system.information_schema.columns"
    engine = engine_over(spark, tmp_path, source, LIVE)
    engine.lakehouse.sources.update(SNAPSHOTS)
    made = snapshot_contracts()[source]
    for day in (DAY, NEXT_DAY, NEXT_DAY):
        assert engine.take_snapshot(source, made, day) == 1
    rows = engine.rows(Query(f"SELECT * FROM {source} ORDER BY snapshot_date", {}))
    assert [(row["snapshot_date"], row["column_name"]) for row in rows] == [
        (DAY, "c"),
        (NEXT_DAY, "c"),
    ]


def test_an_empty_information_schema_is_no_snapshot(spark: SparkSession, tmp_path: Path) -> None:
    source = "system.information_schema.columns"
    engine = engine_over(spark, tmp_path, source, f"{LIVE} WHERE FALSE")
    assert engine.take_snapshot(source, snapshot_contracts()[source], DAY) == 0
    assert engine.lakehouse.tables() == []


def test_small_files_are_put_together(spark: SparkSession, tmp_path: Path) -> None:
    session = unity_session(spark, tmp_path)
    lakehouse = UnityLakehouse(session, "dev")
    lakehouse.prepare(THING)
    for number in range(3):
        rows = batches([(f"a{number}", DAY, number)])()
        write_deltalake(tmp_path / "dev" / "some" / "thing", rows, mode="append")
    would = lakehouse.maintain("some.thing", dry_run=True)
    assert (would.files_before, would.files_after, would.deleted) == (3, 3, 0)
    done = lakehouse.maintain("some.thing")
    assert (done.files_before, done.files_after, done.merged) == (3, 1, 2)
    assert session.table("`dev`.`some`.`thing`").count() == 3


@pytest.mark.parametrize(
    ("told", "failed"),
    [("[DELTA_CONCURRENT_DELETE_READ] Another one was faster.", False), ("[OTHER] Broken.", True)],
)
def test_a_table_that_cannot_be_maintained_stops_no_other(
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    told: str,
    failed: bool,
) -> None:
    from pyspark.errors import AnalysisException

    session = unity_session(spark, tmp_path)
    lakehouse = UnityLakehouse(session, "dev")
    lakehouse.prepare(THING)
    run = session.sql

    def beaten(text: str, **more: Any) -> Any:
        if text.startswith("OPTIMIZE"):
            raise AnalysisException(told)
        return run(text, **more)

    monkeypatch.setattr(session, "sql", beaten)
    done = lakehouse.maintain("some.thing")
    assert (done.failed, bool(done.note)) == (failed, True)
    assert (done.note == BUSY) is not failed
