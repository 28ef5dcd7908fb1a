"""The column graph of the whole estate: raw to gold to features to predictions, up and down."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from ngm_assets.engine.lineage import ROWS, Source
from ngm_assets.errors import ConfigError
from ngm_assets.features.tables import feature_contracts, feature_lineage
from ngm_assets.gold.tables import gold_contracts, gold_lineage
from ngm_assets.models.data.dataset import catalog
from ngm_assets.platform import all_contracts
from ngm_assets.predictions.tables import prediction_contract, prediction_lineage
from ngm_assets.raw.contract import raw_tables


@dataclass(frozen=True)
class Branch:
    """A column (or a table, then `column` is empty) and what lies behind or before it."""

    table: str
    column: str
    branches: tuple[Branch, ...]

    @property
    def label(self) -> str:
        """`schema.table.column`, or `schema.table`."""
        return f"{self.table}.{self.column}" if self.column else self.table


@cache
def sources() -> Mapping[Source, tuple[Source, ...]]:
    """Return the direct sources of every (table, column)."""
    found: dict[Source, tuple[Source, ...]] = {}
    for contract in gold_contracts().values():
        found |= _of(contract.full_name, gold_lineage(contract.name))
    for contract in feature_contracts().values():
        found |= _of(contract.full_name, feature_lineage(contract.name))
    for spec in catalog():
        found |= _of(prediction_contract(spec).full_name, prediction_lineage(spec))
    return found


def _of(table: str, columns: Mapping[str, tuple[Source, ...]]) -> dict[Source, tuple[Source, ...]]:
    return {(table, column): origins for column, origins in columns.items()}


@cache
def consumers() -> Mapping[Source, tuple[Source, ...]]:
    """Return the direct consumers of every (table, column)."""
    found: dict[Source, list[Source]] = {}
    for target, origins in sources().items():
        for origin in origins:
            found.setdefault(origin, []).append(target)
    return {origin: tuple(sorted(targets)) for origin, targets in found.items()}


def find(name: str) -> Source:
    """Resolve `schema.table` or `schema.table.column` (raw: `system.schema.table[.column]`).

    Returns:
        Table and column; the column is empty for a table.

    Raises:
        ConfigError: No such table or column; the message names the nearest one.
    """
    tables = {table: tuple(raw.types) for table, raw in raw_tables().items()}
    tables |= {table: contract.column_names for table, contract in all_contracts().items()}
    if name in tables:
        return name, ""
    table, _, column = name.rpartition(".")
    if table in tables:
        if column in tables[table]:
            return table, column
        raise _unknown(f"{table} has no column {column!r}.", column, tables[table])
    raise _unknown(f"There is no table {name!r}.", name, [*tables, *_shortened(tables)])


def _shortened(tables: Mapping[str, object]) -> list[str]:
    return [f"{table}." for table in tables]


def _unknown(what: str, name: str, known: object) -> ConfigError:
    names = list(known) if isinstance(known, list | tuple) else []
    near = difflib.get_close_matches(name, names, 1, 0.4)
    hint = f"Did you mean {near[0].rstrip('.')}?" if near else f"Known: {', '.join(names[:20])}."
    return ConfigError(what, where=name, mend=hint)


def upstream(source: Source) -> Branch:
    """Return the tree of what a column, or a table, is made of, down to the raw tables."""
    return _grow(source, sources(), frozenset())


def downstream(source: Source) -> Branch:
    """Return the tree of what is made of a column or a table, up to the predictions."""
    return _grow(source, consumers(), frozenset())


def _grow(
    source: Source, edges: Mapping[Source, tuple[Source, ...]], seen: frozenset[Source]
) -> Branch:
    table, column = source
    if not column:
        names = {t for s, targets in edges.items() if s[0] == table for t, _ in targets}
        following: tuple[Source, ...] = tuple((name, "") for name in sorted(names - {table}))
    else:
        following = edges.get(source, ())
    grown = seen | {source}
    return Branch(
        table, column, tuple(_grow(nxt, edges, grown) for nxt in following if nxt not in grown)
    )


def edges_of(branch: Branch) -> Iterator[tuple[str, str]]:
    """Yield (parent label, child label) of a tree."""
    for child in branch.branches:
        yield branch.label, child.label
        yield from edges_of(child)


def mermaid(up: Branch, down: Branch) -> str:
    """Return both trees as a Mermaid flowchart, data flowing from left to right."""
    edges = {(child, parent) for parent, child in edges_of(up)} | set(edges_of(down))
    labels = sorted({label for edge in edges for label in edge} | {up.label})
    ids = {label: f"n{number}" for number, label in enumerate(labels)}
    lines = ["flowchart LR", *(f'  {ids[label]}["{_shown(label)}"]' for label in labels)]
    lines += [f"  {ids[origin]} --> {ids[target]}" for origin, target in sorted(edges)]
    return "\n".join(lines)


def _shown(label: str) -> str:
    return label.replace(f".{ROWS}", " (rows)")
