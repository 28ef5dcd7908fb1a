"""Unity Catalog on a local Spark session: the statements this project gives, with Delta's rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets_tests.workspace.statements import Named, Statement
from ngm_assets_tests.workspace.unity_rules import fitted, predicate_of, refusal
from ngm_assets_tests.workspace.unity_tables import UnityTables, make_schemas

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from ngm_assets_tests.workspace.statements import Name

PRIMARY_KEY = re.compile(r",\s*CONSTRAINT\s+`[^`]+`\s+PRIMARY KEY\s*\((?P<key>[^)]*)\)\s*$")
QUERIES = {"SELECT", "WITH", "FROM", "VALUES", "TABLE"}
HISTORY = "version BIGINT, timestamp TIMESTAMP, operation STRING, operationParameters STRING"
__all__ = ["emulate_unity", "make_schemas", "without_unity"]


def emulate_unity(spark: SparkSession, root: Path, raw: Mapping[str, Path]) -> None:
    """Give a session the tables below a folder under their three-part names.

    `sql`, `table` and `catalog.tableExists` of this session object know them; other sessions, and
    other ways to name a table, do not.

    Args:
        spark: The session.
        root: Folder of the tables; a schema exists when `<root>/<catalog>/<schema>` does.
        raw: Folder of Parquet files by full name (`system.billing.usage`); one without files does
            not exist.
    """
    Unity(spark, UnityTables(spark, root, raw)).install()


def without_unity(spark: SparkSession) -> None:
    """Make every three-part name an error, as on a cluster without Unity Catalog."""
    plain_sql, plain_table = spark.sql, spark.table

    def refuse(text: str) -> None:
        if any(Statement(text).names()):
            raise refusal("UC_NOT_ENABLED", "Unity Catalog is not enabled on this cluster.", text)

    def sql(sqlQuery: str, *rest: Any, **named: Any) -> DataFrame:  # noqa: N803
        refuse(sqlQuery)
        return plain_sql(sqlQuery, *rest, **named)

    def table(tableName: str) -> DataFrame:  # noqa: N803
        refuse(tableName)
        return plain_table(tableName)

    spark.sql, spark.table = sql, table  # type: ignore[method-assign]


class Unity:
    """Runs statements that name tables of the emulated catalog; all others Spark runs itself."""

    def __init__(self, spark: SparkSession, tables: UnityTables) -> None:
        self._spark, self._tables = spark, tables
        self._plain_sql, self._plain_table = spark.sql, spark.table
        self._plain_exists = spark.catalog.tableExists

    def install(self) -> None:
        """Put this in front of the session's own methods."""
        session: Any = self._spark
        session.sql, session.table = self.sql, self.table
        session.catalog.tableExists = self.table_exists

    def sql(self, sqlQuery: str, args: Any = None, **named: Any) -> DataFrame:  # noqa: N803
        """Run a statement, as `SparkSession.sql`."""
        statement = Statement(sqlQuery)
        run = self._runner(statement)
        if run is not None:
            made: DataFrame = run(statement, args, **named)
            return made
        if any(statement.names()) and not self._reads(statement):
            text = f"The emulated Unity Catalog does not know this statement: {sqlQuery}"
            raise NotImplementedError(text)
        return self._query(statement, args, **named)

    def table(self, tableName: str) -> DataFrame:  # noqa: N803
        """Return a table, as `SparkSession.table`."""
        name = _parsed(tableName)
        if name is None:
            return self._plain_table(tableName)
        return self._plain_table(self._stand_in(self._known(name)))

    def table_exists(self, tableName: str, dbName: str | None = None) -> bool:  # noqa: N803
        """Tell whether a table exists, as `Catalog.tableExists`."""
        name = _parsed(tableName)
        if name is None:
            return bool(self._plain_exists(tableName, dbName))
        return self._tables.exists(name)

    def _runner(self, statement: Statement) -> Any:
        runners = {
            ("CREATE", "TABLE"): self._create_table,
            ("CREATE", "VIEW"): partial(self._create_view, place=2),
            ("CREATE", "OR", "REPLACE", "VIEW"): partial(self._create_view, place=4),
            ("ALTER", "TABLE"): self._alter_table,
            ("INSERT", "INTO"): self._insert,
            ("DESCRIBE", "HISTORY"): self._history,
            ("DESCRIBE", "DETAIL"): self._detail,
            ("OPTIMIZE",): self._optimize,
            ("VACUUM",): self._vacuum,
            ("SHOW", "TABLES"): self._show_tables,
        }
        for words, run in runners.items():
            if statement.starts(*words) and self._concerns(statement):
                return run
        return None

    def _concerns(self, statement: Statement) -> bool:
        return any(statement.names()) or statement.starts("SHOW", "TABLES")

    def _reads(self, statement: Statement) -> bool:
        first = statement.tokens[0]
        views = [("CREATE", "OR", "REPLACE", "TEMPORARY", "VIEW"), ("EXPLAIN",)]
        return first.upper in QUERIES or first.text == "(" or any(map(_starter(statement), views))

    def _query(self, statement: Statement, args: Any = None, **named: Any) -> DataFrame:
        def stand_in(name: Name) -> str | None:
            known = self._tables.has_catalog(name[0])
            return self._stand_in(self._known(name)) if known else None

        return self._plain_sql(statement.with_tables(stand_in), args, **named)

    def _stand_in(self, name: Name) -> str:
        """Make a temporary view of a table as it is now; return its name."""
        query = self._tables.view(name)
        frame = self._tables.frame(name) if query is None else self._query(Statement(query))
        view = "unity__" + "__".join("".join(c if c.isalnum() else "_" for c in p) for p in name)
        frame.createOrReplaceTempView(view)
        return f"`{view}`"

    def _known(self, name: Name) -> Name:
        if not self._tables.exists(name):
            quoted = ".".join(f"`{part}`" for part in name)
            text = f"The table or view {quoted} cannot be found."
            raise refusal("TABLE_OR_VIEW_NOT_FOUND", text)
        return name

    def _known_table(self, name: Name) -> Name:
        if not self._tables.is_table(self._known(name)):
            raise refusal("EXPECT_TABLE_NOT_VIEW", f"{'.'.join(name)} is no Delta table.")
        return name

    def _known_schema(self, catalog: str, schema: str) -> None:
        if not self._tables.has_schema(catalog, schema) and not self._tables.names(catalog, schema):
            text = f"The schema `{catalog}`.`{schema}` cannot be found."
            raise refusal("SCHEMA_NOT_FOUND", text)

    def _create_table(self, statement: Statement, args: Any, **named: Any) -> DataFrame:
        forgiving = [token.upper for token in statement.tokens[2:5]] == ["IF", "NOT", "EXISTS"]
        name = _three_parts(statement, 5 if forgiving else 2)
        self._known_schema(*name.parts[:2])
        if self._tables.exists(name.parts) and not forgiving:
            raise refusal("TABLE_OR_VIEW_ALREADY_EXISTS", f"{'.'.join(name.parts)} exists.")
        last = statement.bracket(name.after)
        columns = self._columns(self._without_key(statement.between(name.after, last)))
        clauses = self._clauses(statement, last + 1)
        self._tables.create(name.parts, columns, clauses["PARTITIONED"], clauses["COMMENT"])
        return self._nothing()

    def _without_key(self, columns: str) -> str:
        """Take the primary key away, which Unity Catalog keeps as a fact and does not enforce.

        Raises:
            AnalysisException: A part of the key is no column, or may be null.
        """
        found = PRIMARY_KEY.search(columns)
        if found is None:
            return columns
        rest = columns[: found.start()]
        declared = {field.name: field.nullable for field in self._columns(rest).fields}
        for name in (part.strip().strip("`") for part in found["key"].split(",")):
            if declared.get(name, True):
                text = f"The key column {name} is no column, or may be null."
                raise refusal("INVALID_PRIMARY_KEY", text)
        return rest

    def _clauses(self, statement: Statement, place: int) -> dict[str, Any]:
        """Read USING DELTA, PARTITIONED BY and COMMENT; anything else is an error."""
        found: dict[str, Any] = {"PARTITIONED": [], "COMMENT": ""}
        tokens = statement.tokens
        while place < len(tokens):
            word = tokens[place].upper
            if word == "USING" and tokens[place + 1].upper == "DELTA":
                place += 2
            elif word == "COMMENT":
                found["COMMENT"] = self._literal(tokens[place + 1].text)
                place += 2
            elif word == "PARTITIONED" and tokens[place + 2].text == "(":
                last = statement.bracket(place + 2)
                names = [one.identifier for one in tokens[place + 3 : last] if one.is_name]
                found["PARTITIONED"], place = names, last + 1
            else:
                text = f"The emulated Unity Catalog does not know: {statement.after(place)}"
                raise NotImplementedError(text)
        return found

    def _create_view(self, statement: Statement, args: Any, *, place: int) -> DataFrame:
        name = _three_parts(statement, place)
        self._known_schema(*name.parts[:2])
        query = Statement(statement.after(statement.until(name.after, {"AS"}) + 1))
        self._query(query)
        if self._tables.is_table(name.parts):
            raise refusal("EXPECT_VIEW_NOT_TABLE", f"{'.'.join(name.parts)} is a table.")
        if self._tables.exists(name.parts) and place == 2:
            raise refusal("TABLE_OR_VIEW_ALREADY_EXISTS", f"{'.'.join(name.parts)} exists.")
        self._tables.create_view(name.parts, query.text)
        return self._nothing()

    def _alter_table(self, statement: Statement, args: Any) -> DataFrame:
        name = _three_parts(statement, 2)
        words = [token.upper for token in statement.tokens[name.after : name.after + 2]]
        if words not in (["ADD", "COLUMNS"], ["ADD", "COLUMN"]):
            text = f"The emulated Unity Catalog does not know: {statement.text}"
            raise NotImplementedError(text)
        known = self._tables.schema(self._known_table(name.parts))
        first = name.after + 2
        columns = self._columns(statement.between(first, statement.bracket(first)))
        for column in columns.fields:
            if column.name.lower() in {one.lower() for one in known.names}:
                raise refusal("FIELD_ALREADY_EXISTS", f"Column {column.name} exists already.")
            if not column.nullable:
                raise refusal("DELTA_ADDING_NOT_NULL_COLUMN", f"{column.name} may not be NOT NULL.")
        self._tables.add_columns(name.parts, columns)
        return self._nothing()

    def _insert(self, statement: Statement, args: Any, **named: Any) -> DataFrame:
        name = _three_parts(statement, 3 if statement.starts("INSERT", "INTO", "TABLE") else 2)
        words = [token.upper for token in statement.tokens[name.after : name.after + 2]]
        if words != ["REPLACE", "WHERE"]:
            text = f"The emulated Unity Catalog does not know: {statement.text}"
            raise NotImplementedError(text)
        columns = self._tables.schema(self._known_table(name.parts))
        first = statement.until(name.after + 2, QUERIES)
        condition = Statement(statement.between(name.after + 1, first))
        predicate = predicate_of(condition, columns.names, self._tables.partitions(name.parts))
        rows = self._query(Statement(statement.after(first)), args, **named)
        self._tables.replace(name.parts, fitted(rows, columns, condition.text), predicate)
        return self._nothing()

    def _history(self, statement: Statement, args: Any) -> DataFrame:
        name = _three_parts(statement, 2)
        rest = statement.tokens[name.after :]
        limit = int(rest[1].text) if rest and rest[0].upper == "LIMIT" else None
        told = self._tables.history(self._known_table(name.parts), limit)
        rows = ", ".join(
            f"({one['version']}L, TIMESTAMP_MILLIS({one['timestamp']}L), '{one['operation']}')"
            for one in told
        )
        return self._plain_sql(f"SELECT * FROM VALUES {rows} AS (version, timestamp, operation)")

    def _detail(self, statement: Statement, args: Any) -> DataFrame:
        name = _three_parts(statement, 2)
        files, size = self._tables.size(self._known_table(name.parts))
        return self._plain_sql(f"SELECT {files}L AS numFiles, {size}L AS sizeInBytes")

    def _optimize(self, statement: Statement, args: Any) -> DataFrame:
        self._tables.optimize(self._known_table(_three_parts(statement, 1).parts))
        return self._nothing()

    def _vacuum(self, statement: Statement, args: Any) -> DataFrame:
        name = _three_parts(statement, 1)
        words = [token.upper for token in statement.tokens[name.after :]]
        if words not in ([], ["DRY", "RUN"]):
            text = f"The emulated Unity Catalog does not know: {statement.text}"
            raise NotImplementedError(text)
        found = self._tables.vacuum(self._known_table(name.parts), bool(words))
        rows = ", ".join(f"('{path}')" for path in found)
        return self._plain_sql(f"SELECT * FROM VALUES {rows} AS (path)") if found else self._empty()

    def _empty(self) -> DataFrame:
        return self._plain_sql("SELECT '' AS path WHERE FALSE")

    def _show_tables(self, statement: Statement, args: Any) -> DataFrame:
        name = statement.name_at(3)
        if name is None or len(name.parts) != 2 or len(statement.tokens) != name.after:
            return self._plain_sql(statement.text)
        self._known_schema(*name.parts)
        found = self._tables.names(*name.parts)
        empty = "SELECT '' AS database, '' AS tableName, FALSE AS isTemporary"
        rows = ", ".join(f"('{name.parts[1]}', '{one}', FALSE)" for one in found)
        text = f"SELECT * FROM VALUES {rows} AS (database, tableName, isTemporary)"
        return self._plain_sql(text if found else f"{empty} WHERE FALSE")

    def _columns(self, text: str) -> StructType:
        from pyspark.sql.types import StructType

        made = StructType.fromDDL(text)
        if not isinstance(made, StructType):
            raise TypeError(text)
        return made

    def _literal(self, text: str) -> str:
        session: Any = self._spark._jsparkSession
        return str(session.sessionState().sqlParser().parseExpression(text).toString())

    def _nothing(self) -> DataFrame:
        return self._plain_sql("SELECT 1 AS one WHERE FALSE").drop("one")


def _parsed(text: str) -> Name | None:
    """Return the parts of a name of three parts; None for any other."""
    found = Statement(text).name_at(0)
    return found.parts if found is not None and len(found.parts) == 3 else None


def _three_parts(statement: Statement, place: int) -> Named:
    found = statement.name_at(place)
    if found is None or len(found.parts) != 3:
        raise refusal("UNSUPPORTED", "A table has a name of three parts.", statement.text)
    return found


def _starter(statement: Statement) -> Any:
    return lambda words: statement.starts(*words)
