"""Very many files, very long strings, and a day with a hundred times its rows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets_tests.faults.child import Begun, in_child
from ngm_assets_tests.faults.home import Workshop
from ngm_assets_tests.faults.kills import (
    Kill,
    after_fault,
    kill_until_hit,
    not_killed,
    verdict_of,
)
from ngm_assets_tests.faults.landing import replaced
from ngm_assets_tests.faults.picture import settings_of, stored, stuck
from ngm_assets_tests.faults.storage import Case
from ngm_assets_tests.faults.verdict import Verdict, failed

if TYPE_CHECKING:
    import pyarrow as pa

FILES = 10_000
LONG = 1 << 20
LONG_ROWS = 64
TIMES = 100
Expected = Callable[[dict[str, Any]], list[dict[str, Any]]]
"""What a row of the undisturbed result becomes."""


def tiny_files(shop: Workshop, files: int = FILES) -> Iterator[Case]:
    """Spread the rows of a raw table over thousands of files."""
    stage = shop.stages["gold"]
    shop.restore(stage.begin)
    with replaced(shop, "query/history") as (old, new):
        made = in_child(lambda _: _scatter(old, new, files)).result
        words = "" if made == files else f"only {made} files were made"
        verdict = failed(words) if words else Verdict()
        yield f"{made} files", verdict + after_fault(shop, stage)


def _scatter(old: Path, new: Path, files: int) -> int:
    import pyarrow.parquet as pq

    rows = _rows(old)
    for number in range(files):
        first, last = (rows.num_rows * n // files for n in (number, number + 1))
        pq.write_table(rows.slice(first, last - first), new / f"part-{number:05}.parquet")
    return len(list(new.iterdir()))


def _rows(folder: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = sorted(folder.rglob("*.parquet"))
    return pa.concat_tables([pq.ParquetFile(file).read() for file in files])


def long_strings(shop: Workshop) -> Iterator[Case]:
    """Give statements of the last days texts and owners of a million characters."""
    last = shop.stages["gold"].last.isoformat()

    def lengthen(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        chosen = [row for row in rows if _on(row["end_time"], last)][:LONG_ROWS]
        for row in chosen:
            row["executed_by"] = long_name(row["statement_id"])
            row["statement_text"] = "x" * LONG
        return rows

    def expected(row: dict[str, Any], long: set[str]) -> list[dict[str, Any]]:
        if row["statement_id"] in long:
            row["executed_by"] = long_name(row["statement_id"])
        return [row]

    yield from _changed_rows(
        shop, ("query/history", "gold.fact_query_history", "statement_id"), lengthen, expected
    )


def _on(moment: datetime | None, day: str) -> bool:
    return moment is not None and f"{moment:%Y-%m-%d}" == day


def long_name(statement: str) -> str:
    """Return a text of a million characters that differs from statement to statement."""
    return (statement.lower() + "-") * (LONG // (len(statement) + 1)) + "end"


def huge_day(shop: Workshop) -> Iterator[Case]:
    """Give the last day a hundred times its records, each with a number of its own."""
    last = shop.stages["gold"].last.isoformat()

    def multiply(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        day = [row for row in rows if _on(row["usage_start_time"], last)]
        more = [_numbered(row, n) for row in day for n in range(1, TIMES)]
        return rows + more

    def expected(row: dict[str, Any], _: set[str]) -> list[dict[str, Any]]:
        many = TIMES if row["usage_date"].isoformat() == last else 1
        return [_numbered(row, n) for n in range(many)]

    yield from _changed_rows(
        shop, ("billing/usage", "gold.fact_usage", "record_id"), multiply, expected
    )


def _numbered(row: dict[str, Any], number: int) -> dict[str, Any]:
    if not number:
        return row
    links = {"original_record_id"} & row.keys()
    return row | {name: f"{row[name]}#{number}" for name in ("record_id", *links) if row[name]}


def _changed_rows(
    shop: Workshop,
    names: tuple[str, str, str],
    change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
    expected: Callable[[dict[str, Any], set[str]], list[dict[str, Any]]],
) -> Iterator[Case]:
    """Change raw rows, run gold, kill it once on the way and run it again; compare exactly."""
    folder, table, key = names
    stage = shop.stages["gold"]

    def prepare(old: Path, new: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = _rows(old)
        pq.write_table(
            pa.Table.from_pylist(change(rows.to_pylist()), schema=rows.schema),
            new / "part-0.parquet",
        )

    def judge(begun: Begun) -> dict[str, object]:
        done = stage.run(shop.home, begun)
        verdict = Verdict() if done["success"] else failed(str(done["problems"])[:600])
        settings = settings_of(shop.home)
        wanted = Counter[int]()
        found = Counter(hash(repr(sorted(row.items()))) for row in _gold(shop.home, table))
        long = {
            row[key]
            for row in _gold(shop.home, table)
            if len(row.get("executed_by") or "") > LONG // 2
        }
        for row in _gold(shop.state(stage.end), table):
            wanted.update(hash(repr(sorted(each.items()))) for each in expected(row, long))
        lost, doubled = wanted - found, found - wanted
        verdict += Verdict(sum(lost.values()), sum(doubled.values()))
        if table == "gold.fact_query_history" and len(long) != LONG_ROWS:
            verdict += failed(f"{len(long)} long strings of {LONG_ROWS}")
        return (verdict + stuck(settings, registry=False)).as_dict()

    shop.restore(stage.begin)
    with replaced(shop, folder) as (old, new):
        made = in_child(lambda _: prepare(old, new))
        if made.error:
            yield "rows", failed(made.error)
            return
        started = time.monotonic()
        verdict = verdict_of(judge)
        seconds = time.monotonic() - started
        yield "run through", verdict
        ended, hit = kill_until_hit(shop, stage, Kill(0, seconds / 3))
        yield "killed and run again", verdict_of(judge) if ended.killed else not_killed(ended, hit)


def _gold(home: Path, table: str) -> list[dict[str, Any]]:
    from ngm_assets.platform import open_platform

    rows: list[dict[str, Any]] = stored(open_platform(settings_of(home)), table).to_pylist()
    return rows
