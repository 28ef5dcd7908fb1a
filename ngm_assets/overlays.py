"""YAML files laid over one another: strict keys, variables, and the line each value came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ngm_assets.errors import ConfigError

VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\})")
"""`${NAME}`, `${NAME:-default}`, and `$$` for a dollar sign."""


@dataclass(frozen=True)
class Place:
    """A line of a file."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


@dataclass(frozen=True)
class Leaf:
    """A value that is not a mapping, and where it stands."""

    value: Any
    place: Place


@dataclass(frozen=True)
class Branch:
    """A mapping, and where it stands."""

    parts: Mapping[str, Leaf | Branch]
    place: Place


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping with the safe loader.

    Raises:
        ConfigError: The file is unreadable, not YAML, or not a mapping.
    """
    values: dict[str, Any] = plain(read_tree(path))
    return values


def read_tree(path: Path) -> Branch:
    """Read a YAML mapping and remember the line of every value.

    Raises:
        ConfigError: The file is unreadable, not YAML, not a mapping, or names a key twice.
    """
    import yaml

    loader_class = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"Cannot read the file: {error.strerror}.", where=str(path)) from None
    loader = loader_class(text)
    try:
        node: Any = loader.get_single_node()
        if node is None:
            return Branch({}, Place(path, 1))
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError(
                f"Expected a mapping, found a {node.id}.",
                where=str(path),
                mend="Write `key: value` lines.",
            )
        return _branch(loader, node, path)
    except yaml.YAMLError as error:
        raise ConfigError(f"Not valid YAML: {error}", where=str(path)) from None
    finally:
        loader.dispose()


def _branch(loader: Any, node: Any, path: Path) -> Branch:
    import yaml

    loader.flatten_mapping(node)
    parts: dict[str, Leaf | Branch] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        place = Place(path, key_node.start_mark.line + 1)
        if key in parts:
            raise ConfigError(f"{key} is given twice.", where=str(place), mend="Keep one of them.")
        if isinstance(value_node, yaml.MappingNode):
            parts[key] = Branch(_branch(loader, value_node, path).parts, place)
        else:
            parts[key] = Leaf(loader.construct_object(value_node, deep=True), place)
    return Branch(parts, Place(path, node.start_mark.line + 1))


def laid_over(base: Branch, overlay: Branch) -> Branch:
    """Return `base` with the values of `overlay` in place of its own; mappings are merged.

    Raises:
        ConfigError: The overlay has a mapping where the base has a value, or the other way round.
            An empty value may take the place of a mapping, and a mapping that of an empty value.
    """
    parts = dict(base.parts)
    for key, new in overlay.parts.items():
        old = parts.get(key)
        if isinstance(old, Branch) and isinstance(new, Branch):
            parts[key] = laid_over(old, new)
        elif old is None or _alike(old, new):
            parts[key] = new
        else:
            kinds = (
                ("a mapping", "a value") if isinstance(old, Branch) else ("a value", "a mapping")
            )
            raise ConfigError(
                f"{key} is {kinds[0]} in {old.place.file.name}, and {kinds[1]} here.",
                where=str(new.place),
                mend=f"Write {key} as {kinds[0]}.",
            )
    return Branch(parts, overlay.place)


def _alike(old: Leaf | Branch, new: Leaf | Branch) -> bool:
    empty = (isinstance(part, Leaf) and part.value is None for part in (old, new))
    return any(empty) or isinstance(old, Branch) == isinstance(new, Branch)


def filled(tree: Branch, variables: Mapping[str, str]) -> Branch:
    """Return the tree with `${NAME}` and `${NAME:-default}` replaced by variables.

    A variable that is empty counts as not set. A text that becomes empty becomes None.

    Raises:
        ConfigError: Variables without default are not set: all of them are named, with their
            lines. Or something begins like a variable, and is none.
    """
    unset: list[tuple[str, Place]] = []
    done = _filled_branch(tree, variables, unset)
    if unset:
        names = list(dict.fromkeys(name for name, _ in unset))
        told = ", ".join(names)
        what = f"variables {told} are" if len(names) > 1 else f"variable {told} is"
        raise ConfigError(
            f"The {what} not set.",
            where="; ".join(dict.fromkeys(f"{place} ({name})" for name, place in unset)),
            mend=f"Set {told}, or write a default as ${{{names[0]}:-default}}.",
        )
    return done


def _filled_branch(
    tree: Branch, variables: Mapping[str, str], unset: list[tuple[str, Place]]
) -> Branch:
    parts = {
        key: _filled_branch(part, variables, unset)
        if isinstance(part, Branch)
        else Leaf(_filled(part.value, part.place, variables, unset), part.place)
        for key, part in tree.parts.items()
    }
    return Branch(parts, tree.place)


def _filled(
    value: Any, place: Place, variables: Mapping[str, str], unset: list[tuple[str, Place]]
) -> Any:
    if isinstance(value, list):
        return [_filled(part, place, variables, unset) for part in value]
    if not isinstance(value, str):
        return value
    rest = "".join(found["default"] or "" for found in VARIABLE.finditer(value))
    if "${" in VARIABLE.sub("", value) + rest:
        raise ConfigError(
            f"{value!r} has a ${{ that begins no variable.",
            where=str(place),
            mend="Write ${NAME} or ${NAME:-default}, the default without variables; $$ is a $.",
        )

    def replacement(found: re.Match[str]) -> str:
        name = found["name"]
        if name is None:
            return "$"
        text = variables.get(name) or found["default"]
        if text is None:
            unset.append((name, place))
        return text or ""

    return VARIABLE.sub(replacement, value) or None


def variables_in(tree: Branch) -> set[str]:
    """Return the names of all variables the values of a tree refer to."""
    found = set()
    for part in tree.parts.values():
        if isinstance(part, Branch):
            found |= variables_in(part)
        else:
            found |= {m["name"] for m in VARIABLE.finditer(str(part.value)) if m["name"]}
    return found


def plain(tree: Branch) -> dict[str, Any]:
    """Return the values of a tree without their places."""
    return {
        key: plain(part) if isinstance(part, Branch) else part.value
        for key, part in tree.parts.items()
    }


def place_of(tree: Branch, path: Iterable[Any]) -> Place:
    """Return where a value stands, given the keys that lead to it; else its nearest parent."""
    here: Leaf | Branch = tree
    for key in path:
        if not isinstance(here, Branch) or key not in here.parts:
            break
        here = here.parts[key]
    return here.place
