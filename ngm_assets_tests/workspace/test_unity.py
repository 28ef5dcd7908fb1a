"""The emulated Unity Catalog keeps Delta's promises: one commit, whole or not at all."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ngm_assets_tests.workspace.unity import emulate_unity, without_unity

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

THING = "`dev`.`gold`.`thing`"
COLUMNS = (
    "`id` STRING NOT NULL COMMENT 'It\\'s a \\\\ key.', `day` DATE COMMENT 'Day.', `value` BIGINT"
)
MONDAY, TUESDAY, SUNDAY = date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 10)
WEEK = "(`day` >= DATE '2024-03-04' AND `day` <= DATE '2024-03-10')"


def create(spark: SparkSession, columns: str = COLUMNS) -> None:
    """Create the table."""
    spark.sql(
        f"CREATE TABLE IF NOT EXISTS {THING} ({columns}) USING DELTA "
        "PARTITIONED BY (`day`) COMMENT 'A \\'thing\\'.'"
    )


def rows(spark: SparkSession, *found: tuple[str | None, date | None, int]) -> DataFrame:
    """Return rows for the table."""
    return spark.createDataFrame(list(found), "id STRING, day DATE, value BIGINT")


def replace(spark: SparkSession, condition: str, frame: DataFrame, columns: str = "*") -> None:
    """Replace rows of the table."""
    statement = (
        f"INSERT INTO TABLE {THING} REPLACE WHERE {condition} SELECT {columns} FROM {{rows}}"
    )
    spark.sql(statement, rows=frame)


def stored(spark: SparkSession) -> list[tuple[Any, ...]]:
    """Return all rows of the table."""
    return sorted(tuple(row) for row in spark.table(THING).collect())


def versions(spark: SparkSession) -> list[int]:
    """Return the versions of the table, newest first."""
    return [row.version for row in spark.sql(f"DESCRIBE HISTORY {THING}").collect()]


@pytest.fixture
def filled(spark: SparkSession) -> SparkSession:
    """Return a session with the table, a row on each of three days."""
    create(spark)
    days = (MONDAY, TUESDAY, SUNDAY)
    replace(spark, WEEK, rows(spark, *(("old", day, 1) for day in days)))
    return spark


def test_a_table_exists_once_it_is_created(spark: SparkSession) -> None:
    assert not spark.catalog.tableExists(THING)
    create(spark)
    create(spark)
    assert spark.catalog.tableExists(THING)
    assert spark.catalog.tableExists("dev.gold.thing")
    assert stored(spark) == []
    assert versions(spark) == [0]


def test_columns_keep_order_types_and_comments(spark: SparkSession) -> None:
    create(spark, f"`day` DATE, {COLUMNS.replace('`day` DATE', '`other` DECIMAL(38, 9)')}")
    found = spark.table(THING).schema
    assert [(one.name, one.dataType.simpleString()) for one in found] == [
        ("day", "date"),
        ("id", "string"),
        ("other", "decimal(38,9)"),
        ("value", "bigint"),
    ]
    assert found["id"].metadata == {"comment": "It's a \\ key."}


def test_only_the_range_is_replaced(filled: SparkSession) -> None:
    condition = (
        "(`day` >= DATE '2024-03-05' AND `day` <= DATE '2024-03-06') OR `day` = DATE '1970-01-01'"
    )
    fresh = rows(filled, ("new", TUESDAY, 2), ("new", date(1970, 1, 1), 3))
    replace(filled, condition, fresh)
    assert stored(filled) == [
        ("new", date(1970, 1, 1), 3),
        ("new", TUESDAY, 2),
        ("old", MONDAY, 1),
        ("old", SUNDAY, 1),
    ]
    assert versions(filled) == [2, 1, 0]
    newest = filled.sql(f"DESCRIBE HISTORY {THING} LIMIT 1").collect()
    assert [(row.version, type(row.timestamp)) for row in newest] == [(2, datetime)]


def test_no_rows_empty_the_range(filled: SparkSession) -> None:
    replace(filled, "`day` = DATE '2024-03-05'", rows(filled))
    assert [row[1] for row in stored(filled)] == [MONDAY, SUNDAY]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("x", SUNDAY, 1), "DELTA_REPLACE_WHERE_MISMATCH"),
        (("x", None, 1), "DELTA_REPLACE_WHERE_MISMATCH"),
        ((None, MONDAY, 1), "DELTA_NOT_NULL_CONSTRAINT_VIOLATED: id"),
    ],
)
def test_rows_that_do_not_belong_are_refused(
    filled: SparkSession, row: tuple[Any, ...], told: str
) -> None:
    before = stored(filled)
    with pytest.raises(Exception, match=told):
        replace(filled, "`day` = DATE '2024-03-04'", rows(filled, ("y", MONDAY, 2), row))
    assert stored(filled) == before
    assert versions(filled) == [1, 0]


def test_a_query_that_fails_leaves_the_old_rows(filled: SparkSession, tables: Path) -> None:
    before = stored(filled)
    fresh = rows(filled, ("x", MONDAY, 0))
    with pytest.raises(Exception, match="DIVIDE_BY_ZERO"):
        replace(filled, WEEK, fresh, "`id`, `day`, 1 DIV `value`")
    assert stored(filled) == before
    assert list(tables.joinpath("_staged").iterdir()) == []


def test_columns_go_by_position_and_must_be_all(filled: SparkSession) -> None:
    with pytest.raises(Exception, match="INSERT_COLUMN_ARITY_MISMATCH"):
        replace(filled, WEEK, rows(filled, ("x", MONDAY, 2)), "`id`, `day`")
    replace(filled, WEEK, rows(filled, ("x", MONDAY, 2)), "`id` AS `b`, `day` AS `a`, 7 AS `c`")
    assert stored(filled) == [("x", MONDAY, 7)]


def test_a_column_is_added_and_is_null_in_older_rows(filled: SparkSession) -> None:
    filled.sql(f"ALTER TABLE {THING} ADD COLUMNS (`note` STRING COMMENT 'A note.')")
    assert filled.table(THING).schema["note"].metadata == {"comment": "A note."}
    fresh = rows(filled, ("new", MONDAY, 2))
    replace(filled, "`day` = DATE '2024-03-04'", fresh, "*, 'n' AS `note`")
    assert [row[3] for row in stored(filled)] == ["n", None, None]
    with pytest.raises(Exception, match="FIELD_ALREADY_EXISTS"):
        filled.sql(f"ALTER TABLE {THING} ADD COLUMNS (`note` STRING)")
    with pytest.raises(Exception, match="DELTA_ADDING_NOT_NULL_COLUMN"):
        filled.sql(f"ALTER TABLE {THING} ADD COLUMNS (`more` STRING NOT NULL)")


def test_nested_and_timed_values_come_back(spark: SparkSession) -> None:
    create(
        spark,
        "`day` DATE, `at` TIMESTAMP, `tags` MAP<STRING, STRING>, "
        "`parts` ARRAY<STRUCT<`n`: INT, `price`: DECIMAL(38, 9)>>, `none` DOUBLE",
    )
    query = (
        "DATE '2024-03-04', TIMESTAMP '2024-03-04 10:00:00.123456', MAP('a', 'b'), "
        "ARRAY(NAMED_STRUCT('n', 1, 'price', 1.5BD)), NULL"
    )
    spark.sql(f"INSERT INTO TABLE {THING} REPLACE WHERE {WEEK} SELECT {query}")
    shown = "CAST(`at` AS STRING) AS at, tags, parts, none"
    (row,) = spark.sql(f"SELECT {shown} FROM {THING}").collect()
    assert row.at == "2024-03-04 10:00:00.123456"
    assert row.tags == {"a": "b"}
    assert [(one.n, str(one.price)) for one in row.parts] == [(1, "1.500000000")]
    assert row.none is None


def test_queries_name_tables_with_aliases_and_parameters(filled: SparkSession) -> None:
    text = f"""
        WITH some AS (SELECT thing.`day` FROM {THING} WHERE `value` = :value) -- FROM `a`.`b`.`c`
        SELECT COUNT(*) AS n, 'FROM dev.gold.thing' AS words, MIN(a.`value`) AS least
        FROM {THING} AS a JOIN dev.gold.thing b ON a.`day` = b.`day` JOIN some USING (`day`)
    """
    (row,) = filled.sql(
        text.replace("USING (`day`)", "ON some.day = a.day"), args={"value": 1}
    ).collect()
    assert (row.n, row.words, row.least) == (3, "FROM dev.gold.thing", 1)


def test_a_frame_keeps_the_version_it_was_made_of(filled: SparkSession) -> None:
    frame = filled.table(THING)
    replace(filled, WEEK, rows(filled))
    assert frame.count() == 3
    assert filled.table(THING).count() == 0


def test_a_table_may_be_replaced_by_what_is_made_of_it(filled: SparkSession) -> None:
    replace(filled, WEEK, filled.table(THING), "`id`, `day`, `value` + 1")
    assert [row[2] for row in stored(filled)] == [2, 2, 2]


def test_views_follow_their_tables(filled: SparkSession) -> None:
    filled.sql(f"CREATE OR REPLACE VIEW `dev`.`gold`.`days` AS SELECT `day` FROM {THING}")
    assert filled.table("dev.gold.days").count() == 3
    replace(filled, WEEK, rows(filled))
    assert filled.sql("SELECT * FROM `dev`.`gold`.`days`").count() == 0
    listed = filled.sql("SHOW TABLES IN `dev`.`gold`").collect()
    assert [(row.database, row.tableName, row.isTemporary) for row in listed] == [
        ("gold", "days", False),
        ("gold", "thing", False),
    ]
    with pytest.raises(Exception, match="EXPECT_TABLE_NOT_VIEW"):
        filled.sql("DESCRIBE HISTORY `dev`.`gold`.`days`")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("SELECT * FROM `dev`.`gold`.`none`", "TABLE_OR_VIEW_NOT_FOUND"),
        ("DESCRIBE HISTORY `dev`.`gold`.`none`", "TABLE_OR_VIEW_NOT_FOUND"),
        ("CREATE TABLE `dev`.`none`.`thing` (a INT) USING DELTA", "SCHEMA_NOT_FOUND"),
        ("SHOW TABLES IN `dev`.`none`", "SCHEMA_NOT_FOUND"),
        (f"DELETE FROM {THING}", f"does not know this statement: DELETE FROM {THING}"),
        (f"INSERT INTO {THING} SELECT 1", "does not know: INSERT INTO"),
        (f"DROP TABLE {THING}", "does not know this statement: DROP TABLE"),
        (f"ALTER TABLE {THING} DROP COLUMN id", "does not know: ALTER TABLE"),
        ("CREATE TABLE dev.gold.x (a INT) USING PARQUET", "does not know: USING PARQUET"),
        (
            f"INSERT INTO TABLE {THING} REPLACE WHERE `value` = 1 SELECT 'x', NULL, 1",
            "no partition column",
        ),
    ],
)
def test_what_is_not_emulated_is_an_error(spark: SparkSession, statement: str, told: str) -> None:
    create(spark)
    with pytest.raises(Exception, match=told):
        spark.sql(statement)


def test_a_table_that_is_missing_is_not_found(spark: SparkSession) -> None:
    with pytest.raises(Exception, match="TABLE_OR_VIEW_NOT_FOUND"):
        spark.table("dev.gold.none")


def test_a_system_table_is_there_when_it_has_files(spark: SparkSession, tmp_path: Path) -> None:
    usage = "`system`.`billing`.`usage`"
    assert not spark.catalog.tableExists(usage)
    folder = tmp_path / "landing" / "billing" / "usage"
    for month, columns in (("2024-03", "1 AS a"), ("2024-04", "2 AS a, 'x' AS b")):
        spark.sql(f"SELECT {columns}").write.parquet(str(folder / f"month={month}"))
    assert spark.catalog.tableExists(usage)
    found = spark.sql(f"SELECT a, b, month FROM {usage} ORDER BY a").collect()
    assert [tuple(map(str, row)) for row in found] == [
        ("1", "None", "2024-03"),
        ("2", "x", "2024-04"),
    ]
    listed = spark.sql("SHOW TABLES IN system.billing").collect()
    assert [row.tableName for row in listed] == ["usage"]


def test_two_sessions_see_the_same_tables(filled: SparkSession, tables: Path) -> None:
    other = filled.newSession()
    emulate_unity(other, tables, {})
    replace(other, WEEK, rows(other, ("theirs", MONDAY, 5)))
    assert stored(filled) == [("theirs", MONDAY, 5)]


def test_without_unity_catalog_there_are_no_such_names(spark: SparkSession) -> None:
    other = spark.newSession()
    without_unity(other)
    assert other.sql("SELECT 1").count() == 1
    for statement in (f"SELECT * FROM {THING}", "DESCRIBE HISTORY a.b.c"):
        with pytest.raises(Exception, match="UC_NOT_ENABLED"):
            other.sql(statement)
