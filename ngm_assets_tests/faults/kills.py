"""SIGKILL at seeded moments and at named points of each stage, then the same run once more."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ngm_assets_tests.faults.child import Begun, Ended, in_child
from ngm_assets_tests.faults.home import Stage, Workshop
from ngm_assets_tests.faults.picture import between, compare, settings_of, stuck
from ngm_assets_tests.faults.points import Points
from ngm_assets_tests.faults.verdict import Outcome, Verdict, failed

KILLED = ("gold", "features", "training", "promotion", "scoring")
POINTS_SHARE = 0.4
"""Share of a stage's kills at named points, between two writes; the rest come at any moment."""

TRIES, SOONER = 8, 0.9


@dataclass(frozen=True)
class Kill:
    """One kill: after some seconds, or at a point.

    Attributes:
        number: Which of the stage's kills it is.
        seconds: After which it comes; None = at the point.
        point: Where it comes.
    """

    number: int
    seconds: float | None
    point: str = ""

    def __str__(self) -> str:
        where = self.point or f"{self.seconds:.3f} s after its begin"
        return f"{self.number}: {where}"


def draw(stage: str, seconds: float, points: tuple[str, ...], kills: int, seed: int) -> list[Kill]:
    """Draw the kills of a stage.

    Points are drawn without repetition while there are any; moments are uniform over the length,
    one in each of as many equal parts of it.
    """
    dice = random.Random(f"{seed} {stage}")
    at_points = min(round(kills * POINTS_SHARE), len(points))
    moments = kills - at_points
    drawn = [Kill(n, (n + dice.random()) * seconds / max(moments, 1)) for n in range(moments)]
    chosen = dice.sample(points, at_points)
    return [*drawn, *(Kill(moments + n, None, point) for n, point in enumerate(chosen))]


def kill_stage(shop: Workshop, name: str, kills: int, seed: int) -> Iterator[Outcome]:
    """Kill a stage again and again, each time from its beginning."""
    stage, known = shop.stages[name], shop.known[name]
    for kill in draw(name, known.seconds, known.points, kills, seed):
        started = time.monotonic()
        ended, hit = kill_until_hit(shop, stage, kill)
        verdict = after_fault(shop, stage) if ended.killed else not_killed(ended, hit)
        yield Outcome(f"kill {name}", str(hit), verdict, time.monotonic() - started)


def kill_until_hit(shop: Workshop, stage: Stage, kill: Kill) -> tuple[Ended, Kill]:
    """Kill a stage; where it ended before the moment came, again and sooner, until it hits."""
    for _ in range(TRIES):
        shop.restore(stage.begin)
        ended = shop.run(stage, Points(kill.point), kill_after=kill.seconds)
        if ended.killed or kill.seconds is None:
            break
        kill = replace(kill, seconds=min(kill.seconds, ended.seconds) * SOONER)
    return ended, kill


def not_killed(ended: Ended, kill: Kill) -> Verdict:
    """Return the verdict that a kill never came in time."""
    return failed(f"kill {kill} did not hit: {ended.error or ended.result}")


def after_fault(shop: Workshop, stage: Stage, *, torn: bool = True) -> Verdict:
    """Read what a fault left, run the stage again, and compare with the undisturbed result."""
    known = shop.known[stage.name]

    def work(begun: Begun) -> dict[str, object]:
        settings = settings_of(shop.home)
        verdict = between(settings, known.before, known.after) if torn else Verdict()
        done = stage.run(shop.home, begun)
        if not done["success"]:
            verdict += failed(f"the run after it failed: {done['problems']}")
        verdict += compare(settings, known.after, shop.state(stage.end))
        return (verdict + stuck(settings, registry=bool(stage.models))).as_dict()

    return verdict_of(work)


def verdict_of(work: Callable[[Begun], object]) -> Verdict:
    """Return the verdict that work in a child comes to; one that raises or hangs failed."""
    ended = in_child(work)
    if ended.stuck or ended.result is None:
        return failed("stuck" if ended.stuck else ended.error or "ended without a word")
    return Verdict.of(ended.result)
