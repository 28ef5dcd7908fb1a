"""`ngm setup` makes what a catalog needs, says its SQL, and can be run again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlglot
from sqlglot import exp

from ngm_assets.errors import ComputeError, ConfigError
from ngm_assets.lakehouse.contract import Column, TableContract
from ngm_assets.lakehouse.statements import SCHEMAS, create_table
from ngm_assets.platform import all_contracts
from ngm_assets.predictions.latest import latest_views
from ngm_assets.settings import Settings, load_settings
from ngm_assets.setup.execution import execute
from ngm_assets.setup.statements import grant, setup_statements
from ngm_assets_tests.ready_workspace import Ready, ready_workspace
from ngm_assets_tests.workspace.faults import Fault
from ngm_assets_tests.workspace.http import Entry, Request, Response
from ngm_assets_tests.workspace.server import Statics

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HOST = {"DATABRICKS_HOST": "https://workspace.example.com"}
UNKNOWN_TO_SPARK = ("CREATE VOLUME", "GRANT ")
NAME = re.compile(r"`((?:[^`]|``)+)`")


def comment_of(tree: Any, kind: Any = exp.CommentColumnConstraint) -> str:
    """Return the comment of a column, or of another kind."""
    found: Any = tree.find(kind)
    return str(found.this.name)


def settings_of(env: str = "dev", **variables: str) -> Settings:
    """Return settings of an environment, without a workspace behind them."""
    return load_settings(env=env, environ={**HOST, **variables})


@pytest.fixture(scope="module")
def statements() -> list[str]:
    """Return the statements for serverless compute, which are the most."""
    return setup_statements(settings_of(NGM_COMPUTE="serverless"))


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Ready]:
    """Return a workspace, and let nothing pass that no correct client sends."""
    with ready_workspace(tmp_path) as made:
        yield made
        assert made.workspace.protocol_errors == []


def test_each_statement_is_one_in_the_dialect_of_databricks(statements: list[str]) -> None:
    for statement in statements:
        (tree,) = sqlglot.parse(statement, read="databricks")
        assert isinstance(tree, exp.Create) or statement.startswith(UNKNOWN_TO_SPARK)


def test_spark_parses_all_it_knows(local_spark: SparkSession, statements: list[str]) -> None:
    session: Any = local_spark
    parser = session._jsparkSession.sessionState().sqlParser()
    known = [one for one in statements if not one.startswith(UNKNOWN_TO_SPARK)]
    kinds = {str(parser.parsePlan(one)).lstrip("'").split()[0] for one in known}
    assert kinds == {"CreateNamespace", "CreateTable", "CreateView"}


def test_what_is_needed_is_made_before_what_needs_it(statements: list[str]) -> None:
    order = ["CREATE SCHEMA", "CREATE VOLUME", "CREATE TABLE", "CREATE OR REPLACE VIEW", "GRANT"]
    ranks = [next(i for i, text in enumerate(order) if s.startswith(text)) for s in statements]
    assert ranks == sorted(ranks)
    assert set(ranks) == set(range(len(order)))


def test_every_schema_table_and_view_is_made_once(statements: list[str]) -> None:
    made = [NAME.findall(one.partition(" (")[0].partition(" COMMENT")[0]) for one in statements]
    creates = [
        ".".join(name)
        for name, one in zip(made, statements, strict=True)
        if not one.startswith("GRANT")
    ]
    wanted = [*SCHEMAS, "models.staging", *all_contracts(), *latest_views()]
    assert creates == [f"dev.{name}" for name in wanted]


def test_only_views_replace_what_is_there(statements: list[str]) -> None:
    for statement in statements:
        safe = "IF NOT EXISTS" in statement or statement.startswith("GRANT")
        assert safe or statement.startswith("CREATE OR REPLACE VIEW")


def test_tables_have_the_words_and_the_key_of_their_contract(statements: list[str]) -> None:
    (text,) = [one for one in statements if "`features`.`cost_features` (" in one]
    contract = all_contracts()["features.cost_features"]
    tree = sqlglot.parse_one(text, read="databricks")
    columns = list(tree.find_all(exp.ColumnDef))
    comments = {c.name: comment_of(c) for c in columns}
    assert comments == {c.name: c.doc for c in contract.columns}
    required = {c.name for c in columns if c.find(exp.NotNullColumnConstraint)}
    assert required == {c.name for c in contract.columns if not c.nullable}
    key = ", ".join(f"`{name}`" for name in contract.key)
    assert f"CONSTRAINT `cost_features_pk` PRIMARY KEY ({key})" in text
    assert comment_of(tree, exp.SchemaCommentProperty) == contract.description


def test_a_table_whose_key_may_be_null_has_no_primary_key(statements: list[str]) -> None:
    (text,) = [one for one in statements if "`gold`.`fact_usage_rejects` (" in one]
    assert "PRIMARY KEY" not in text


def test_names_and_texts_cannot_break_out() -> None:
    awkward = TableContract(
        name="t",
        schema_name="gold",
        description="It's \\ a `table`; DROP TABLE x --",
        key=("id",),
        partition="day",
        columns=(
            Column(name="id", type="string", nullable=False, doc="'); GRANT ALL --"),
            Column(name="day", type="date", nullable=False, doc="\\'"),
        ),
    )
    (tree,) = sqlglot.parse(create_table(awkward, "`c`.`gold`.`t`"), read="databricks")
    assert isinstance(tree, exp.Create)
    found = [comment_of(c) for c in tree.find_all(exp.ColumnDef)]
    assert found == [column.doc for column in awkward.columns]
    assert comment_of(tree, exp.SchemaCommentProperty) == awkward.description
    assert "CONSTRAINT `t_pk` PRIMARY KEY (`id`, `day`)" in create_table(awkward, "`t`")
    assert grant(("SELECT",), "SCHEMA `s`", "a`b").endswith("TO `a``b`")


def test_no_comment_holds_what_spark_would_put_a_variable_in(statements: list[str]) -> None:
    assert [one for one in statements if "${" in one] == []


def test_views_name_their_tables_in_full(statements: list[str]) -> None:
    for text in [one for one in statements if one.startswith("CREATE OR REPLACE VIEW")]:
        (table,) = [
            t for t in sqlglot.parse_one(text, read="databricks").expression.find_all(exp.Table)
        ]
        assert (table.catalog, table.db) == ("dev", "predictions")
        assert f"`{table.name}_latest` (" in text


def grants(texts: list[str], group: str) -> dict[str, set[str]]:
    """Return what a group gets, by place."""
    found: dict[str, set[str]] = {}
    for text in texts:
        match = re.fullmatch(r"GRANT (.+) ON (?:\w+) (.+) TO `(.+)`", text)
        if match and match[3] == group:
            found.setdefault(match[2].replace("`", ""), set()).update(match[1].split(", "))
    return found


def test_engineers_get_what_steps_need_and_analysts_read_predictions_only(
    statements: list[str],
) -> None:
    tables = {"USE SCHEMA", "SELECT", "MODIFY", "CREATE TABLE"}
    assert grants(statements, "data-engineers") == {
        "dev": {"USE CATALOG"},
        **{f"dev.{name}": tables for name in ("gold", "features", "predictions", "monitoring")},
        "dev.models": {"USE SCHEMA", "CREATE MODEL", "EXECUTE", "APPLY TAG"},
        "dev.models.staging": {"READ VOLUME", "WRITE VOLUME"},
    }
    assert grants(statements, "data-analysts") == {
        "dev": {"USE CATALOG"},
        "dev.predictions": {"USE SCHEMA", "SELECT"},
    }


def test_groups_catalog_and_volume_follow_the_settings() -> None:
    volume = "/Volumes/a/b/c/d"
    chosen = settings_of(
        "rnd", NGM_ENGINEERS="ml team", NGM_COMPUTE="serverless", NGM_VOLUME=volume
    )
    texts = setup_statements(chosen)
    assert grants(texts, "ml team")["ngm_ml_rnd"] == {"USE CATALOG"}
    assert any(text.startswith("CREATE VOLUME IF NOT EXISTS `a`.`b`.`c`") for text in texts)
    clusters = setup_statements(settings_of())
    assert not [text for text in clusters if "VOLUME" in text]


def test_the_local_environment_has_nothing_to_set_up() -> None:
    with pytest.raises(ConfigError, match="local has no Databricks workspace"):
        setup_statements(load_settings(env="local", environ={}))


def ran(ready: Ready, texts: list[str]) -> list[str]:
    """Run statements and return those that were told."""
    told: list[str] = []
    execute(load_settings(env="dev"), texts, told.append, sleep=lambda _: None)
    return told


def test_all_statements_run_in_order_and_again(ready: Ready) -> None:
    texts = setup_statements(load_settings(env="dev"))
    assert ran(ready, texts) == texts
    assert ran(ready, texts) == texts
    assert ready.workspace.sql.statements == [*texts, *texts]
    assert "fact_usage" in ready.workspace.catalog.tables("dev", "gold")
    held = ready.workspace.catalog.grants["schema", "dev.predictions"]["data-analysts"]
    assert held == {"USE_SCHEMA", "SELECT"}


def test_the_first_refusal_ends_it_with_what_the_workspace_said(ready: Ready) -> None:
    told: list[str] = []
    texts = ["SELECT 1", "GRANT FLYING ON SCHEMA `dev`.`gold` TO `x`", "SELECT 2"]
    with pytest.raises(ComputeError, match="statement 2 of 3: FLYING is no privilege") as caught:
        execute(load_settings(env="dev"), texts, told.append)
    assert told == ready.workspace.sql.statements == texts[:2]
    assert "GRANT FLYING" in caught.value.where
    assert "again" in caught.value.mend


def test_without_a_warehouse_nothing_is_contacted(ready: Ready) -> None:
    ready.patch.delenv("NGM_WAREHOUSE_ID")
    with pytest.raises(ConfigError, match="No SQL warehouse") as caught:
        ran(ready, ["SELECT 1"])
    assert "NGM_WAREHOUSE_ID" in caught.value.where
    assert ready.workspace.requests == []


def test_a_warehouse_that_is_not_there(ready: Ready) -> None:
    ready.set(NGM_WAREHOUSE_ID="gone")
    with pytest.raises(ComputeError, match="statement 1 of 1: INVALID_PARAMETER_VALUE: gone is"):
        ran(ready, ["SELECT 1"])


def test_a_workspace_that_drops_the_connection(ready: Ready) -> None:
    ready.patch.setattr("ngm_assets.setup.execution.REQUEST_SECONDS", 1)
    ready.workspace.faults.add(Fault("POST", "/api/2.0/sql/statements/", "drop", 99))
    with pytest.raises(ComputeError, match="cannot be reached"):
        ran(ready, ["SELECT 1"])


class Slow:
    """Statements that are still running when they are asked for the first times.

    Args:
        looks: How often one has to look until a statement has ended.
    """

    def __init__(self, looks: int) -> None:
        self.looks, self.cancelled = looks, False

    def routes(self) -> list[Entry]:
        """Return the routes."""
        front = "/api/2.0/sql/statements/"
        return [
            ("POST", front, lambda _: self._told()),
            ("GET", front + "{statement_id}", self._look),
            ("POST", front + "{statement_id}/cancel", self._cancel),
        ]

    def _look(self, _: Request) -> Response:
        self.looks -= 1
        return self._told()

    def _told(self) -> Response:
        state = "SUCCEEDED" if self.looks == 0 else "PENDING"
        return Response(200, {"statement_id": "s", "status": {"state": state}})

    def _cancel(self, _: Request) -> Response:
        self.cancelled = True
        return Response()


def slowly(ready: Ready, looks: int, **changes: Any) -> tuple[Slow, list[float]]:
    """Run one statement that takes so many looks; return what it was, and the waits."""
    slow, waits = Slow(looks), list[float]()
    ready.workspace.add(Statics(*slow.routes()))
    loaded = load_settings(env="dev")
    workspace = loaded.workspace.model_copy(update=changes)
    settings = loaded.model_copy(update={"databricks": workspace})
    try:
        execute(settings, ["SELECT 1"], lambda _: None, sleep=waits.append)
    except ComputeError as error:
        assert "cancelled" in error.what
        assert slow.cancelled
    return slow, waits


def test_a_statement_is_waited_for(ready: Ready) -> None:
    slow, waits = slowly(ready, 3)
    assert (slow.looks, slow.cancelled) == (0, False)
    assert waits == [10.0, 10.0, 10.0]


def test_a_statement_that_does_not_end_is_cancelled(ready: Ready) -> None:
    slow, waits = slowly(ready, 1000, timeout_minutes=1, poll_seconds=20)
    assert slow.cancelled
    assert len(waits) == 3
