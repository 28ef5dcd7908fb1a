"""Awkward snapshots of the information schema."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from ngm_assets_tests.landing_rows.dice import Row, at, dice, quiet_days, second_of_day

if TYPE_CHECKING:
    import random

TYPES = ("bigint", "string", "struct<a:int,`b c`:string>", "decimal(10,2)")
LATE, LASTING = "now and then", "Main"

Tables = dict[tuple[str, str, str], Row]


def snapshots(seed: int, span: list[date]) -> tuple[dict[date, list[Row]], dict[date, list[Row]]]:
    """Return the columns and the tables of every day that has a snapshot."""
    rng = dice(seed, "catalog")
    quiet = quiet_days(rng, span)
    world = first_tables(rng, span[0])
    columns: dict[date, list[Row]] = {}
    tables: dict[date, list[Row]] = {}
    for number, day in enumerate(span):
        evolve(rng, world, day)
        if day in quiet:
            continue
        seen = {
            key: table
            for key, table in world.items()
            if key[0] != LATE or number < 2 or number >= len(span) - 2
        }
        columns[day] = [c for key, table in seen.items() for c in column_rows(key, table)]
        tables[day] = [table_row(key, table) for key, table in seen.items()]
        if len(tables[day]) > 3:
            tables[day].pop(rng.randrange(3))
        if number % 5 == 1:
            columns[day] += broken(rng, columns[day])
    return columns, tables


def first_tables(rng: random.Random, day: date) -> Tables:
    """Return the tables there are at first, of catalogs to keep and of two to leave out."""
    names = (
        (LASTING, "sales", "orders"),
        (LASTING, "sales", 'it\'s "odd" ü'),
        (LASTING, "hr", "orders"),
        (LASTING, "information_schema", "columns"),
        ("main", "sales", "orders"),
        (LATE, "s", "t"),
        ("system", "billing", "usage"),
        ("Information_Schema", "x", "y"),
    )
    world = {key: new_table(rng, day) for key in names}
    world[LASTING, "hr", "orders"] |= {"altered": at(day, -86400 * 20), "untouched": True}
    return world


def new_table(rng: random.Random, day: date) -> Row:
    """Return a table of two or three columns."""
    return {
        "columns": {f"c{i}": rng.choice(TYPES) for i in range(rng.randrange(2, 4))},
        "altered": at(day, -second_of_day(rng)),
        "type": rng.choice(("MANAGED", "EXTERNAL", "VIEW")),
        "format": rng.choice(("DELTA", "PARQUET", None)),
    }


def evolve(rng: random.Random, world: Tables, day: date) -> None:
    """Change some tables: alter, add, drop and retype columns, make and drop tables."""
    for table in world.values():
        if rng.random() < 0.4 and "untouched" not in table:
            table["altered"] = at(day, rng.choice((0, 3600, 86399, 90000)))
        if rng.random() < 0.08:
            table["columns"][f"n{day.toordinal()}"] = rng.choice(TYPES)
        if rng.random() < 0.08:
            table["columns"][rng.choice(sorted(table["columns"]))] = rng.choice(TYPES)
        if rng.random() < 0.06 and len(table["columns"]) > 1:
            del table["columns"][rng.choice(sorted(table["columns"]))]
    extra = (LASTING, "sales", f"t{day.toordinal() % 4}")
    if rng.random() < 0.2:
        world.pop(extra, None) or world.update({extra: new_table(rng, day)})


def column_rows(key: tuple[str, str, str], table: Row) -> list[Row]:
    """Return the columns of a table as a snapshot has them."""
    catalog, schema, name = key
    return [
        {
            "table_catalog": catalog,
            "table_schema": schema,
            "table_name": name,
            "column_name": column,
            "ordinal_position": position,
            "is_nullable": "YES" if (position + len(column)) % 2 else "NO",
            "full_data_type": kind,
            "data_type": kind.split("(")[0].split("<")[0].upper(),
            "comment": ('what\'s "this"? ü', "", None)[position % 3],
        }
        for position, (column, kind) in enumerate(table["columns"].items())
    ]


def table_row(key: tuple[str, str, str], table: Row) -> Row:
    """Return a table as a snapshot has it."""
    catalog, schema, name = key
    return {
        "table_catalog": catalog,
        "table_schema": schema,
        "table_name": name,
        "table_type": table["type"],
        "table_owner": "o'neil@x.com",
        "created": table["altered"] - timedelta(days=900),
        "last_altered": table["altered"],
        "data_source_format": table["format"],
        "storage_path": None,
    }


def broken(rng: random.Random, rows: list[Row]) -> list[Row]:
    """Return columns without a part of their key."""
    parts = ("table_catalog", "table_schema", "table_name", "column_name")
    return [rows[0] | {rng.choice(parts): None, "ordinal_position": 77}]
