"""A disk that fills up during a stage, and a home that cannot be written."""

from __future__ import annotations

from collections.abc import Iterator

from ngm_assets.errors import DISK_FULL
from ngm_assets_tests.faults import mounts
from ngm_assets_tests.faults.home import Stage, Workshop
from ngm_assets_tests.faults.kills import after_fault
from ngm_assets_tests.faults.refusals import MEND, command, says, unchanged
from ngm_assets_tests.faults.verdict import Verdict, failed, unless

ROOM = (0, 64 << 10, 512 << 10)
"""Bytes left on the disk when a stage begins."""
STAGES = ("gold", "features", "training", "promotion", "scoring")
Case = tuple[str, Verdict]
NO_MOUNTS = "not tried: this machine permits no mounts, which take a superuser"


def disk_full(shop: Workshop) -> Iterator[Case]:
    """Fill the disk of the home during each stage, make room, and run the stage again."""
    if not mounts.permitted(shop.root / "probe"):
        yield "small disk", failed(NO_MOUNTS)
        return
    for name in STAGES:
        stage = shop.stages[name]
        for room in ROOM:
            yield f"{name} with at most {room >> 10} KiB left", _filled(shop, stage, room)


def _filled(shop: Workshop, stage: Stage, room: int) -> Verdict:
    """Run a stage with so much room, or with less where that is enough for it."""
    while (verdict := _full(shop, stage, room)) is None and room:
        room //= 2
    return verdict or failed("the disk never was full")


def _full(shop: Workshop, stage: Stage, room: int) -> Verdict | None:
    """Run a stage with so much room; None where it succeeded, for then the disk was not full."""
    size = mounts.used(shop.state(stage.begin)) + room
    with mounts.small_disk(shop.home, size):
        shop.restore(stage.begin)
        ended = shop.run(stage)
        if ended.result and ended.result["success"]:
            return None
        text = "\n".join(ended.result["problems"]) if ended.result else ended.error
        told = any(s in text for s in DISK_FULL)
        told = told and (MEND in text or not (ended.result and ended.result["problems"]))
        verdict = unless(told and not ended.stuck, f"does not say that it is full: {text[-900:]}")
        mounts.grow(shop.home)
        return verdict + after_fault(shop, stage)


def read_only(shop: Workshop) -> Iterator[Case]:
    """Run each stage on a home that is read-only, then on one that is not."""
    if not mounts.permitted(shop.root / "probe"):
        yield "read-only mount", failed(NO_MOUNTS)
        return
    for name in STAGES:
        stage = shop.stages[name]
        shop.restore(stage.begin)
        with mounts.read_only(shop.home):
            words = ["not writable", str(shop.home), MEND]
            verdict = says(shop.run(stage), words)
            if name == "gold":
                verdict += says(command(shop, stage), words)
            verdict += unchanged(shop, stage)
        yield name, verdict + after_fault(shop, stage)
