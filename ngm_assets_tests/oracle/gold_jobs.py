"""Puts run attempts together from the slices of the job timeline."""

from __future__ import annotations

from datetime import date
from typing import Any

from ngm_assets_tests.oracle.reading import Row, inner, moment, text

NO_DATE = date(1970, 1, 1)

OUTCOMES = {
    "SUCCEEDED": "succeeded",
    "FAILED": "failure",
    "ERROR": "failure",
    "TIMED_OUT": "failure",
    "CANCELLED": "cancelled",
    "SKIPPED": "skipped",
}

NAMES = (
    "workspace_id",
    "job_id",
    "run_id",
    "trigger_type",
    "result_state",
    "run_type",
    "run_name",
    "termination_code",
)


def attempt_rows(raw: list[Row]) -> tuple[list[Row], list[Row]]:
    """Return the ended attempts and the slices rejected."""
    runs: dict[tuple[str, str], list[Row]] = {}
    rejected = []
    for piece in map(slice_row, raw):
        reason = broken_rule(piece)
        if reason:
            rejected.append(reject(piece, reason))
        elif piece["end"] is not None:
            same_run = runs.setdefault((piece["workspace_id"], piece["run_id"]), [])
            if piece not in same_run:
                same_run.append(piece)
    kept = [attempt for pieces in runs.values() for attempt in attempts_of(pieces)]
    return kept, rejected


def slice_row(source: Row) -> Row:
    """Return one raw slice with the columns that are read."""
    row: Row = {name: text(source, name) for name in NAMES}
    compute = inner(source, "compute_ids")
    return row | {
        "compute_ids": None if compute is None else [str(c) for c in compute if c is not None],
        "start": moment(source, "period_start_time"),
        "end": moment(source, "period_end_time"),
    }


def broken_rule(piece: Row) -> str | None:
    """Return the hard rule a slice breaks; one without an end and a result is still running."""
    for name in ("workspace_id", "run_id"):
        if piece[name] is None:
            return f"null {name}"
    if piece["start"] is None:
        return "null period_start_time"
    if piece["end"] is None:
        return "result without period_end_time" if piece["result_state"] is not None else None
    return "end before start" if piece["end"] < piece["start"] else None


def reject(piece: Row, reason: str) -> Row:
    """Return the reject row of a slice; an attempt number is not known for it."""
    when = piece["end"] or piece["start"]
    return {
        "run_date": when.date() if when else NO_DATE,
        "workspace_id": piece["workspace_id"],
        "run_id": piece["run_id"],
        "attempt": None,
        "reason": reason,
    }


def attempts_of(pieces: list[Row]) -> list[Row]:
    """Return the attempts of one run: every result closes the slices since the one before."""
    ordered = sorted(
        pieces, key=lambda p: (p["end"], p["start"], p["result_state"] is not None, str(p))
    )
    attempts: list[Row] = []
    open_slices: list[Row] = []
    for piece in ordered:
        open_slices.append(piece)
        if piece["result_state"] is not None:
            attempts.append(attempt_row(open_slices, len(attempts) + 1))
            open_slices = []
    return attempts


def attempt_row(pieces: list[Row], number: int) -> Row:
    """Return the gold row of one attempt from its slices, the last of which has the result."""
    last = pieces[-1]
    start = min(p["start"] for p in pieces)
    row: dict[str, Any] = {name: last[name] for name in NAMES}
    return row | {
        "attempt": number,
        "run_date": last["end"].date(),
        "start_time": start,
        "end_time": last["end"],
        "duration_sec": (last["end"] - start).total_seconds(),
        "outcome": OUTCOMES.get(last["result_state"], "other"),
        "compute_ids": sorted({c for p in pieces for c in p["compute_ids"] or ()}),
        "slices": len(pieces),
    }
