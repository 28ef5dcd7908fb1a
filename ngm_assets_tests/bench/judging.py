"""Turns samples into outcomes: same results first, then ratios against goals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ngm_assets_tests.bench.harness import Outcome, Sample, Samples, Verdict, median

TOLERANCE = 1e-6
"""Relative difference of floats that are still the same: sums depend on the order."""
MOST = 5
"""Differences that are named."""


def faster(samples: Samples, least: float, *, peer: str = "peer") -> Outcome:
    """Judge that a peer takes at least so many times our seconds, with the same result."""
    return _compared(samples, peer, lambda ours, other: other / ours, lambda r: r >= least)


def hardly_slower(samples: Samples, most: float, *, peer: str = "peer") -> Outcome:
    """Judge that we take at most so many times a peer's seconds, with the same result."""
    return _compared(samples, peer, lambda ours, other: ours / other, lambda r: r <= most)


def _compared(
    samples: Samples,
    peer: str,
    ratio: Callable[[float, float], float],
    good: Callable[[float], bool],
) -> Outcome:
    ours, theirs = samples["ours"], samples[peer]
    if ours[0].stopped:
        return Outcome("not measured", notes=(f"Ours was stopped after {median(ours):.0f} s.",))
    notes = [
        note
        for label, some in samples.items()
        for note in told_of(label, some, of=max(map(len, samples.values())))
    ]
    off = differences(samples)
    if off:
        return Outcome("failed", notes=("The results differ: " + "; ".join(off[:MOST]), *notes))
    found = ratio(median(ours), median(theirs))
    verdict: Verdict = "met" if good(found) else "not met"
    if theirs[0].stopped:
        verdict = "met" if verdict == "met" else "not measured"
        notes.append(f"{peer} stopped after {median(theirs):.0f} s: the ratio is a bound.")
    return Outcome(verdict, found, median(ours), median(theirs), tuple(notes))


def told_of(label: str, samples: Sequence[Sample], *, of: int) -> list[str]:
    """Return what there is to say of a side: its own note, and that it ran less often than `of`."""
    said = samples[-1].told.get("note")
    notes = [f"{label}: {said}"] if said else []
    if len(samples) < of:
        notes += [f"{label} was run {len(samples)} time(s) instead of {of}: it takes long."]
    parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in samples[-1].parts.items())
    return [*notes, *([f"{label}, not counted: {parts}."] if parts else [])]


def differences(samples: Samples) -> list[str]:
    """Return where results differ from our first one; stopped sides have none."""
    wanted = samples["ours"][0].told.get("result")
    found: list[str] = []
    for label, some in samples.items():
        for sample in some:
            if not sample.stopped and "result" in sample.told:
                found += [f"{label}: {text}" for text in unlike(wanted, sample.told["result"])]
    return list(dict.fromkeys(found))


def unlike(one: Any, other: Any, where: str = "") -> list[str]:
    """Return the places where two values of JSON are not the same."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        names = list(dict.fromkeys([*one, *other]))
        return [
            text for n in names for text in unlike(one.get(n), other.get(n), f"{where}/{n}".strip())
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [text for n, (a, b) in pairs for text in unlike(a, b, f"{where}[{n}]")]
    sums = isinstance(one, float) and isinstance(other, float)
    if sums and math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
        return []
    return [] if one == other else [f"{where or 'the result'} {one!r} and {other!r}"]
