"""What SECURITY.md claims: names are quoted, secrets stay unsaid, what leads outside is refused."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import pickle
import re
import socket
import stat
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlglot
from pydantic import ValidationError
from sqlglot import exp

from ngm_assets.cli.console import show_run
from ngm_assets.dagster_home import URL_VARIABLE, prepare_instance
from ngm_assets.engine.base import Query
from ngm_assets.engine.sql import to_duckdb
from ngm_assets.errors import ComputeError, ConfigError, ModelError
from ngm_assets.features.tables import feature_contracts
from ngm_assets.lakehouse.contract import Column, TableContract
from ngm_assets.lakehouse.quality import measure
from ngm_assets.lakehouse.statements import create_table, quoted, quoted_name, text
from ngm_assets.models.catalog.spec import RowsSpec
from ngm_assets.models.data.dataset import named, scoring_query
from ngm_assets.models.registry.loaded import FeatureContract
from ngm_assets.monitoring.alerting.sinks.base import Message
from ngm_assets.monitoring.alerting.sinks.webhook import signature
from ngm_assets.overlays import read_yaml
from ngm_assets.redaction import SECRETS
from ngm_assets.settings import Settings, load_settings, make_home
from ngm_assets.setup.statements import setup_statements
from ngm_assets_tests.estate import open_estate
from ngm_assets_tests.lakehouse.tables import contract as thing
from ngm_assets_tests.raw.files import AUDIT, audit, put, read, refusal, values

ROOT = Path(__file__).parents[1]
HOST = "https://workspace.example.com"
TOKEN = "dapi-0123456789abcdef"  # noqa: S105
HOSTILE = [
    "'); DROP TABLE x; --",
    '"; DROP TABLE x; --',
    "`; DROP TABLE x; --",
    "a'b",
    'a"b',
    "a`b",
    "a\\b",
    "a\\'; DROP TABLE x; --",
    "a\nb",
    "/* a",
    "${NGM_HOME}",
    ":parameter",
    "$1 ? {x}",
]
"""Names that would do something, were they not quoted."""


def settings_of(**variables: str) -> Settings:
    """Return settings of an environment on Databricks."""
    return load_settings(env="dev", environ={"DATABRICKS_HOST": HOST, **variables})


@pytest.mark.parametrize("name", HOSTILE)
def test_a_quoted_name_is_one_name_and_a_quoted_text_one_text(name: str) -> None:
    tree = sqlglot.parse_one(f"SELECT {text(name)} AS {quoted(name)}", read="databricks")
    (found,) = tree.expressions
    assert (found.alias, found.this.is_string) == (name, True)
    assert list(tree.find_all(exp.Command, exp.Drop)) == []
    named = sqlglot.parse_one(f"SELECT 1 FROM {quoted_name(f'c.{name}')}", read="databricks")
    (table,) = named.find_all(exp.Table)
    assert (table.db, table.name) == ("c", name)


@pytest.mark.parametrize("name", [n for n in HOSTILE if "\n" not in n])
def test_landing_files_folders_and_columns_may_have_hostile_names(
    tmp_path: Path, name: str
) -> None:
    plain = "x" + name.replace("/", "_").replace("\\", "_")
    landing = tmp_path / "landing"
    strange = pa.array([1], pa.int64())
    put(landing, AUDIT, f"{plain}/{plain}.parquet", audit("a", **{name: strange}))
    person = pa.array([{"email": "a@x", name: "b"}])
    put(landing, AUDIT, f"month={plain}/{plain}", audit("b", user_identity=person))
    labels = pa.array([{name: "v", "k": None}])
    put(landing, AUDIT, "c.parquet", audit("c", request_params=labels))
    assert values(landing, AUDIT, "event_id") == ["a", "b", "c"]
    params = [row["request_params"] for row in read(landing, AUDIT) if row["event_id"] == "c"]
    assert params == [[(name, "v")]]


def test_a_file_name_with_a_line_break_is_a_file_name(tmp_path: Path) -> None:
    put(tmp_path / "landing", AUDIT, "a\n'); DROP TABLE x; --\n.parquet", audit("a"))
    assert values(tmp_path / "landing", AUDIT, "event_id") == ["a"]


@pytest.mark.parametrize("value", HOSTILE)
def test_values_are_parameters_and_never_part_of_a_query(tmp_path: Path, value: str) -> None:
    engine = open_estate(tmp_path / "landing", tmp_path / "home").engine
    assert engine.rows(Query("SELECT :given AS told", {"given": value})) == [{"told": value}]


@pytest.mark.parametrize("name", [*HOSTILE, "Upper", "1st", "a.b", ""])
def test_contracts_name_nothing_that_would_need_quotes(name: str) -> None:
    with pytest.raises(ValidationError):
        Column(name=name, type="string", doc="")
    for field in ("name", "schema_name", "partition", "key"):
        told: dict[str, Any] = {**thing().model_dump(), field: (name,) if field == "key" else name}
        with pytest.raises(ValidationError):
            TableContract.model_validate(told)
    with pytest.raises(ValidationError):
        Column(name="a", type=f"string) {name}; --", doc="")


@pytest.mark.parametrize("name", HOSTILE)
def test_words_of_a_contract_stay_words(name: str, tmp_path: Path) -> None:
    column = Column(name="note", type="string", doc=name, accepted=(name, "b"))
    table = thing(column).model_copy(update={"description": name})
    tree = sqlglot.parse_one(create_table(table, "`a`.`b`.`c`"), read="databricks")
    assert isinstance(tree, exp.Create)
    lakehouse = open_estate(tmp_path / "landing", tmp_path / "home")
    engine = replace(lakehouse, contracts={table.full_name: table}).engine
    engine.contracts[table.full_name] = table  # type: ignore[attr-defined]
    rows = [{"id": n, "day": date(2024, 3, 4), "value": 1, "note": n} for n in (name, "c")]
    engine.store(table, rows, date(2024, 3, 4), date(2024, 3, 4))
    facts = measure(engine, table, date(2024, 3, 4), date(2024, 3, 4))
    assert facts.not_accepted["note"] == 1


@pytest.mark.parametrize("catalog", ["a.b", "prod; DROP", "prod`", "Prod", "", "'"])
def test_a_catalog_is_a_plain_name(catalog: str) -> None:
    with pytest.raises(ValidationError, match="catalog"):
        Settings.model_validate({**settings_of().model_dump(), "catalog": catalog})


@pytest.mark.parametrize("name", [n for n in HOSTILE if "$" not in n])
def test_groups_and_volumes_of_the_settings_are_quoted(name: str) -> None:
    statements = setup_statements(settings_of(NGM_ENGINEERS=name, NGM_ANALYSTS=f"{name}2"))
    grants = [statement for statement in statements if statement.startswith("GRANT")]
    assert {grant.rpartition(" TO ")[2] for grant in grants if "2`" in grant} == {
        quoted(f"{name}2")
    }
    for statement in statements:
        assert len(sqlglot.parse(statement, read="databricks")) == 1


@pytest.mark.parametrize(
    "condition",
    [
        "1=1) OR (SELECT 1",
        "EXISTS (SELECT 1 FROM system.access.audit)",
        "1=1) UNION ALL SELECT * FROM x WHERE (1=1",
        "1=1); DROP TABLE x; --",
        "n_records = 1) OR (n_records = 2",
        "1=1) QUALIFY (2=2",
        "1=1) LIMIT (2",
        "no_such_column > 1",
    ],
)
def test_a_stored_condition_reads_a_row_and_nothing_else(condition: str) -> None:
    """Stored versions carry theirs, and the artifact store is written by others too."""
    spec = named("cost_anomaly_detector")
    table = feature_contracts()[spec.feature_table]
    types = {name: table.column(name).type for name in spec.features}
    stored = FeatureContract(table.name, table.entity_key, table.partition, types)
    day = date(2024, 3, 4)
    assert scoring_query(spec, stored, day, day).sql
    for field in ("where", "scored_where"):
        rows = RowsSpec.model_validate({field: condition})
        with pytest.raises(ModelError, match=rf"rows\.{field}"):
            scoring_query(spec.model_copy(update={"rows": rows}), stored, day, day)


@pytest.mark.parametrize("place", ["table", "date_column", "key", "column"])
def test_a_stored_feature_contract_names_columns_only(place: str) -> None:
    stored = FeatureContract("t", ("k",), "d", {"a": "double"}).to_json()
    assert FeatureContract.from_json(stored).features == ("a",)
    wrong = "(SELECT secret FROM x)"
    if place == "key":
        stored["key_columns"] = [wrong]
    elif place == "column":
        stored["columns"] = [{"name": wrong, "type": "double"}]
    else:
        stored[place] = wrong
    with pytest.raises(ModelError, match="names that are none"):
        FeatureContract.from_json(stored)


def test_only_one_statement_reaches_the_engine() -> None:
    with pytest.raises(ComputeError, match="one statement"):
        to_duckdb("SELECT 1 AS a; DROP TABLE x")
    assert to_duckdb("SELECT 1 AS a; -- the end") == "SELECT 1 AS a"


@pytest.mark.parametrize("name", ["notes.txt", "a.parquet", "plain"])
def test_a_link_out_of_the_landing_is_refused_unopened_whatever_it_is(
    tmp_path: Path, name: str
) -> None:
    outside = tmp_path / "secret"
    outside.write_text("PAR1", encoding="utf-8")
    link = tmp_path / "landing" / "access" / "audit" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    error = refusal(tmp_path / "landing", AUDIT)
    assert "leads out of the landing folder" in error.what
    assert error.where == str(link)


def test_a_name_that_an_engine_may_take_for_a_path_is_refused(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    put(landing, AUDIT, "../../../secret.parquet", audit("secret"))
    put(landing, AUDIT, "[x]/_skipped", audit("a"))
    name = r"[x]\..\..\..\..\secret.parquet"
    put(landing, AUDIT, name, audit("decoy"))
    assert refusal(landing, AUDIT).where == str(landing / "access" / "audit" / name)


@pytest.mark.parametrize("kind", ["pipe", "socket", "dangling link", "ring of links"])
def test_what_is_no_file_is_refused_and_nobody_waits_for_it(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "landing" / "access" / "audit"
    folder.mkdir(parents=True)
    if kind == "pipe":
        os.mkfifo(folder / "thing")
    elif kind == "socket":
        monkeypatch.chdir(folder)  # the address of a socket is short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("thing")
    else:
        (folder / "thing").symlink_to("thing" if kind == "ring of links" else "nowhere")
    assert refusal(tmp_path / "landing", AUDIT).where == str(folder / "thing")


@pytest.mark.parametrize(
    "text",
    ["a: !!python/object/apply:os.getcwd []", "a: !!python/name:os.system", "!!python/tuple [1]"],
)
def test_yaml_makes_plain_values_only(tmp_path: Path, text: str) -> None:
    file = tmp_path / "home.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        read_yaml(file)


def test_what_a_failed_step_says_is_printed_without_secrets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = f"{TOKEN}[ab]"
    monkeypatch.setenv("DATABRICKS_TOKEN", secret)
    check = {"asset": "a", "check": "c", "warn": False, "description": f"check {secret}"}
    problem = {"step": "s", "kind": "Error", "message": f"403 for {secret}"}
    run = {"job": "j", "success": False, "checks": dict.fromkeys(("passed", "warned", "failed"), 0)}
    told: dict[str, Any] = {"tables": {}, "home": "h"}
    told |= {name: [] for name in ("models", "alerts", "monitoring_alerts", "failed_models")}
    show_run({"runs": [{**run, "failed_checks": [check], "problems": [problem]}], **told})
    printed = capsys.readouterr().out
    assert "403 for [DATABRICKS_TOKEN]" in printed
    assert "check [DATABRICKS_TOKEN]" in printed
    assert TOKEN not in printed


def test_no_secret_is_part_of_the_settings(caplog: pytest.LogCaptureFixture) -> None:
    secrets = {name: f"{TOKEN}-{name}" for name in SECRETS}
    found = settings_of(**secrets, NGM_DAGSTER_STORAGE="postgres")
    with caplog.at_level(logging.INFO):
        logging.getLogger("any").info("%s %r", found, found)
    told = [repr(found), str(found), found.model_dump_json(), caplog.text]
    told += [pickle.dumps(found).decode("latin-1"), *setup_statements(found)]
    assert [each for each in told if TOKEN in each] == []


def test_credentials_in_an_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        settings_of(DATABRICKS_HOST=f"https://me:{TOKEN}@workspace.example.com")
    assert TOKEN not in str(caught.value)


NOON = datetime(2024, 3, 4, 12, tzinfo=UTC)


def message(**more: Any) -> Message:
    """Return a message."""
    names = [name for name in Message.__dataclass_fields__ if name not in ("at", "links")]
    known: dict[str, Any] = {**dict.fromkeys(names, "x"), "at": NOON, **more}
    return Message(**known)


def accepted(headers: dict[str, str], body: bytes, secret: str, now: datetime) -> bool:
    """Judge a message as a receiver should: the signature, and that it is not old."""
    stamp = headers["X-NGM-Timestamp"]
    made = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    fresh = abs(now.timestamp() - int(stamp)) <= 300
    return fresh and hmac.compare_digest(headers["X-NGM-Signature"], f"sha256={made}")


def test_a_receiver_can_tell_the_sender_a_changed_message_and_one_sent_again_later() -> None:
    body = json.dumps({"a": 1}).encode()
    headers = signature("secret", message(), body)
    assert accepted(headers, body, "secret", NOON)
    assert not accepted(headers, body + b" ", "secret", NOON)
    assert not accepted(headers, body, "other", NOON)
    late = NOON + timedelta(minutes=6)
    assert not accepted(headers, body, "secret", late)
    renewed = headers | {"X-NGM-Timestamp": str(int(late.timestamp()))}
    assert not accepted(renewed, body, "secret", late)


def test_a_new_home_is_private_and_an_existing_one_keeps_its_rights(tmp_path: Path) -> None:
    make_home(tmp_path / "new")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    (tmp_path / "old").mkdir()
    (tmp_path / "old").chmod(0o755)
    make_home(tmp_path / "old")
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o755
    prepare_instance(tmp_path / "third" / "dagster", "sqlite", {URL_VARIABLE: ""})
    assert stat.S_IMODE((tmp_path / "third").stat().st_mode) == 0o700


def test_every_pinned_version_is_exact_and_every_requirement_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    assert [
        line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)
    ] == []
    pinned = {_plain(line.partition("==")[0]) for line in lines}
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    needed = {_plain(name) for name in re.findall(r"^    ([A-Za-z0-9_.-]+)[\[><=]", setup, re.M)}
    assert {"dagster", "mlflow", "bandit", "dagster-postgres"} <= needed
    assert needed - pinned == set()


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_test_the_document_names_exists() -> None:
    document = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(ngm_assets[a-z_/]*\.py)`", document))
    assert len(named) >= 4
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []
