"""How versions of a model look on the command line: history, comparison, rollback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ngm_assets.cli.console import new_table, number, show

if TYPE_CHECKING:
    from ngm_assets.models.registry.versions import VersionInfo

_COLOUR = {"champion": "green", "rolled back": "red", "challenger": "yellow"}
_GATE = {True: "[green]passed", False: "[red]failed", None: "[yellow]not evaluated"}


def show_history(model: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the versions of a model."""
    from rich.markup import escape

    drawn = new_table(
        f"Versions of {model}",
        "version",
        "as of",
        "trained through",
        "holdout",
        "baseline",
        "gates",
        "standing",
        "what became of it",
    )
    for row in rows:
        drawn.add_row(
            f"v{row['version']}",
            row["as_of"],
            row["trained_through"],
            f"{row['metric']} {_spanned(row)}",
            number(row["baseline"]),
            row["gates"],
            _standing(row["standing"]),
            escape("\n".join(_deeds(row)) or row["gates_reason"]),
        )
    show(drawn)


def show_comparison(found: Mapping[str, Any]) -> None:
    """Print two versions side by side, and below what differs in what made them."""
    from rich.markup import escape

    sides = found["versions"]
    drawn = new_table(
        f"{found['model']}: two versions", "what", *(f"v{side['version']}" for side in sides)
    )
    for name, texts in _lines(sides):
        drawn.add_row(name, *texts)
    show(drawn)
    met = found["head_to_head"]
    if met is not None and met["gain"] is not None:
        show(
            f"On {met['rows']} rows new to both: v{met['newer']} {number(met['ours'])}, "
            f"v{met['older']} {number(met['theirs'])}, gain {number(met['gain'])} "
            f"\\[{number(met['gain_low'])}, {number(met['gain_high'])}]."
        )
    elif met is None:
        show("Each is measured on its own holdout: they were never compared on the same rows.")
    show(_difference_table(found["differs"], [side["version"] for side in sides], escape))


def show_rollback(model: str, champion: VersionInfo, rolled_back: Sequence[int]) -> None:
    """Print what a rollback did, and what is left to do."""
    names = ", ".join(f"v{version}" for version in rolled_back) or "none"
    show(
        f"{model}: v{champion.version}, as of {champion.as_of}, is the champion again. "
        f"Rolled back: {names}.",
        f"To score the days from {champion.as_of} on again, materialise "
        f"predictions/{model}_predictions for them, or run ml_inference_pipeline.",
    )


def _lines(sides: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    metric = sides[-1]["metric"]
    windows = [side["window"] for side in sides]
    lines = [
        ("standing", [_standing(side["standing"]) for side in sides]),
        ("as of", [side["as_of"] for side in sides]),
        (metric, [_spanned(side) for side in sides]),
        ("baseline", [number(side["baseline"]) for side in sides]),
        ("holdout", [f"{w['holdout_first']}..{w['holdout_last']}" for w in windows]),
        ("refitted on", [f"{w['first']}..{w['trained_through']}" for w in windows]),
        ("rows", [", ".join(f"{n} {part}" for part, n in s["rows"].items()) for s in sides]),
    ]
    for name in _union(sides, "secondary"):
        lines.append((name, [number(side["secondary"].get(name)) for side in sides]))
    for name in _union(sides, "gates"):
        gates = [side["gates"].get(name) for side in sides]
        lines.append((f"gate {name}", ["-" if g is None else _GATE[g["passed"]] for g in gates]))
    tops = [[f"{name} {share:.2f}" for name, share in s["top_features"].items()] for s in sides]
    lines.append(("top features", ["\n".join(top) for top in tops]))
    return lines


def _difference_table(differs: Mapping[str, Any], numbers: Sequence[int], escape: Any) -> Any:
    drawn = new_table("What differs in what made them", "what", *(f"v{n}" for n in numbers))
    for side, key in enumerate(("features_only_in_first", "features_only_in_second")):
        if differs[key]:
            texts = ["", ""]
            texts[side] = ", ".join(differs[key])
            drawn.add_row("features only in", *texts)
    for part in ("specification", "data", "code", "libraries"):
        for name, pair in differs[part].items():
            drawn.add_row(f"{part}: {name}", *(escape(_short(value)) for value in pair))
    if not drawn.rows:
        drawn.add_row("nothing", "", "")
    return drawn


def _deeds(row: Mapping[str, Any]) -> list[str]:
    found = []
    for verb in ("promoted", "archived", "reinstated", "rolled_back"):
        deed = row[verb]
        told = verb == "archived" and row["rolled_back"] is not None
        if deed is not None and not told:
            word = verb.replace("_", " ")
            found.append(f"{word} {deed['at'][:16]} by {deed['by']}: {deed['reason']}")
    return found


def _standing(word: str) -> str:
    colour = _COLOUR.get(word)
    return f"[{colour}]{word}" if colour else word


def _spanned(row: Mapping[str, Any]) -> str:
    span = f" \\[{number(row['low'])}, {number(row['high'])}]" if row["low"] is not None else ""
    return number(row["value"]) + span


def _union(sides: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    return list(dict.fromkeys(name for side in sides for name in side[key]))


def _short(value: Any) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:16]}..."
