"""What the stored drift of a table says of one day, for checks and readers; nothing is computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Query, Window
from ngm_assets.monitoring.drift.metrics import ALL
from ngm_assets.monitoring.drift.severity import worst
from ngm_assets.monitoring.drift.statistics.base import DRIFT_SEVERITIES
from ngm_assets.monitoring.tables import monitoring_contracts

if TYPE_CHECKING:
    from ngm_assets.engine.base import Engine
    from ngm_assets.monitoring.drift.statistics.base import DriftSeverity

WORST_COLUMNS = 10
NAMED_REASONS = 5
Row = Mapping[str, Any]


@dataclass(frozen=True)
class TableFinding:
    """What was found of a table on a day, over all models that read or write it.

    Attributes:
        passed: Everything could be evaluated, and nothing drifted.
        warn: Not passed, but no worse than moderate: drift, or what could not be evaluated.
        severity: The worst of the models' judgements.
        detail: What was found, in a sentence.
        worst: Columns that drifted or could not be evaluated, the worst first: model, column,
            severity, status, statistic, value, psi, adjusted_p_value, reason.
        max_psi: Greatest PSI; None where none could be computed.
        drifted_share: Greatest share of a model's importance that drifted; None where none could
            be evaluated.
        models: Models that were judged, or should have been.
    """

    passed: bool
    warn: bool
    severity: DriftSeverity
    detail: str
    worst: tuple[dict[str, Any], ...]
    max_psi: float | None
    drifted_share: float | None
    models: tuple[str, ...]


def table_findings(engine: Engine, table: str, day: date) -> TableFinding:
    """Return what is stored of a table on a day.

    Args:
        engine: Reads monitoring.drift_metrics.
        table: `schema.table`: a feature table, a prediction table, or labels.<feature table>.
        day: Day the windows end on.
    """
    rows = stored_drift(engine, table, day, day)
    tables = [row for row in rows if row["column_name"] == ALL]
    if not tables:
        detail = f"Drift of {table} on {day} was not evaluated."
        return TableFinding(False, True, "none", detail, (), None, None, ())
    severity = worst(row["severity"] for row in tables)
    reasons = unevaluated(rows)
    columns = worst_columns(rows)
    shares = [row["value"] for row in tables if row["value"] is not None]
    return TableFinding(
        passed=severity == "none" and not reasons,
        warn=severity == "moderate" or (severity == "none" and bool(reasons)),
        severity=severity,
        detail=_detail(table, severity, columns, reasons, len(tables)),
        worst=tuple(columns[:WORST_COLUMNS]),
        max_psi=greatest_psi(rows),
        drifted_share=max(shares, default=None),
        models=tuple(sorted({row["model_name"] for row in tables})),
    )


def stored_drift(
    engine: Engine,
    table: str,
    start: date | None,
    end: date | None,
    model: str | None = None,
) -> list[dict[str, Any]]:
    """Return the stored rows of a table in order of day, model, column and statistic.

    Args:
        engine: Reads monitoring.drift_metrics.
        table: `schema.table`.
        start: First day; None = the first there is.
        end: Last day, inclusive; None = the last there is.
        model: Only of this model; None = of all.
    """
    contract = monitoring_contracts()["drift_metrics"]
    parameters = {"table": table} | ({} if model is None else {"model": model})
    only = "" if model is None else " AND model_name = :model"
    sql = (
        f"SELECT * FROM {contract.full_name} WHERE table_name = :table{only} "
        f"ORDER BY {', '.join(contract.key)}"
    )
    return engine.rows(Query(sql, parameters, Window(start, end)))


def unevaluated(rows: Iterable[Row]) -> tuple[str, ...]:
    """Return what could not be evaluated, and why: `model: column: reason`, each once."""
    return tuple(
        dict.fromkeys(
            f"{row['model_name']}: {row['reason'] or row['status']}"
            for row in rows
            if row["column_name"] == ALL
            and (row["reason"] or row["status"] == "could_not_evaluate")
        )
    )


def greatest_psi(rows: Iterable[Row]) -> float | None:
    """Return the greatest PSI of any column; None where none could be computed."""
    found = (row["value"] for row in rows if row["statistic"] == "psi")
    return max((value for value in found if value is not None), default=None)


def worst_columns(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the columns that drifted or could not be evaluated, the worst first.

    Each names the statistic that is as bad as the column: PSI if it is, else the first of them.
    """
    by_column: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["column_name"] != ALL:
            by_column.setdefault((row["model_name"], row["column_name"]), []).append(row)
    found = []
    for measured in by_column.values():
        judged = next((row for row in measured if row["statistic"] == ALL), None)
        if judged is not None and judged["status"] != "stable":
            found.append(_column(judged, [row for row in measured if row is not judged]))
    return sorted(found, key=_badness)


def _column(judged: Row, measured: Sequence[Row]) -> dict[str, Any]:
    psi = next((row for row in measured if row["statistic"] == "psi"), None)
    as_bad = [row for row in measured if row["severity"] == judged["severity"] != "none"]
    as_bad.sort(key=lambda row: row["statistic"] != "psi")
    shown = as_bad[0] if as_bad else psi
    return {
        "model": judged["model_name"],
        "column": judged["column_name"],
        "severity": judged["severity"],
        "status": judged["status"],
        "statistic": ALL if shown is None else shown["statistic"],
        "value": None if shown is None else shown["value"],
        "psi": None if psi is None else psi["value"],
        "adjusted_p_value": None if shown is None else shown["adjusted_p_value"],
        "reason": judged["reason"],
    }


def _badness(column: Mapping[str, Any]) -> tuple[int, float, str, str]:
    size = column["value"] if column["value"] is not None else 0.0
    return (
        -DRIFT_SEVERITIES.index(column["severity"]),
        -abs(size),
        column["column"],
        column["model"],
    )


def _detail(
    table: str,
    severity: DriftSeverity,
    columns: Sequence[Mapping[str, Any]],
    reasons: Sequence[str],
    models: int,
) -> str:
    drifted = list(dict.fromkeys(each["column"] for each in columns if each["status"] == "drifted"))
    said = f"Held against what {models} model{'s' * (models > 1)} learnt from, {table} "
    if severity == "none":
        said += "is stable" if not reasons else "shows no drift where it could be evaluated"
    else:
        said += f"drifted ({severity}): {_listed(drifted, ', ')}"
    if reasons:
        said += f". Not evaluated in full: {_listed(reasons, '; ')}"
    return f"{said}."


def _listed(words: Sequence[str], between: str) -> str:
    more = len(words) - NAMED_REASONS
    text = between.join(words[:NAMED_REASONS])
    return f"{text} and {more} more" if more > 0 else text
