"""Tables are found by where they stand, never inside texts and comments."""

from __future__ import annotations

import pytest

from ngm_assets_tests.workspace.statements import Statement


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("SELECT 1 FROM `a`.`b`.`c`", [("a", "b", "c")]),
        ("SELECT 1 FROM a . b . c JOIN `d`.`e`.`f` x ON 1=1", [("a", "b", "c"), ("d", "e", "f")]),
        ("SELECT 1 FROM `a``x`.`b.y`.`c`", [("a`x", "b.y", "c")]),
        ("SELECT 'FROM a.b.c', \"FROM a.b.c\", 'it\\'s FROM a.b.c' FROM t", []),
        ("SELECT 1 -- FROM a.b.c\n /* FROM a.b.c */ FROM a.b", []),
        ("SELECT `s`.`x`.`y`, t.x.y FROM t", []),
        ("SELECT 1 FROM (SELECT 2 FROM a.b.c)", [("a", "b", "c")]),
    ],
)
def test_tables_are_found(text: str, names: list[tuple[str, ...]]) -> None:
    assert [found.parts for found in Statement(text).tables()] == names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT t.x FROM a.b.t WHERE 1=1", "SELECT t.x FROM V AS `t` WHERE 1=1"),
        ("SELECT 1 FROM a.b.t AS t JOIN a.b.u v", "SELECT 1 FROM V AS t JOIN V v"),
        ("(SELECT 1 FROM `a`.`b`.`t`)", "(SELECT 1 FROM V AS `t`)"),
        ("SELECT 1 FROM a.b.t `x` ;", "SELECT 1 FROM V `x` "),
        ("SELECT 1 FROM other.b.t", "SELECT 1 FROM other.b.t"),
    ],
)
def test_tables_are_replaced_and_keep_their_alias(text: str, expected: str) -> None:
    def stand_in(name: tuple[str, ...]) -> str | None:
        return "V" if name[0] == "a" else None

    assert Statement(text).with_tables(stand_in) == expected


def test_brackets_and_words_outside_them_are_found() -> None:
    statement = Statement("INSERT INTO t REPLACE WHERE (x IN (SELECT 1)) SELECT 2 FROM {rows}")
    assert statement.after(statement.until(5, {"SELECT"})) == "SELECT 2 FROM {rows}"
    assert statement.tokens[statement.bracket(5)].end == statement.text.index(" SELECT 2")
    with pytest.raises(ValueError, match="not closed"):
        Statement("f(x").bracket(1)
