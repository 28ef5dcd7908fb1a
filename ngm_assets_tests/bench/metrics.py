"""Compares the holdout metrics of two trainings, model by model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CLOSE = 0.05
"""Relative loss up to which the project itself accepts a new champion."""


def worse_models(
    ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> tuple[list[str], tuple[str, ...], dict[str, Any]]:
    """Return the models that are worse than the peer's, lines to show, and all numbers.

    Models that were not measured, or on other rows (a detector leaves out rows of which it knows
    nothing), are not compared.
    """
    from ngm_assets.models.evaluation.metrics import metrics

    detail: dict[str, Any] = {}
    worse: list[str] = []
    clearly: list[str] = []
    for name, mine in ours["models"].items():
        other = theirs["models"].get(name)
        if other is None or mine["value"] is None or other["value"] is None:
            continue
        if mine["rows"]["holdout"] != other["rows"]["holdout"]:
            continue
        gain = metrics()[mine["metric"]].sign * (mine["value"] - other["value"])
        detail[name] = {
            "metric": mine["metric"],
            "ours": mine["value"],
            "peer": other["value"],
            "gain": gain,
            "seconds": mine["seconds"],
            "peer_seconds": other["seconds"],
        }
        worse += [name] * (gain < 0)
        clearly += [name] * (gain < -CLOSE * abs(other["value"]))
    lines = [
        f"{name}: {each['metric']} {each['ours']:.4g}, textbook {each['peer']:.4g}; "
        f"{each['seconds']:.1f} s, textbook {each['peer_seconds']:.1f} s."
        for name, each in detail.items()
    ]
    missing = [name for name in ours["models"] if name not in detail]
    once = sum(each.get("fitted_once", 0.0) for each in theirs["models"].values())
    told = sum(ours["models"][name]["seconds"] for name in theirs["models"] if name in detail)
    lines.append(
        f"{len(worse)} of {len(detail)} worse than the textbook ({', '.join(worse) or 'none'}), "
        f"{len(clearly)} by more than {CLOSE:.0%} ({', '.join(clearly) or 'none'})"
        + (f"; not compared: {', '.join(missing)}." if missing else ".")
    )
    if told:
        lines.append(f"Against a textbook that fits once and refits nothing: {once / told:.2f} x.")
    return worse, tuple(lines), detail
