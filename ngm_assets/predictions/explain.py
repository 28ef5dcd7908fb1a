"""Says in words and numbers why a row was scored as it was, and what to do about it."""

from __future__ import annotations

import json
import math
import string
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import ModelError
from ngm_assets.models.catalog.spec import OUTPUT_PLACEHOLDERS, template_placeholders

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ngm_assets.models.data.frames import FloatArray

TOP = 3


def driver_texts(features: pd.DataFrame, contributions: FloatArray, top: int = TOP) -> list[str]:
    """Return per row the features that moved it most, as a JSON list, largest first.

    Each entry is {"feature", "value", "contribution", "direction"}. Contribution: supervised
    models, the SHAP value on the margin; anomaly models, the signed robust deviation from the
    training median. Direction: up where it is positive, down where it is negative. Features that
    add nothing are left out, so there may be fewer than `top`.

    Args:
        features: Numbers or texts (n, k); what is missing is written as null.
        contributions: Shape (n, k).
        top: Greatest number of entries.
    """
    import numpy as np

    names = [json.dumps(str(name)) for name in features.columns]
    size = np.abs(contributions)
    order = np.argsort(-size, axis=1, kind="stable")[:, :top]
    values = np.take_along_axis(features.to_numpy(dtype=object), order, axis=1)
    shares = np.take_along_axis(contributions, order, axis=1)
    rows = zip(order.tolist(), values.tolist(), shares.tolist(), strict=True)
    return [
        "["
        + ", ".join(
            f'{{"feature": {names[j]}, "value": {_value(value)}, '
            f'"contribution": {_number(share)}, "direction": "{"up" if share > 0 else "down"}"}}'
            for j, value, share in zip(*row, strict=True)
            if share != 0
        )
        + "]"
        for row in rows
    ]


def _value(value: str | float | None) -> str:
    """Return a feature's value as JSON: a text, a number, or null where it is missing."""
    if isinstance(value, str):
        return json.dumps(value)
    return "null" if value is None else _number(float(value))


def _number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else "null"


def fill_actions(
    template: str, table: pd.DataFrame, features: pd.DataFrame, wanted: NDArray[np.bool_]
) -> list[str | None]:
    """Fill the template with each wanted row's numbers; None for the other rows.

    Args:
        template: The specification's recommended action.
        table: Keys and outputs, shape (n, ...).
        features: Feature values, shape (n, k).
        wanted: Rows that need an action, shape (n,).

    Raises:
        ModelError: The template asks for something the row does not have.
    """
    sources: dict[str, list[Any]] = {}
    for name in dict.fromkeys(template_placeholders(template)):
        if name in features.columns:
            column = features[name]
        elif name in table.columns or name in OUTPUT_PLACEHOLDERS:
            column = table[name]
        else:
            raise ModelError(
                f"The recommended action asks for {{{name}}}, which the rows do not have.",
                where="recommended_action",
                mend="Use key columns, outputs or features of the model.",
            )
        sources[name] = column[wanted].tolist()
    texts = iter(_format_rows(template, sources, int(wanted.sum())))
    return [next(texts) if flag else None for flag in wanted]


def _format_rows(template: str, sources: dict[str, list[Any]], rows: int) -> list[str]:
    formatter = _Formatter()
    names = list(sources)
    return [
        formatter.vformat(template, (), {name: sources[name][row] for name in names})
        for row in range(rows)
    ]


class _Formatter(string.Formatter):
    """Formats days as dates, long numbers briefly, and what is missing as "unknown"."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None or value != value:
            return "unknown"
        if hasattr(value, "isoformat") and not format_spec:
            return str(value.isoformat())[:10]
        if isinstance(value, float) and not format_spec:
            return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
        return str(format(value, format_spec))
