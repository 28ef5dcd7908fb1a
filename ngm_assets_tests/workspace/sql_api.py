"""SQL warehouses and the statements given to them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from databricks.sdk.service.sql import StatementExecutionAPI, WarehousesAPI

from ngm_assets.lakehouse.contract import arrow_type
from ngm_assets_tests.workspace.catalog_api import CatalogApi
from ngm_assets_tests.workspace.http import ApiError, Entry, Request, Response, invalid, missing
from ngm_assets_tests.workspace.statements import Statement

FRONT = "/api/2.0/sql"
MAKES = {"CATALOG", "SCHEMA", "VOLUME", "TABLE"}


class SqlApi:
    """Parses statements, and carries out those that create and grant; others succeed idly.

    Args:
        catalog: What they change.
        tables: Folder of the tables.

    Attributes:
        statements: All statements, in the order they came.
        warehouses: Names by id; tests add to it.
    """

    def __init__(self, catalog: CatalogApi, tables: Path) -> None:
        self._catalog, self._tables = catalog, tables
        self.statements: list[str] = []
        self.warehouses = {"warehouse-1": "Warehouse"}
        self._answers: list[dict[str, Any]] = []

    def routes(self) -> Iterable[Entry]:
        """Return the routes."""
        yield "POST", f"{FRONT}/statements/", self._execute
        yield "GET", f"{FRONT}/statements/{{statement_id}}", self._get
        yield "GET", f"{FRONT}/warehouses", self._list_warehouses
        yield "GET", f"{FRONT}/warehouses/{{id}}", self._get_warehouse

    def _execute(self, request: Request) -> Response:
        sent = request.of(StatementExecutionAPI.execute_statement)
        if sent["warehouse_id"] not in self.warehouses:
            raise invalid(f"{sent['warehouse_id']} is not a valid endpoint id.")
        self.statements.append(sent["statement"])
        answer = {"statement_id": str(len(self.statements)), "status": self._run(sent["statement"])}
        self._answers.append(answer)
        if sent.get("wait_timeout") == "0s":
            return Response(200, {**answer, "status": {"state": "PENDING"}})
        return Response(200, answer)

    def _get(self, request: Request) -> Response:
        request.of(StatementExecutionAPI.get_statement)
        number = request.parts["statement_id"]
        if not number.isdigit() or not 1 <= int(number) <= len(self._answers):
            raise missing(f"The statement {number} was not found.")
        return Response(200, self._answers[int(number) - 1])

    def _list_warehouses(self, request: Request) -> Response:
        request.of(WarehousesAPI.list)
        return Response(200, {"warehouses": [self._told(name) for name in self.warehouses]})

    def _get_warehouse(self, request: Request) -> Response:
        request.of(WarehousesAPI.get)
        if request.parts["id"] not in self.warehouses:
            raise missing(f"SQL warehouse {request.parts['id']} does not exist.")
        return Response(200, self._told(request.parts["id"]))

    def _told(self, warehouse_id: str) -> dict[str, Any]:
        return {"id": warehouse_id, "name": self.warehouses[warehouse_id], "state": "RUNNING"}

    def _run(self, text: str) -> dict[str, Any]:
        problem = _syntax_error(text)
        if problem is not None:
            return _failed(f"[PARSE_SYNTAX_ERROR] {problem}")
        try:
            self._carry_out(Statement(text))
        except (ApiError, NotImplementedError) as error:
            return _failed(str(error))
        return {"state": "SUCCEEDED"}

    def _carry_out(self, statement: Statement) -> None:
        words = [token.upper for token in statement.tokens[:2]]
        if words[0] == "GRANT":
            self._grant(statement)
        elif words[0] == "CREATE" and words[1] in MAKES:
            forgiving = [token.upper for token in statement.tokens[2:5]] == ["IF", "NOT", "EXISTS"]
            name = statement.name_at(5 if forgiving else 2)
            if name is None:
                raise invalid(f"A name is missing: {statement.text}")
            full_name, kind = ".".join(name.parts), words[1].lower()
            if self._catalog.exists(kind, full_name):
                if not forgiving:
                    raise ApiError(400, f"{words[1]}_ALREADY_EXISTS", f"{full_name} exists.")
            elif kind == "table":
                self._create_table(statement.text, name.parts)
            else:
                self._catalog.make(kind, full_name)

    def _create_table(self, text: str, name: tuple[str, ...]) -> None:
        from deltalake import DeltaTable

        if not self._catalog.exists("schema", ".".join(name[:2])):
            raise missing(f"Schema '{'.'.join(name[:2])}' does not exist.")
        schema, partition, comment = _definition(text)
        place = self._tables.joinpath(*name)
        DeltaTable.create(place, schema, partition_by=partition or None, description=comment)

    def _grant(self, statement: Statement) -> None:
        tokens = statement.tokens
        on, to = statement.until(1, {"ON"}), statement.until(1, {"TO"})
        words = " ".join(token.text.upper() for token in tokens[1:on])
        privileges = [word.strip().replace(" ", "_") for word in words.split(",")]
        explicit = tokens[on + 1].upper in MAKES | {"VIEW"}
        kind = tokens[on + 1].text.lower() if explicit else "table"
        name, principal = statement.name_at(on + 1 + explicit), statement.name_at(to + 1)
        if name is None or principal is None:
            raise invalid(f"A name is missing: {statement.text}")
        self._catalog.grant(kind, ".".join(name.parts), principal.parts[0], *privileges)


def _syntax_error(text: str) -> str | None:
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        found = [one for one in sqlglot.parse(text, read="databricks") if one is not None]
    except SqlglotError as error:
        return str(error)
    return None if len(found) == 1 else f"{len(found)} statements in place of one"


def _failed(message: str) -> dict[str, Any]:
    return {"state": "FAILED", "error": {"error_code": "BAD_REQUEST", "message": message}}


def _definition(text: str) -> tuple[Any, list[str], str]:
    """Return Delta schema, partition columns and comment of a CREATE TABLE statement."""
    import pyarrow as pa
    import sqlglot
    from deltalake import Schema
    from sqlglot import exp

    tree = sqlglot.parse_one(text, read="databricks")
    fields = []
    for column in (one for one in tree.this.expressions if isinstance(one, exp.ColumnDef)):
        words = column.find(exp.CommentColumnConstraint)
        required = column.find(exp.NotNullColumnConstraint) is not None
        comment = {"comment": "" if words is None else words.this.name}
        kind = arrow_type(column.args["kind"].sql(dialect="databricks"))
        fields.append(pa.field(column.name, kind, nullable=not required, metadata=comment))
    parts = tree.find(exp.PartitionedByProperty)
    names = [] if parts is None else [one.name for one in parts.this.expressions]
    told = tree.find(exp.SchemaCommentProperty)
    return Schema.from_arrow(pa.schema(fields)), names, "" if told is None else told.this.name
