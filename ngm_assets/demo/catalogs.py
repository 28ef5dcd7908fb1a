"""Evolves the catalogs of the demo: release trains, bursts, quiet spells and planted upheavals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ngm_assets.demo.draws import stream
from ngm_assets.demo.estate import ENTITIES
from ngm_assets.demo.incidents import of_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from ngm_assets.demo.estate import Catalog, Estate, TableName
    from ngm_assets.demo.incidents import Incident

TYPES = ("STRING", "BIGINT", "DOUBLE", "TIMESTAMP", "DATE", "DECIMAL", "BOOLEAN", "INT")
FOREVER = 10**6
_WORDS = ["region", "source", "batch_id", "quality_flag", "net_amount"]
_WORDS += ["tax", "note", "owner_ref", "origin", "version"]


@dataclass
class ColumnLife:
    """A column as it is from one day up to, but without, another."""

    table: int
    name: str
    kind: str
    position: int
    nullable: bool
    commented: bool
    since: int
    until: int = FOREVER


@dataclass
class TableLife:
    """A table from its creation up to, but without, the day it is dropped."""

    catalog: str
    schema: str
    name: str
    since: int
    until: int = FOREVER
    rhythm: float = 0.0
    changed: list[int] = field(default_factory=list)


@dataclass
class History:
    """All tables and columns that a catalog ever had; `table` counts into `tables`."""

    tables: list[TableLife] = field(default_factory=list)
    columns: list[ColumnLife] = field(default_factory=list)

    def living(self, day: int) -> list[int]:
        """Return the numbers of the tables that exist on a day and can be changed."""
        return [
            i
            for i, t in enumerate(self.tables)
            if t.since <= day < t.until and t.schema != "information_schema"
        ]

    def current(self, table: int) -> list[ColumnLife]:
        """Return the columns that a table has now."""
        return [c for c in self.columns if c.table == table and c.until == FOREVER]


def _new_column(
    rng: np.random.Generator, table: int, name: str, position: int, day: int
) -> ColumnLife:
    kind = TYPES[int(rng.choice(len(TYPES), p=(0.34, 0.16, 0.14, 0.12, 0.08, 0.06, 0.05, 0.05)))]
    return ColumnLife(
        table, name, kind, position, bool(rng.random() < 0.72), bool(rng.random() < 0.45), day
    )


def _rhythm(rng: np.random.Generator) -> float:
    return float(rng.choice((0.97, 0.9, 0.45, 0.15, 0.03), p=(0.35, 0.25, 0.15, 0.15, 0.1)))


def _start(rng: np.random.Generator, names: Sequence[TableName]) -> History:
    out = History()
    for number, t in enumerate(names):
        born = -int(rng.integers(30, 600))
        out.tables.append(TableLife(t.catalog, t.schema, t.name, born, rhythm=_rhythm(rng)))
        for place, name in enumerate(t.columns):
            out.columns.append(_new_column(rng, number, name, place, born))
    return out


class _Changes:
    """Applies single structural changes to a history."""

    def __init__(self, rng: np.random.Generator, history: History) -> None:
        self.rng = rng
        self.history = history

    def add(self, table: int, day: int) -> None:
        """Add a column at the end of a table."""
        columns = self.history.current(table)
        taken = {c.name for c in self.history.columns if c.table == table}
        word = str(self.rng.choice(_WORDS))
        name = word if word not in taken else f"{word}_{len(taken)}"
        place = max((c.position for c in columns), default=-1) + 1
        self.history.columns.append(_new_column(self.rng, table, name, place, day))

    def drop(self, table: int, day: int) -> None:
        """Drop a column, unless the table has only two left."""
        columns = self.history.current(table)
        if len(columns) > 2:
            gone = columns[int(self.rng.integers(len(columns)))]
            gone.until = day

    def retype(self, table: int, day: int) -> None:
        """Give a column another type."""
        columns = self.history.current(table)
        old = columns[int(self.rng.integers(len(columns)))]
        old.until = day
        other = [k for k in TYPES if k != old.kind]
        kind = other[int(self.rng.integers(len(other)))]
        self.history.columns.append(
            ColumnLife(table, old.name, kind, old.position, old.nullable, old.commented, day)
        )

    def create(self, table: int, day: int) -> None:
        """Create a table beside the given one."""
        beside = self.history.tables[table]
        number = len(self.history.tables)
        name = f"{self.rng.choice(ENTITIES)}_v{number}"
        self.history.tables.append(
            TableLife(beside.catalog, beside.schema, name, day, rhythm=_rhythm(self.rng))
        )
        words = _WORDS[: int(self.rng.integers(2, 7))]
        for place, column in enumerate(("id", "loaded_at", *words)):
            self.history.columns.append(_new_column(self.rng, number, column, place, day))

    def remove(self, table: int, day: int) -> None:
        """Drop a table, unless it is one of the last three."""
        if len(self.history.living(day)) > 3:
            self.history.tables[table].until = day
            for column in self.history.current(table):
                column.until = day

    def rehearse(self, day: int) -> None:
        """Touch most tables for three days, as teams do before a release; no structure changes."""
        for table in self.history.living(day):
            days = [day + k for k in range(3) if self.rng.random() < 0.6]
            self.history.tables[table].changed.extend(days)

    def any(self, day: int) -> None:
        """Apply one change of an ordinary release."""
        living = self.history.living(day)
        table = living[int(self.rng.integers(len(living)))]
        self.history.tables[table].changed.append(day)
        change = int(self.rng.choice(5, p=(0.55, 0.13, 0.15, 0.12, 0.05)))
        (self.add, self.drop, self.retype, self.create, self.remove)[change](table, day)

    def upheaval(self, day: int, share: float) -> None:
        """Change most columns of a share of the tables and create a few tables at once."""
        living = self.history.living(day)
        count = max(2, round(share * len(living)))
        for index in self.rng.permutation(len(living))[:count]:
            table = living[int(index)]
            self.history.tables[table].changed.append(day)
            for _ in range(3):
                self.drop(table, day)
                self.retype(table, day)
                self.add(table, day)
                self.add(table, day)
        for _ in range(max(2, count // 2)):
            self.create(living[0], day)


def _releases(rng: np.random.Generator, cadence: int, days: int) -> list[int]:
    """Return release days: a train with jitter, missed trains and a quiet spell, or bursts."""
    from ngm_assets.demo.draws import two_state

    if cadence == 0:
        hot = two_state(rng, (1, days), enter=0.035, leave=0.05)[0]
        return [d for d in range(1, days) if rng.random() < (0.36 if hot[d] else 0.004)]
    quiet = int(rng.integers(0, max(1, days - 25))) if rng.random() < 0.35 else days
    out = []
    day = int(rng.integers(1, cadence + 1))
    while day < days:
        actual = day + int(rng.choice((-1, 0, 0, 0, 0, 0, 1, 2)))
        calm = quiet <= actual < quiet + 24
        if 0 < actual < days and not calm and rng.random() > 0.06:
            out.append(actual)
        day += cadence
    return sorted({*out, *(d for d in range(1, days) if rng.random() < 0.004)})


def _evolve(catalog: Catalog, estate: Estate, incidents: Sequence[Incident], seed: int) -> History:
    rng = stream(seed, f"information_schema/{catalog.name}")
    history = _start(rng, catalog.tables)
    changes = _Changes(rng, history)
    number = estate.catalogs.index(catalog)
    planted = {i.first: i for i in of_kind(incidents, "mass_schema_change") if i.target == number}
    releases = set(_releases(rng, catalog.cadence, estate.calendar.days))
    for day in range(1, estate.calendar.days):
        if rng.random() < (0.8 if day + 3 in releases else 0.006):
            changes.rehearse(day)
        if day in releases:
            for _ in range(1 + int(rng.poisson(1.6))):
                changes.any(day)
        if day in planted:
            changes.upheaval(day, planted[day].magnitude)
    return history


def _fixed(catalog: str, schema: str, names: Sequence[str]) -> History:
    """Return tables that never change, such as those of an information schema."""
    out = History()
    for number, name in enumerate(names):
        out.tables.append(TableLife(catalog, schema, name, -900))
        for place, column in enumerate(("catalog_name", "schema_name", "name", "owner", "comment")):
            out.columns.append(ColumnLife(number, column, "STRING", place, True, False, -900))
    return out


def histories(estate: Estate, incidents: Sequence[Incident], *, seed: int) -> list[History]:
    """Return the histories of all catalogs, their information schemas and the `system` catalog.

    Args:
        estate: The estate.
        incidents: Planted incidents; those of kind `mass_schema_change` act here.
        seed: Seed of the estate; every catalog has a stream of its own.
    """
    out = []
    for catalog in estate.catalogs:
        out.append(_evolve(catalog, estate, incidents, seed))
        out.append(_fixed(catalog.name, "information_schema", ("columns", "tables", "views")))
    out.append(_fixed("system", "billing", ("usage", "list_prices")))
    out.append(_fixed("system", "access", ("audit", "table_lineage")))
    return out
