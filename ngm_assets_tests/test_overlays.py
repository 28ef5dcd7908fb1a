"""YAML files laid over one another: strict, with variables, and errors that name file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.errors import ConfigError
from ngm_assets.overlays import (
    Branch,
    Leaf,
    Place,
    filled,
    laid_over,
    place_of,
    plain,
    read_tree,
    variables_in,
)

HERE = Place(Path("here.yaml"), 1)
KEYS = st.sampled_from(["a", "b", "c"])
TREES = st.recursive(
    st.integers(),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
).filter(lambda value: isinstance(value, dict))


def tree_of(value: Any) -> Any:
    """Return a tree of plain values."""
    if isinstance(value, dict):
        return Branch({key: tree_of(part) for key, part in value.items()}, HERE)
    return Leaf(value, HERE)


def read(folder: Path, name: str, text: str) -> Branch:
    """Return the tree of a file with this text."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return read_tree(file)


def test_the_overlay_wins_and_mappings_are_merged(tmp_path: Path) -> None:
    base = read(tmp_path, "base.yaml", "a: 1\nwords:\n  x: 1\n  y: 2\nlist: [1, 2]\n")
    over = read(tmp_path, "over.yaml", "words:\n  y: 3\nlist: [4]\nb: new\n")
    made = laid_over(base, over)
    assert plain(made) == {"a": 1, "words": {"x": 1, "y": 3}, "list": [4], "b": "new"}
    assert str(place_of(made, ["words", "y"])).endswith("over.yaml, line 2")
    assert str(place_of(made, ["words", "x"])).endswith("base.yaml, line 3")


@given(tree=TREES)
def test_a_tree_over_itself_or_over_nothing_is_itself(tree: dict[str, Any]) -> None:
    made = tree_of(tree)
    assert plain(laid_over(made, made)) == tree
    assert plain(laid_over(tree_of({}), made)) == tree
    assert plain(laid_over(made, tree_of({}))) == tree


@pytest.mark.parametrize(
    ("base", "over", "told"),
    [
        ("a: 1\n", "\na:\n  b: 1\n", "a is a value in base.yaml, and a mapping here"),
        ("a:\n  b: 1\n", "\na: 1\n", "a is a mapping in base.yaml, and a value here"),
    ],
)
def test_a_mapping_and_a_value_do_not_mix(tmp_path: Path, base: str, over: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        laid_over(read(tmp_path, "base.yaml", base), read(tmp_path, "over.yaml", over))
    assert caught.value.where.endswith("over.yaml, line 2")


def test_nothing_may_take_the_place_of_a_mapping(tmp_path: Path) -> None:
    base = read(tmp_path, "base.yaml", "a:\n  b: 1\n")
    assert plain(laid_over(base, read(tmp_path, "over.yaml", "a:\n"))) == {"a": None}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\na: 2\n", "a is given twice"),
        ("- 1\n", "Expected a mapping, found a sequence"),
        ("a: [1\n", "Not valid YAML"),
        ("a: !!python/object:os.system x\n", "Not valid YAML"),
    ],
)
def test_what_is_no_clean_yaml_mapping_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        read(tmp_path, "some.yaml", text)
    assert "some.yaml" in caught.value.where


def test_variables_and_defaults() -> None:
    tree = tree_of(
        {
            "set": "${A}",
            "defaulted": "${B:-fall back}",
            "beats": "${A:-other}",
            "inside": "x-${A}-${B:-b}",
            "empty": "${B:-}",
            "list": ["${A}", 7],
            "dollar": "$$5 and $A",
            "number": 5,
        }
    )
    assert plain(filled(tree, {"A": "value"})) == {
        "set": "value",
        "defaulted": "fall back",
        "beats": "value",
        "inside": "x-value-b",
        "empty": None,
        "list": ["value", 7],
        "dollar": "$5 and $A",
        "number": 5,
    }
    assert variables_in(tree) == {"A", "B"}


@given(value=st.text(min_size=1))
def test_the_value_of_a_variable_is_taken_as_it_is(value: str) -> None:
    assert plain(filled(tree_of({"a": "${A}"}), {"A": value})) == {"a": value}


def test_all_variables_that_are_not_set_are_named_with_their_lines(tmp_path: Path) -> None:
    tree = read(tmp_path, "some.yaml", "host: ${HOST}\nmore:\n  id: ${ID}-${HOST}\n  ok: ${C:-d}\n")
    with pytest.raises(ConfigError, match="The variables HOST, ID are not set") as caught:
        filled(tree, {"ID": ""})
    file = tmp_path / "some.yaml"
    assert caught.value.where.split("; ") == [
        f"{file}, line 1 (HOST)",
        f"{file}, line 3 (ID)",
        f"{file}, line 3 (HOST)",
    ]
    assert "HOST" in caught.value.mend


def test_one_variable_that_is_not_set(tmp_path: Path) -> None:
    tree = read(tmp_path, "some.yaml", "\n\nhost: ${HOST}\n")
    with pytest.raises(ConfigError, match="The variable HOST is not set") as caught:
        filled(tree, {})
    assert "some.yaml, line 3" in caught.value.where


@pytest.mark.parametrize("text", ["${", "${A", "${1}", "${A-b}", "${A:-${B}}", "${ A }", "${}"])
def test_what_begins_like_a_variable_and_is_none_is_refused(tmp_path: Path, text: str) -> None:
    tree = read(tmp_path, "some.yaml", f"a: 1\nb: '{text}'\n")
    with pytest.raises(ConfigError, match="begins no variable") as caught:
        filled(tree, {"A": "a", "B": "b"})
    assert "some.yaml, line 2" in caught.value.where
