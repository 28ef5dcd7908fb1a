"""Delta tables whose files go missing, and two writers that write the same partitions at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets_tests.faults.child import Work, in_child, side_by_side
from ngm_assets_tests.faults.home import FEATURES, Stage, Workshop
from ngm_assets_tests.faults.kills import after_fault
from ngm_assets_tests.faults.picture import local_engine, settings_of
from ngm_assets_tests.faults.refusals import refused, says
from ngm_assets_tests.faults.storage import Case
from ngm_assets_tests.faults.verdict import Verdict, failed, unless

if TYPE_CHECKING:
    import pyarrow as pa

TABLE = "gold.fact_usage"
ROUNDS = 8


def missing_files(shop: Workshop) -> Iterator[Case]:
    """Take a data file or a commit away, see what is said, mend as it says, and compare."""
    gold, features = shop.stages["gold"], shop.stages["features"]
    shop.restore(features.begin)
    table = _folder(shop)
    day = gold.last
    file = next((table / f"usage_date={day}").glob("*.parquet"))
    file.unlink()
    verdict = refused(
        shop, features, [file.name, TABLE, "materialise"], changed=FEATURES[1:], readable=False
    )
    verdict += _mended(shop, replace(gold, first=day, last=day), gold)
    yield "data file", verdict + after_fault(shop, features)

    shop.restore(features.begin)
    commits = sorted((table / "_delta_log").glob("*.json"))
    commits[-1].unlink()
    verdict = after_fault(shop, gold, torn=False)
    yield "newest commit", verdict + after_fault(shop, features)

    shop.restore(features.begin)
    sorted((table / "_delta_log").glob("*.json"))[1].unlink()
    verdict = says(shop.run(features), [TABLE, "_delta_log", "materialise"])
    shutil.move(table, shop.root / "moved away")
    verdict += _mended(shop, replace(gold, first=_first_day(shop)), gold)
    shutil.rmtree(shop.root / "moved away")
    yield "commit in the middle", verdict + after_fault(shop, features)

    scoring = shop.stages["scoring"]
    shop.restore(scoring.end)
    next(shop.home.glob("lakehouse/*/predictions/*/*/*.parquet")).unlink()
    yield "data file of predictions", after_fault(shop, scoring, torn=False)


def _folder(shop: Workshop) -> Path:
    return next(shop.home.glob("lakehouse/*/gold/fact_usage"))


def _first_day(shop: Workshop) -> date:
    folders = next(shop.state("gold").glob("lakehouse/*/gold/fact_usage")).glob("usage_date=*")
    return date.fromisoformat(min(folder.name for folder in folders).partition("=")[2])


def _mended(shop: Workshop, run: Stage, stage: Stage) -> Verdict:
    """Run a stage over other days than its own, and see that its tables end as undisturbed."""
    ended = shop.run(run)
    if not ended.result or not ended.result["success"]:
        return failed(f"mending failed: {ended.error or ended.result}")
    return after_fault(shop, stage, torn=False)


def two_writers(shop: Workshop) -> Iterator[Case]:
    """Let two processes write the same days at once, the same rows and different ones."""
    for name, share in (("the same rows", 1.0), ("different rows", 0.5)):
        shop.restore("gold")
        verdict = Verdict()
        for _ in range(ROUNDS):
            verdict += _race(shop, share)
        yield f"{name}, {ROUNDS} times", verdict
    gold = shop.stages["gold"]
    shop.restore(gold.begin)
    ended = side_by_side(shop.work(gold), shop.work(gold))
    done = [bool(each.result and each.result["success"]) for each in ended]
    words = f"two runs at once: {[e.error or e.result for e in ended]}"
    yield "two runs of gold", unless(all(done), words) + after_fault(shop, gold)


def _race(shop: Workshop, share: float) -> Verdict:
    """Write all rows and a share of them at the same moment; one of both must be there whole."""
    gate = get_context("fork").Barrier(2)

    def job(part: float) -> Work:
        return lambda _: _write(shop, part, lambda: gate.wait(60))

    ended = side_by_side(job(1.0), job(share))
    wrong = [each.error for each in ended if each.error]
    if wrong:
        return failed(*wrong)
    holds = in_child(lambda _: _holds(shop, share))
    if holds.error:
        return failed(holds.error)
    return Verdict() if holds.result else Verdict(1, 0, ("neither writer's rows are there whole",))


def _holds(shop: Workshop, share: float) -> bool:
    """Return whether a table's last days hold exactly the rows of one of the two writers."""
    wanted = [_rows(shop, shop.state("gold"), part) for part in (1.0, share)]
    found = _rows(shop, shop.home, 1.0)
    return any(found.equals(each) for each in wanted)


def _rows(shop: Workshop, home: Path, share: float) -> pa.Table:
    """Return a share of a table's rows of the last days, in order."""
    from ngm_assets.engine.base import Query, Window
    from ngm_assets.platform import open_platform

    gold = shop.stages["gold"]
    platform = open_platform(settings_of(home))
    contract = platform.contracts[TABLE]
    order = [(name, "ascending") for name in dict.fromkeys((contract.partition, *contract.key))]
    query = Query(f"SELECT * FROM {TABLE}", {}, Window(gold.first, gold.last))
    rows = local_engine(platform).arrow(query).sort_by(order)
    return rows.slice(0, int(rows.num_rows * share)).combine_chunks()


def _write(shop: Workshop, share: float, wait: Callable[[], object]) -> None:
    from ngm_assets.platform import open_platform

    gold = shop.stages["gold"]
    platform = open_platform(settings_of(shop.home))
    contract = platform.contracts[TABLE]
    rows = _rows(shop, shop.state("gold"), share).cast(contract.arrow_schema())
    lakehouse = DeltaLakehouse(settings_of(shop.home).delta_root)
    wait()
    lakehouse.overwrite(contract, rows.to_reader, gold.first, gold.last)
