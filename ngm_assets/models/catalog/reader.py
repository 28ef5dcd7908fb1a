"""Reads the model catalogue: YAML files into specifications, every fault with file and line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from ngm_assets.errors import ConfigError
from ngm_assets.models.catalog.rules import Fault, Tables, faults_of, nearest
from ngm_assets.models.catalog.spec import (
    BaselineSpec,
    EstimatorSpec,
    MetricSpec,
    ModelSpec,
    RowsSpec,
    TargetSpec,
    TrainingSpec,
)


@dataclass(frozen=True)
class _Place:
    """A YAML file, and the node of one entry in it."""

    file: str
    node: yaml.Node

    def where(self, path: tuple[str | int, ...]) -> str:
        """Return "folder/file:line:field" of the deepest part of `path` that exists."""
        line, node = self.node.start_mark.line, self.node
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        field = ".".join(str(step) for step in path) or "models"
        return f"{self.file}:{line + 1}:{field}"


@dataclass(frozen=True)
class _Problem:
    what: str
    where: str
    mend: str


def load_catalog(
    folder: Path | None = None,
    *,
    feature_columns: Mapping[str, Collection[str]],
    label_columns: Mapping[str, Collection[str]],
    key_columns: Mapping[str, Collection[str]] | None = None,
    text_columns: Mapping[str, Collection[str]] | None = None,
) -> tuple[ModelSpec, ...]:
    """Read every `<domain>.yaml` of a folder.

    Args:
        folder: The catalogue; None = the package's own.
        feature_columns: All columns by feature table, keys included.
        label_columns: Label, proxy and baseline columns by feature table.
        key_columns: Key and date columns by feature table: they may stand in recommended actions
            and may not be features. None = any column of the table may stand in actions.
        text_columns: Columns that hold texts by feature table; only some estimators take them.

    Returns:
        The specifications in the order of files and entries.

    Raises:
        ConfigError: At least one fault; all faults of all files are listed, each as
            "folder/file:line:field" with the nearest valid name where there is one.
    """
    root = folder or Path(__file__).parent
    tables = Tables(feature_columns, label_columns, key_columns, text_columns or {})
    problems: list[_Problem] = []
    read: list[tuple[ModelSpec, _Place]] = []
    for path in sorted(root.glob("*.yaml")):
        for entry, place in _entries(path, problems):
            spec = _validated(entry, place, path.stem, problems)
            if spec is not None:
                read.append((spec, place))
    for spec, place in read:
        problems += [_located(fault, spec.name, place) for fault in faults_of(spec, tables)]
    problems += _clashes(read)
    _raise(problems)
    return tuple(spec for spec, _ in read)


def _clashes(read: Sequence[tuple[ModelSpec, _Place]]) -> Iterator[_Problem]:
    """Yield names that stand twice, and models that learn the same from the same in one way."""
    names: dict[str, str] = {}
    recipes: dict[tuple[object, ...], str] = {}
    for spec, place in read:
        here = place.where(("name",))
        recipe = (
            spec.feature_table,
            spec.target.column,
            frozenset(spec.features),
            spec.estimator.type,
        )
        if spec.name in names:
            what = f"The name {spec.name} is taken at {names[spec.name]}."
            yield _Problem(what, here, "Rename one.")
        elif recipe in recipes:
            what = (
                f"{spec.name} has the target, features and estimator of the model at "
                f"{recipes[recipe]}."
            )
            yield _Problem(what, here, "Remove one, or let it learn something else.")
        names.setdefault(spec.name, here)
        recipes.setdefault(recipe, here)


def _raise(problems: list[_Problem]) -> None:
    if not problems:
        return
    if len(problems) == 1:
        raise ConfigError(problems[0].what, where=problems[0].where, mend=problems[0].mend)
    lines = [f"  {p.where}: {p.what} {p.mend}".rstrip() for p in problems]
    raise ConfigError(
        "\n".join([f"The model catalogue has {len(problems)} faults:", *lines]),
        where=", ".join(p.where for p in problems),
        mend="Mend each place named above.",
    )


def _located(fault: Fault, name: str, place: _Place) -> _Problem:
    return _Problem(f"{name}: {fault.what}", place.where(fault.path), fault.mend)


def _entries(path: Path, problems: list[_Problem]) -> Iterator[tuple[dict[str, Any], _Place]]:
    file = f"{path.parent.name}/{path.name}"
    loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
    try:
        root = loader.get_single_node()
        content = None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problems.append(_Problem(f"Not YAML: {error.problem}.", f"{file}:{line}:models", ""))
        return
    finally:
        loader.dispose()
    entries = content.get("models") if isinstance(content, dict) and len(content) == 1 else None
    if root is None or not isinstance(entries, list):
        problems.append(
            _Problem(
                "The file is not a mapping with the one key models, a list.",
                f"{file}:1:models",
                "Begin the file with `models:`.",
            )
        )
        return
    top = _Place(file, root)
    for index, (entry, node) in enumerate(zip(entries, root.value[0][1].value, strict=True)):
        place = _Place(file, node)
        if not isinstance(entry, dict):
            where = top.where(("models", index))
            problems.append(_Problem("An entry is not a mapping.", where, ""))
            continue
        repeated = list(_repeated_keys(node))
        problems += [
            _Problem(f"The key {key} stands twice.", f"{file}:{line}:{key}", "Remove one.")
            for key, line in repeated
        ]
        if not repeated:
            yield entry, place


def _repeated_keys(node: yaml.Node) -> Iterator[tuple[str, int]]:
    """Yield keys that a mapping below `node` names twice; YAML would keep the last in silence."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield str(key.value), key.start_mark.line + 1
            seen.add(key.value)
            yield from _repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated_keys(item)


def _child(node: yaml.Node, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key.start_mark.line, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item.start_mark.line, item
    return None


def _validated(
    entry: dict[str, Any], place: _Place, domain: str, problems: list[_Problem]
) -> ModelSpec | None:
    name = entry.get("name", "an entry without name")
    try:
        spec = ModelSpec.model_validate({"domain": domain, **entry})
    except ValidationError as error:
        problems += [_from_pydantic(fault, name, place) for fault in error.errors()]
        return None
    if spec.domain != domain:
        what = f"{name}: the domain is {spec.domain}, the file's is {domain}."
        problems.append(_Problem(what, place.where(("domain",)), f"Use {domain}."))
        return None
    return spec


def _from_pydantic(fault: Any, name: str, place: _Place) -> _Problem:
    path = tuple(step for step in fault["loc"] if step != "[key]")
    message, mend = str(fault["msg"]), ""
    if fault["type"] == "extra_forbidden":
        message, mend = f"unknown key {path[-1]}", nearest(str(path[-1]), _fields(path[:-1]))
    elif fault["type"] == "missing":
        message, mend = f"{path[-1]} is missing", f"Add {path[-1]}."
    elif fault["type"] == "value_error":
        field, _, message = message.removeprefix("Value error, ").partition(": ")
        path = (*path, field)
    elif fault["type"] == "literal_error":
        allowed = [part.strip("' ") for part in message.split("be ")[-1].split(" or ")]
        names = [one.strip("' ") for part in allowed for one in part.split(",")]
        mend = nearest(str(fault["input"]), names)
    return _Problem(f"{name}: {message}.", place.where(path), mend)


def _fields(path: tuple[str | int, ...]) -> Collection[str]:
    parts: dict[str, type[BaseModel]] = {
        "rows": RowsSpec,
        "label": TargetSpec,
        "proxy": TargetSpec,
        "baseline": BaselineSpec,
        "estimator": EstimatorSpec,
        "metric": MetricSpec,
        "training": TrainingSpec,
    }
    if not path:
        return ModelSpec.model_fields
    part = parts.get(str(path[0]))
    return () if part is None else part.model_fields
