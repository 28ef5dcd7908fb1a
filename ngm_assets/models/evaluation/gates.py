"""Decides from evidence alone whether a candidate may become champion, gate by gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ngm_assets.models.evaluation.leakage import LeakageScan
    from ngm_assets.models.evaluation.measures import Comparison, Measurement
    from ngm_assets.models.evaluation.metrics import Metric

MAX_SINGLE_FEATURE = 0.99
MIN_CHAMPION_ROWS = 50
GATE_MEANINGS = {
    "minimum_data": "Enough rows, days and positives to train and judge.",
    "metric_threshold": "The primary metric on the holdout reaches its threshold.",
    "beats_baseline": "The primary metric beats the baseline's on the same holdout rows.",
    "not_worse_than_champion": "At equal knowledge it does not clearly lose to the champion.",
    "leakage_scan": "No single feature explains the label.",
    "finite_predictions": "Every output is finite where something is known.",
    "calibration": "Probabilities come true as often as they say; P10..P90 covers 80 %.",
}


@dataclass(frozen=True)
class GateResult:
    """One gate with its numbers.

    Attributes:
        name: Name of the gate; also the name of the asset check.
        passed: None = could not be evaluated.
        blocking: Whether the candidate can be promoted only if `passed` is True.
        value: What was found.
        threshold: What was asked for.
        detail: One sentence a person can act on.
    """

    name: str
    passed: bool | None
    blocking: bool
    value: float | None
    threshold: float | None
    detail: str


@dataclass(frozen=True)
class Decision:
    """Whether to promote, why, and every gate."""

    promote: bool
    reason: str
    gates: tuple[GateResult, ...]


@dataclass(frozen=True)
class Evidence:
    """All a judgement needs to know of a candidate.

    Attributes:
        problem: Problem type.
        metric: Primary metric.
        threshold: Its threshold; None = none set.
        measured: Primary metric on the holdout.
        baseline: Candidate against baseline on the same holdout rows.
        champion: Candidate against champion on rows new to both; None = there is no champion.
        champion_tolerance: Accepted relative loss against the champion.
        rows: All labelled and unlabelled rows, holdout included.
        train_rows: Rows of the training part.
        min_rows: Least `rows`.
        holdout_rows: Holdout rows with a label.
        train_positives: Positive training rows; None unless binary or anomaly.
        holdout_positives: Positive holdout rows; None unless binary or anomaly.
        min_positives: Least positive rows in training.
        leakage: Strongest single feature; None for anomaly models, which learn from no label.
        unfinite: Outputs that are not finite although the row has a known feature.
        outputs: Outputs looked at.
        calibration_error: Of a classifier or of an interval; None otherwise or without rows.
        max_calibration_error: Greatest accepted.
    """

    problem: str
    metric: Metric
    threshold: float | None
    measured: Measurement
    baseline: Comparison
    champion: Comparison | None
    champion_tolerance: float
    rows: int
    train_rows: int
    min_rows: int
    holdout_rows: int
    train_positives: int | None
    holdout_positives: int | None
    min_positives: int
    leakage: LeakageScan | None
    unfinite: int
    outputs: int
    calibration_error: float | None
    max_calibration_error: float


def gate_names(problem: str, *, thresholded: bool) -> tuple[str, ...]:
    """Return the gates in the order they are judged.

    Args:
        problem: Problem type.
        thresholded: Whether the specification sets a threshold for its metric.
    """
    names = ["minimum_data", "metric_threshold", "beats_baseline", "not_worse_than_champion"]
    if not thresholded:
        names.remove("metric_threshold")
    if problem != "anomaly":
        names.append("leakage_scan")
    names.append("finite_predictions")
    if problem in ("binary", "multiclass", "quantile"):
        names.append("calibration")
    return tuple(names)


def judge(evidence: Evidence) -> Decision:
    """Judge every gate; promote only if each blocking gate passed.

    A gate that cannot be evaluated blocks a supervised model. An anomaly model whose holdout holds
    no proxy positive is not blocked by the two gates that need one, and the reason says so.
    """
    judged = {
        "minimum_data": _minimum_data,
        "metric_threshold": _metric_threshold,
        "beats_baseline": _beats_baseline,
        "not_worse_than_champion": _not_worse_than_champion,
        "leakage_scan": _leakage_scan,
        "finite_predictions": _finite_predictions,
        "calibration": _calibration,
    }
    names = gate_names(evidence.problem, thresholded=evidence.threshold is not None)
    gates = tuple(judged[name](evidence) for name in names)
    stopped = [gate for gate in gates if gate.blocking and gate.passed is not True]
    if stopped:
        reason = "; ".join(f"{gate.name}: {gate.detail}" for gate in stopped)
        return Decision(False, reason, gates)
    open_gates = [gate.name for gate in gates if gate.passed is None]
    passed = f"{sum(gate.passed is True for gate in gates)} of {len(gates)} gates passed"
    if open_gates:
        passed += f"; could not be evaluated: {', '.join(open_gates)}"
    return Decision(True, passed, gates)


def _minimum_data(e: Evidence) -> GateResult:
    enough = e.rows >= e.min_rows
    detail = (
        f"{e.rows} rows of at least {e.min_rows}: "
        f"{e.train_rows} in training, {e.holdout_rows} labelled in holdout"
    )
    if e.problem == "binary":
        positives = e.train_positives or 0
        enough = enough and positives >= e.min_positives
        detail += f"; {positives} positives of at least {e.min_positives} in training"
    if e.holdout_positives is not None:
        detail += f"; {e.holdout_positives} positives in holdout"
    return GateResult("minimum_data", enough, True, float(e.rows), float(e.min_rows), detail)


def _excused(e: Evidence) -> bool:
    return e.problem == "anomaly" and e.holdout_positives == 0


def _metric_threshold(e: Evidence) -> GateResult:
    value, name = e.measured.value, e.metric.name
    if value is None:
        detail = f"{name} cannot be evaluated: {e.measured.reason}"
        return GateResult("metric_threshold", None, not _excused(e), None, e.threshold, detail)
    span = _span(e.measured.low, e.measured.high)
    if e.threshold is None:
        detail = f"{name} {value:.4g}{span}; no threshold is set"
        return GateResult("metric_threshold", True, True, value, None, detail)
    passed = e.metric.sign * (value - e.threshold) >= 0
    wanted = "at least" if e.metric.sign > 0 else "at most"
    detail = f"{name} {value:.4g}{span}, wanted {wanted} {e.threshold:.4g}"
    return GateResult("metric_threshold", passed, True, value, e.threshold, detail)


def _beats_baseline(e: Evidence) -> GateResult:
    c, name = e.baseline, e.metric.name
    if c.ours is None or c.theirs is None or c.gain is None:
        detail = f"no comparison with the baseline: {c.reason}"
        return GateResult("beats_baseline", None, not _excused(e), None, None, detail)
    detail = (
        f"{name} {c.ours:.4g} against the baseline's {c.theirs:.4g} on {c.rows} rows"
        f"; gain {c.gain:.4g}{_span(c.gain_low, c.gain_high)}"
    )
    return GateResult("beats_baseline", c.gain > 0, True, c.ours, c.theirs, detail)


def _not_worse_than_champion(e: Evidence) -> GateResult:
    gate, c = "not_worse_than_champion", e.champion
    if c is None:
        return GateResult(gate, True, True, None, None, "there is no champion yet")
    if c.ours is None or c.theirs is None or c.gain is None:
        return GateResult(
            gate, None, False, None, None, f"no fair comparison with the champion: {c.reason}"
        )
    allowed = e.champion_tolerance * abs(c.theirs)
    certain = c.gain_high is not None and c.gain_high < 0
    detail = (
        f"{e.metric.name} {c.ours:.4g} against the champion's {c.theirs:.4g} on {c.rows} rows new "
        f"to both; gain {c.gain:.4g}{_span(c.gain_low, c.gain_high)}, accepted loss {allowed:.4g}"
    )
    worse = c.gain < -allowed and certain
    return GateResult(gate, not worse, True, c.ours, c.theirs - e.metric.sign * allowed, detail)


def _leakage_scan(e: Evidence) -> GateResult:
    found = e.leakage
    if found is None or found.strength is None:
        detail = "no feature has enough known rows to be scanned"
        return GateResult("leakage_scan", None, True, None, MAX_SINGLE_FEATURE, detail)
    detail = (
        f"strongest single feature: {found.feature} with {found.statistic} {found.strength:.4f}"
    )
    return GateResult(
        "leakage_scan",
        found.strength <= MAX_SINGLE_FEATURE,
        True,
        found.strength,
        MAX_SINGLE_FEATURE,
        detail,
    )


def _finite_predictions(e: Evidence) -> GateResult:
    detail = f"{e.unfinite} of {e.outputs} predictions are not finite"
    return GateResult("finite_predictions", e.unfinite == 0, True, float(e.unfinite), 0.0, detail)


def _calibration(e: Evidence) -> GateResult:
    value, limit = e.calibration_error, e.max_calibration_error
    if value is None:
        return GateResult("calibration", None, True, None, limit, "no holdout rows")
    what = (
        "distance of the P10..P90 coverage from 0.8"
        if e.problem == "quantile"
        else "expected calibration error"
    )
    detail = f"{what} {value:.4f} on the holdout, at most {limit:.4g}"
    return GateResult("calibration", value <= limit, True, value, limit, detail)


def _span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{low:.4g}, {high:.4g}]"
