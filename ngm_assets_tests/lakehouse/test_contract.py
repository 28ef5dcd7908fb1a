"""A contract file says all there is to know of a table; a wrong one is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from ngm_assets.errors import ConfigError
from ngm_assets.lakehouse.contract import arrow_type, load_contract, load_contracts

GOOD = """
name: thing
schema: some
description: A thing.
key: [day, id]
partition: day
columns:
  - {name: day, type: date, nullable: false, doc: Day.}
  - {name: id, type: string, nullable: false, doc: Key.}
  - {name: share, type: double, min: 0, max: 1, doc: Share.}
"""


def contract_file(folder: Path, text: str) -> Path:
    """Write a contract file."""
    file = folder / "thing.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_contract_gives_names_keys_and_the_arrow_schema(tmp_path: Path) -> None:
    contract = load_contract(contract_file(tmp_path, GOOD))
    assert contract.full_name == "some.thing"
    assert contract.column_names == ("day", "id", "share")
    assert contract.entity_key == ("id",)
    assert contract.column("share").max == 1
    schema = contract.arrow_schema()
    assert schema.types == [pa.date32(), pa.string(), pa.float64()]
    assert [f.nullable for f in schema] == [False, False, True]
    assert schema.field("share").metadata == {b"comment": b"Share."}
    with pytest.raises(KeyError):
        contract.column("shares")


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("key: [day, id]", "key: [day, ident]", "'ident' is not among the columns"),
        ("partition: day", "partition: date", "'date' is not among the columns"),
        ("name: share", "name: id", "occurs twice"),
        ("key: [day, id]", "key: []", "key"),
        ("name: share", "name: Share", "columns.2.name"),
        ("max: 1", "most: 1", "columns.2.most"),
        ("description: A thing.", "", "description"),
        ("partition: day", "partition: day\nlookback_days: -1", "lookback_days"),
    ],
)
def test_a_wrong_contract_is_refused(tmp_path: Path, good: str, bad: str, said: str) -> None:
    file = contract_file(tmp_path, GOOD.replace(good, bad))
    with pytest.raises(ConfigError, match=said) as caught:
        load_contract(file)
    assert caught.value.where == str(file)


def test_only_files_with_a_query_beside_them_are_contracts_of_a_layer(tmp_path: Path) -> None:
    contract_file(tmp_path, GOOD)
    (tmp_path / "settings.yaml").write_text("a: 1", encoding="utf-8")
    assert load_contracts(tmp_path) == {}
    (tmp_path / "thing.sql").touch()
    assert list(load_contracts(tmp_path)) == ["thing"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("string", pa.string()),
        ("bigint", pa.int64()),
        ("int", pa.int32()),
        ("tinyint", pa.int8()),
        ("boolean", pa.bool_()),
        ("timestamp", pa.timestamp("us", tz="UTC")),
        ("decimal(38,18)", pa.decimal128(38, 18)),
        ("array<string>", pa.list_(pa.string())),
        ("map<string,int>", pa.map_(pa.string(), pa.int32())),
        (
            "struct<a:int,b:struct<c:array<date>>>",
            pa.struct([("a", pa.int32()), ("b", pa.struct([("c", pa.list_(pa.date32()))]))]),
        ),
    ],
)
def test_types_of_databricks_have_their_arrow_type(text: str, kind: pa.DataType) -> None:
    assert arrow_type(text) == kind


@pytest.mark.parametrize("text", ["interval", "binary", "array<binary>"])
def test_an_unknown_type_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        arrow_type(text)
