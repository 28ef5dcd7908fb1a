"""A plan as batches: one Dagster run each, in an order that can stop anywhere and be taken up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from ngm_assets import build
from ngm_assets.days import BATCH_DAYS, ranges
from ngm_assets.planning import RunPlan

Keys = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Batch:
    """One Dagster run.

    Attributes:
        title: What it makes, for people.
        job: Name of the job.
        first: First day, or Monday.
        last: Last day, or Monday.
        keys: Asset keys to restrict the job to; None = all of its assets.
    """

    title: str
    job: str
    first: date
    last: date
    keys: Keys | None

    @property
    def size(self) -> int:
        """Partitions of all its assets, as a measure of the work."""
        return ((self.last - self.first).days + 1) * len(self.keys or (1,))


def batches_of(plan: RunPlan, *, days: int = BATCH_DAYS, monitored: bool = True) -> list[Batch]:
    """Divide a plan: gold and features, week after week of training, predictions, monitoring.

    Args:
        plan: What to run.
        days: Most days of one batch.
        monitored: Whether the scored days are monitored at the end.
    """
    trained = tuple(("models", name) for name in plan.models)
    scored = tuple(("predictions", f"{name}_predictions") for name in plan.models)
    found = []
    if plan.warm_up < plan.start:
        gold = tuple(("gold", name) for name in plan.warm_tables)
        before = plan.start - timedelta(days=1)
        title = f"gold {plan.warm_up}..{before}"
        found += _each(title, build.FEATURE_JOB, plan.warm_up, before, days, gold)
    found += _each("gold and features", build.FEATURE_JOB, plan.start, plan.end, days, None)
    found += [
        Batch(f"models as of {week}", build.TRAINING_JOB, week, week, trained)
        for week in plan.weeks
    ]
    found += _each("predictions", build.INFERENCE_JOB, plan.score_from, plan.end, days, scored)
    if monitored:
        found += _each("monitoring", build.MONITORING_JOB, plan.score_from, plan.end, days, None)
    return found


def _each(
    title: str, job: str, first: date, last: date, days: int, keys: Keys | None
) -> list[Batch]:
    return [Batch(title, job, start, end, keys) for start, end in ranges(first, last, days)]


def fingerprint(batches: Sequence[Batch], place: Sequence[str] = ()) -> str:
    """Return a short name that equal lists of batches of one place share, and no others.

    Args:
        batches: What is to be run.
        place: Names of the environment and of what it reads and writes.
    """
    content = [list(place), [asdict(batch) for batch in batches]]
    text = json.dumps(content, default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def seconds_left(
    done: Sequence[tuple[Batch, float]], left: Sequence[Batch]
) -> tuple[float, bool] | None:
    """Estimate how long the batches that are left will take, from those of the same kind.

    Args:
        done: Batches that ran, with their seconds.
        left: Batches that did not run yet.

    Returns:
        Seconds of the kinds of which one has run, and whether that is all of them; None while it
        is none.
    """
    total, known = 0.0, 0
    for batch in left:
        same = [(each.size, seconds) for each, seconds in done if _kind(each) == _kind(batch)]
        if same:
            known += 1
            total += batch.size * sum(s for _, s in same) / sum(size for size, _ in same)
    return (total, known == len(left)) if known or not left else None


def _kind(batch: Batch) -> tuple[str, bool]:
    return batch.job, batch.keys is None
