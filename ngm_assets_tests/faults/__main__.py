"""Runs every fault on a home made for it, and says of each what survived, was lost or doubled."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ngm_assets_tests.faults import bulk, clock, delta, landing, mlflow_store, storage
from ngm_assets_tests.faults.child import warm_up
from ngm_assets_tests.faults.home import Workshop, make
from ngm_assets_tests.faults.kills import KILLED, kill_stage
from ngm_assets_tests.faults.storage import Case
from ngm_assets_tests.faults.verdict import Outcome

LISTED: dict[str, Callable[[Workshop], Iterator[Case]]] = {
    "disk full": storage.disk_full,
    "read-only home": storage.read_only,
    "broken Parquet": landing.broken_files,
    "Delta file missing": delta.missing_files,
    "two writers": delta.two_writers,
    "MLflow locked": mlflow_store.locked,
    "MLflow away": mlflow_store.away,
    "clock going back": clock.goes_back,
    "deliveries": clock.deliveries,
    "tiny files": bulk.tiny_files,
    "1 MB strings": bulk.long_strings,
    "100x rows": bulk.huge_day,
}
SHORT = ("kill gold", "broken Parquet")
"""What the short form runs: on a smaller estate with gold alone, for the rest takes long."""
LONG = ("broken Parquet",)
KILLS = {f"kill {name}": name for name in KILLED}
NAMES = (*KILLS, *LISTED)
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108


def outcomes(
    shop: Workshop, names: Sequence[str], kills: int, seed: int, *, short: bool = False
) -> Iterator[Outcome]:
    """Yield what became of every fault named.

    Args:
        shop: The home.
        names: Of `NAMES`.
        kills: In all, shared evenly among the stages that are killed.
        seed: What the kills are drawn from.
        short: Only the first case of a listed fault that takes long.
    """
    killed = [name for name in names if name in KILLS]
    for place, name in enumerate(killed):
        share = kills * (place + 1) // len(killed) - kills * place // len(killed)
        yield from kill_stage(shop, KILLS[name], share, seed)
    for name in names:
        if name not in LISTED:
            continue
        started = time.monotonic()
        for case, verdict in LISTED[name](shop):
            yield Outcome(name, case, verdict, time.monotonic() - started)
            if short and name in LONG:
                break
            started = time.monotonic()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite; 1 if anything was lost, doubled or failed."""
    asked = _asked(arguments)
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DAGSTER_DISABLE_TELEMETRY": "yes"}
    warnings.simplefilter("ignore")
    warm_up()
    place = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    root = Path(tempfile.mkdtemp(prefix="ngm_faults_", dir=place))
    found: list[Outcome] = []
    try:
        shop = make(root, short=asked.short, log=_say)
        names = asked.only or (SHORT if asked.short else NAMES)
        for outcome in outcomes(shop, names, asked.kills, asked.seed, short=asked.short):
            found.append(outcome)
            _say(_line(outcome))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    _say("\n" + table(found))
    if asked.json:
        Path(asked.json).write_text(as_json(found, asked.seed), encoding="utf-8")
    return int(any(outcome.verdict.word != "survived" for outcome in found))


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ngm_assets_tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="seeded kills in all")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same kills")
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--short", action="store_true", help="a small estate, a few faults")
    parser.add_argument("--json", help="file for every outcome")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _line(outcome: Outcome) -> str:
    told = "; ".join(outcome.verdict.faults)
    return f"{outcome.scenario} | {outcome.case} | {outcome.verdict.word} | " + (
        f"{outcome.seconds:.1f} s {told}"
    )


def table(found: Sequence[Outcome]) -> str:
    """Return a line per scenario: cases, what became of them, rows lost and doubled."""
    lines = [f"{'scenario':20} cases survived lost doubled failed  rows lost  rows doubled"]
    for name in dict.fromkeys(outcome.scenario for outcome in found):
        own = [outcome.verdict for outcome in found if outcome.scenario == name]
        words = [verdict.word for verdict in own]
        counts = [words.count(word) for word in ("survived", "lost", "doubled", "failed")]
        rows = sum(v.lost for v in own), sum(v.doubled for v in own)
        lines.append(
            f"{name:20} {len(own):5} {counts[0]:8} {counts[1]:4} {counts[2]:7} {counts[3]:6} "
            f"{rows[0]:10} {rows[1]:13}"
        )
    return "\n".join(lines)


def as_json(found: Sequence[Outcome], seed: int) -> str:
    """Return every outcome as JSON."""
    rows = [
        {
            "scenario": outcome.scenario,
            "case": outcome.case,
            "result": outcome.verdict.word,
            **outcome.verdict.as_dict(),
            "seconds": round(outcome.seconds, 2),
        }
        for outcome in found
    ]
    return json.dumps({"seed": seed, "outcomes": rows}, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(main())
