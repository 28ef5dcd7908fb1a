"""How explanations and predictions look on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ngm_assets.cli.console import new_table, show

SHOWN_INPUTS = 12


def show_explanation(told: Mapping[str, Any], *, everything: bool) -> None:
    """Print one explained prediction; without `everything` only the strongest inputs."""
    row, version = told["prediction"], told["version"]
    who = ", ".join(f"{name} {value}" for name, value in told["entity"].items())
    target = told["target"]
    head = new_table(f"{told['model']}: {who} on {told['day']}", "what", "value")
    span = f"{row['target_start']} to {row['target_end']}"
    unit = "anomaly score of the day, 0.5 = alert" if told["anomaly"] else target["unit"]
    said = f"{_text(row['prediction'])} ({unit}, {span})"
    head.add_row("prediction", said)
    for name in _filled(row):
        head.add_row(name, _text(row[name]))
    head.add_row("judged on" if told["anomaly"] else "it means", target["description"])
    head.add_row(
        "version",
        f"v{version['version']} ({version['status']}), as of {version['as_of']}, trained through "
        f"{version['trained_through']}, {version['estimator']}",
    )
    measured = (
        f"{version['metric']} {_text(version['value'])}, baseline {_text(version['baseline'])}"
    )
    head.add_row("on its holdout", measured)
    head.add_row("MLflow run", version["mlflow_run_id"])
    inputs = told["inputs"] if everything else told["inputs"][:SHOWN_INPUTS]
    table = new_table(
        "Inputs, strongest first", "feature", "value", "training mean", "adds", "made of"
    )
    for one in inputs:
        table.add_row(
            one["feature"],
            _text(one["value"]),
            _text(one["training_mean"]),
            _text(one["contribution"]),
            ", ".join(one["made_of"]),
        )
    show(head, table)
    hidden = len(told["inputs"]) - len(inputs)
    if hidden:
        show(f"{hidden} further inputs: --all shows them.")
    if not told["current"]:
        show(
            "[yellow]The features have changed since this row was scored:[/] values and shares are "
            "today's, the prediction is the stored one."
        )


def show_predictions(model: str, rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> None:
    """Print rows of a prediction table: keys, what is said, how bad it is, what to do."""
    outputs = [name for name in _OUTPUTS if any(row[name] is not None for row in rows)]
    table = new_table(model, *keys, *outputs)
    for row in rows:
        table.add_row(*(_text(row[name]) for name in (*keys, *outputs)))
    show(table)


_OUTPUTS = (
    "prediction",
    "prediction_lower",
    "prediction_upper",
    "predicted_label",
    "probability",
    "is_anomaly",
    "severity",
    "observed",
    "expected",
    "model_version",
    "recommended_action",
)


def _filled(row: Mapping[str, Any]) -> list[str]:
    wanted = [name for name in _OUTPUTS if name not in ("prediction", "model_version")]
    return [name for name in wanted if row[name] is not None]


def _text(value: Any) -> str:
    from rich.markup import escape

    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return escape(str(value))
