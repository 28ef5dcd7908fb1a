"""The table of goals: what is measured, against what, and what is asked."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from ngm_assets_tests.bench.harness import Outcome, Row, Samples, Side, median
from ngm_assets_tests.bench.judging import MOST, faster, hardly_slower, unlike

SIDES = "ngm_assets_tests.bench.sides"
GIB = 1024.0


def needed(what: str, share: float = 1.0) -> Side:
    """Return something that is prepared once."""
    return Side(what, f"{SIDES}.preparing:{what}", share)


def tables_at(label: str, share: float) -> Side:
    """Return gold and features at a share of the rows."""
    return Side(label, f"{SIDES}.gold_features:ours", share)


def judge_memory(samples: Samples) -> Outcome:
    """Judge the growth of the peak from 1x to 4x the rows, and the peak at 1x."""
    if any(sample.stopped for some in samples.values() for sample in some):
        return Outcome("not measured", notes=("A size was stopped at the limit.",))
    peaks = {label: max(s.peak_mib for s in some) for label, some in samples.items()}
    ratio = peaks["4 x"] / peaks["ours"]
    told = ", ".join(f"{label} {peak:.0f} MiB" for label, peak in peaks.items())
    largest = max(peak for label, peak in peaks.items() if label != "4 x") / GIB
    note = f"Peaks: {told}; largest at 1 x {largest:.2f} GiB (goal: below 6)."
    good = ratio <= 1.5 and largest < 6
    return Outcome("met" if good else "not met", ratio, notes=(note,), detail=peaks)


def judge_growth(samples: Samples) -> Outcome:
    """Judge the slope of log(seconds) over log(rows)."""
    sizes = {"1/4 x": 0.25, "ours": 1.0, "4 x": 4.0}
    if any(samples[label][0].stopped for label in sizes):
        return Outcome("not measured", notes=("A size was stopped at the limit.",))
    wall = slope({size: median(samples[label]) for label, size in sizes.items()})
    used = slope({z: min(s.processor for s in samples[label]) for label, z in sizes.items()})
    note = f"Exponent of processor seconds: {used:.3f}."
    seconds = median(samples["ours"])
    return Outcome("met" if wall <= 1.1 else "not met", wall, seconds, None, (note,))


def slope(seconds: dict[float, float]) -> float:
    """Return the least-squares slope of log(seconds) over log(size)."""
    x, y = [math.log(size) for size in seconds], [math.log(value) for value in seconds.values()]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    over = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return over / sum((a - mean_x) ** 2 for a in x)


def judge_loading(samples: Samples) -> Outcome:
    """Judge the seconds, and that no heavy library came along."""
    seconds, told = median(samples["ours"]), samples["ours"][-1].told
    heavy = ", ".join(told["heavy"]) or "none"
    note = f"{told['assets']} assets, {told['jobs']} jobs; heavy libraries: {heavy}."
    good = seconds < 3 and not told["heavy"]
    return Outcome("met" if good else "not met", None, seconds, None, (note,))


def judge_training(samples: Samples) -> Outcome:
    """Judge the ratio, and that no model's holdout metric is worse than the textbook's."""
    from ngm_assets_tests.bench.metrics import worse_models

    found = faster(samples, 10)
    if found.ratio is None:
        return found
    worse, lines, detail = worse_models(samples["ours"][-1].told, samples["peer"][-1].told)
    verdict = found.verdict if not worse else "not met"
    return replace(found, verdict=verdict, notes=(*found.notes, *lines), detail=detail)


def judge_drift(samples: Samples) -> Outcome:
    """Judge against evidently where it is installed; numpy and scipy are told beside it."""
    other = faster({k: samples[k] for k in ("ours", "scipy")}, 1, peer="scipy")
    if other.verdict == "failed":
        return other
    line = f"Against numpy and scipy: {other.ratio:.2f} x." if other.ratio else ""
    if samples["peer"][0].told.get("missing"):
        told = ("Peer not installed: pip install evidently.", line)
        return Outcome("not measured", None, other.ours, None, told)
    found = faster({k: samples[k] for k in ("ours", "peer")}, 20)
    return replace(found, notes=(*found.notes, line))


def judge_scoring(samples: Samples) -> Outcome:
    """Judge against the loop that gives the same rows; the bare predictions are told beside it."""
    found = faster({k: samples[k] for k in ("ours", "peer")}, 5)
    bare = faster({k: samples[k] for k in ("ours", "bare")}, 1, peer="bare")
    if "failed" in (found.verdict, bare.verdict):
        return found if found.verdict == "failed" else bare
    rows = {name: told["rows"] for name, told in samples["ours"][0].told["result"].items()}
    if off := unlike(rows, samples["bare"][0].told.get("rows", rows)):
        return Outcome("failed", notes=("The rows differ: " + "; ".join(off[:MOST]),))
    line = (
        f"Against a loop that gives the prediction alone, without severity, drivers and actions: "
        f"{bare.ratio or 0:.2f} x."
    )
    return replace(found, notes=(*found.notes, line))


LANDING, TABLES, CHAMPIONS = needed("landing"), needed("tables"), needed("champions")
SHARES = (needed("landing", 0.25), LANDING, needed("landing", 4.0))
ROWS: tuple[Row, ...] = (
    Row(
        "loading",
        "Loading the definitions in a fresh process.",
        "-",
        "< 3 s, no heavy library",
        (Side("ours", f"{SIDES}.loading:ours"),),
        judge_loading,
    ),
    Row(
        "gold_features",
        "Gold, rejects, features and their checks over all days.",
        "the same SQL on local Spark",
        ">= 8 x faster",
        (tables_at("ours", 1), Side("peer", f"{SIDES}.gold_features:peer")),
        partial(faster, least=8),
        (LANDING,),
        "A third of the audit table, the largest, is writing Parquet, a fifth sorting by key, a "
        "fifth keeping rows while repeats are found; most of the security features is telling "
        "apart what each user touched on each day; a fifth of all are counts and checks, which "
        "Spark is not asked for.",
    ),
    Row(
        "training",
        "Training, measuring and refitting all models as of one Monday.",
        "sklearn by the textbook",
        ">= 10 x faster, no metric worse",
        (
            Side("ours", f"{SIDES}.training:ours"),
            Side("peer", f"{SIDES}.training:peer"),
        ),
        judge_training,
        (LANDING, TABLES),
        "Every model is fitted four times, the textbook's twice: rounds, probabilities and ranges "
        "are settled on late rows, before the holdout and again with it; detectors score every row "
        "they learn from. One Monday's holdout decides little between models that are close, and "
        "the copies of this estate share names, which favours whoever learns names by heart.",
    ),
    Row(
        "scoring",
        "Scoring 30 days of all tables (small: 7).",
        "a loop of mlflow.pyfunc",
        ">= 5 x faster",
        tuple(Side(label, f"{SIDES}.scoring:{label}") for label in ("ours", "peer", "bare")),
        judge_scoring,
        (LANDING, TABLES, CHAMPIONS, needed("pyfuncs")),
        "Rows, not calls, take the time: SHAP values, drivers in words, fingerprints are part of "
        "every prediction row, and the loop makes them with this project's own code.",
    ),
    Row(
        "orchestration",
        "A backfill of gold and features over 90 days (small: 30) of a tiny estate.",
        "the same graph of empty assets",
        "<= 1.3 x the time",
        (
            Side("ours", f"{SIDES}.orchestration:ours"),
            Side("peer", f"{SIDES}.orchestration:peer"),
        ),
        partial(hardly_slower, most=1.3),
        (needed("tiny"),),
        "Beside Dagster's events, of which both have the same, ours opens, queries and checks the "
        "tables of twelve assets, however few rows there are.",
    ),
    Row(
        "drift",
        "Drift of a table of 100 columns over a week; ours has counted the reference beforehand.",
        "evidently on pandas",
        ">= 20 x faster",
        tuple(Side(label, f"{SIDES}.drift:{label}") for label in ("ours", "peer", "scipy")),
        judge_drift,
        (needed("wide"),),
        "Fixed costs of a query over 100 columns; the more rows, the larger the ratio.",
    ),
    Row(
        "memory",
        "Peak of memory of gold and features at 1 and 4 times the rows; training; scoring.",
        "itself at 1 x",
        "<= 1.5 x, < 6 GiB at 1 x",
        (
            tables_at("ours", 1),
            tables_at("4 x", 4),
            Side("training", f"{SIDES}.training:ours"),
            Side("scoring", f"{SIDES}.scoring:ours"),
        ),
        judge_memory,
        (*SHARES, TABLES, CHAMPIONS),
        "Delta's writer keeps the files of all days of a commit open until its end, and holds "
        "what they have not flushed, beside the memory of a query.",
    ),
    Row(
        "growth",
        "Seconds of gold and features at 1/4, 1 and 4 times the rows.",
        "itself",
        "exponent <= 1.1",
        (tables_at("ours", 1), tables_at("1/4 x", 0.25), tables_at("4 x", 4)),
        judge_growth,
        SHARES,
        "What does not fit into a query's memory is written to disk and read again, or tried in "
        "vain before its days are halved.",
    ),
)
"""Every row, in the order in which they are run."""
