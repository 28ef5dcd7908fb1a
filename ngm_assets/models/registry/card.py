"""The model card: what a version is for, what it saw, how good it is and where it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ngm_assets.models.candidate import Candidate
    from ngm_assets.models.evaluation.measures import Comparison

_TOP_FEATURES = 10


def card(candidate: Candidate) -> str:
    """Return the card in Markdown; equal candidates give equal text."""
    parts = (
        _purpose(candidate),
        _data(candidate),
        _metrics(candidate),
        _gates(candidate),
        _features(candidate),
        _limits(candidate),
    )
    return "\n\n".join(parts) + "\n"


def _purpose(c: Candidate) -> str:
    target = c.spec.target
    where = c.spec.rows.where
    kind = "Proxy (judges only, never learnt from)" if c.spec.problem == "anomaly" else "Label"
    return (
        f"# {c.spec.name}, as of {c.as_of}\n\n{c.spec.description}\n\n"
        f"- Decision it serves: {c.spec.decision}\n"
        f"- Owner: {c.spec.owner}\n"
        f"- Problem: {c.spec.problem}, estimator `{c.spec.estimator.type}`\n"
        f"- {kind}: `{target.column}`, {target.description} "
        f"Horizon {target.horizon_days} days, unit {target.unit}.\n"
        + (f"- Rows: only where `{where}`\n" if where else "")
        + f"- Must beat: {c.spec.baseline.description}"
    )


def _data(c: Candidate) -> str:
    w = c.window
    rows = ", ".join(f"{count} {part}" for part, count in c.rows.items())
    classes = ", ".join(f"{count} {name}" for name, count in c.class_counts.items())
    return (
        "## Data\n\n"
        f"- Features: `{c.context.contract.table}`, version {c.context.feature_version}\n"
        + (
            "- Split by entity: the latest row of each, no entity on both sides\n"
            if c.spec.training.split == "entity"
            else ""
        )
        + f"- Evaluated model: trained {w.first} to {w.train_last}, "
        f"holdout {w.holdout_first} to {w.holdout_last}\n"
        f"- Final model: refitted on {w.first} to {w.trained_through}\n"
        f"- Rows: {rows}\n"
        + (f"- Classes: {classes}\n" if classes else "")
        + f"- Dataset fingerprint: `{c.dataset_fingerprint[:16]}`"
    )


def _metrics(c: Candidate) -> str:
    m = c.measured
    lines = [
        "## Metrics on the holdout\n",
        "Intervals are 90 %, from resampled days.\n",
        "| what | value | interval | rows |",
        "|---|---|---|---|",
        f"| {m.metric} | {_text(m.value)} | {_span(m.low, m.high)} | {m.rows} |",
        _row("baseline", m.metric, c.baseline),
    ]
    if c.champion is not None:
        lines.append(_row(f"champion v{c.champion_version}", m.metric, c.champion))
    lines += [f"| {name} | {_text(value)} | | {m.rows} |" for name, value in c.secondary.items()]
    reasons = [
        f"{what}: {reason}."
        for what, reason in (
            (m.metric, m.reason),
            ("Baseline", c.baseline.reason),
            ("Champion", c.champion.reason if c.champion else ""),
        )
        if reason
    ]
    return "\n".join(lines) + ("\n\nNot evaluated. " + " ".join(reasons) if reasons else "")


def _row(who: str, metric: str, comparison: Comparison) -> str:
    gain = f"gain {_text(comparison.gain)} {_span(comparison.gain_low, comparison.gain_high)}"
    return f"| {metric} of the {who} | {_text(comparison.theirs)} | {gain} | {comparison.rows} |"


def _gates(c: Candidate) -> str:
    verdict = {True: "passed", False: "**failed**", None: "not evaluated"}
    lines = [
        f"| {g.name} | {verdict[g.passed]} | {'yes' if g.blocking else 'no'} | {g.detail} |"
        for g in c.decision.gates
    ]
    outcome = "may become champion" if c.decision.promote else "is refused"
    table = "\n".join(["| gate | result | blocking | detail |", "|---|---|---|---|", *lines])
    return f"## Gates\n\nThe candidate {outcome}: {c.decision.reason}\n\n{table}"


def _features(c: Candidate) -> str:
    top = list(c.importance.items())[:_TOP_FEATURES]
    lines = [f"| {name} | {weight:.3f} |" for name, weight in top]
    return "\n".join(["## Top features\n", "| feature | share |", "|---|---|", *lines])


def _limits(c: Candidate) -> str:
    most = c.spec.estimator.params.get("max_rows")
    rows = "all rows" if most is None else f"at most {most} rows, drawn at random from all"
    notes = [
        f"It knows nothing after {c.window.trained_through}; a change of regime since then "
        "shows only in its drift and performance checks.",
        f"The final model is refitted on {rows}, holdout included; the metrics are those of the "
        "model fitted before it.",
    ]
    if c.spec.problem == "anomaly":
        notes.append(
            f"Score 0.5 is the alert threshold: {c.spec.alert_budget:.1%} of the training rows "
            "reach it. The proxy is a stand-in for incidents, so its metrics are indicative."
        )
        notes.append("The stored MLflow model gives raw scores; the score map is in `ngm/`.")
    elif c.spec.problem in ("binary", "multiclass"):
        notes.append(
            "The stored MLflow model gives raw probabilities; the calibration is in `ngm/`."
        )
    else:
        notes.append(
            "The stored MLflow model gives values on the scale the trees learn; the way back to "
            f"{c.spec.target.unit} is in `ngm/`. On a log scale it aims at the median."
        )
    unsure = [gate.name for gate in c.decision.gates if gate.passed is None]
    if unsure:
        notes.append(f"Not evaluated: {', '.join(unsure)}.")
    return "## Known limits\n\n" + "\n".join(f"- {note}" for note in notes)


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"[{low:.4g}, {high:.4g}]"
