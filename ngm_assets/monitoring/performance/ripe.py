"""Joins predictions with what came true of them, as far as it was known on each day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from ngm_assets.engine.base import Query, Window
from ngm_assets.models.data.dataset import label_parameters, label_sql
from ngm_assets.models.data.frames import class_positions
from ngm_assets.monitoring.reach import quiet_days
from ngm_assets.predictions.tables import prediction_contract

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ngm_assets.engine.base import Engine
    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.data.frames import BoolArray, FloatArray
    from ngm_assets.platform import Platform
    from ngm_assets.settings import Words


@dataclass(frozen=True)
class Outcomes:
    """Predictions of one model and what came true, sorted by date and key; all shapes (n,).

    Attributes:
        dates: Feature day, datetime64[D].
        versions: Version that predicted.
        output: What the metric takes: value, probability, score or class position; no NaN.
        truth: Label or proxy; NaN where it is not defined.
        baseline: What the baseline said; NaN where it is unknown.
    """

    dates: NDArray[np.datetime64]
    versions: NDArray[np.int64]
    output: FloatArray
    truth: FloatArray
    baseline: FloatArray

    def __len__(self) -> int:
        """Return the number of predictions."""
        return len(self.dates)

    def select(self, mask: BoolArray) -> Outcomes:
        """Return the rows where `mask` (n,) is true, in the same order."""
        return Outcomes(
            self.dates[mask],
            self.versions[mask],
            self.output[mask],
            self.truth[mask],
            self.baseline[mask],
        )

    def between(self, first: date, last: date) -> Outcomes:
        """Return the rows of the feature days `first..last`."""
        import numpy as np

        return self.select(
            (self.dates >= np.datetime64(first, "D")) & (self.dates <= np.datetime64(last, "D"))
        )

    def labelled(self) -> Outcomes:
        """Return the rows with a label."""
        import numpy as np

        return self.select(np.isfinite(self.truth))


def outcomes_by_day(
    platform: Platform, spec: ModelSpec, days: Sequence[date]
) -> dict[date, Outcomes]:
    """Return for consecutive days d the predictions of the window that ends on d - horizon.

    A label of t depends on days up to t + horizon only, and each table of the label SQL can be cut
    off there without changing it: one query over the whole range serves all days. The one thing
    that looks further is how far gold reaches: on a day without gold rows a label whose horizon
    ends on it is not known yet, although it is once later days exist. A run of such days has a
    query of its own, which reads nothing after the run.

    Args:
        platform: Where tables are read.
        spec: Which label, baseline and output.
        days: Consecutive days.

    Raises:
        ComputeError: A query fails.
    """
    found: dict[date, Outcomes] = {}
    for part in _parts(days, quiet_days(platform, label_sql(spec.feature_table), days)):
        windows = {day: performance_window(platform, spec, day) for day in part}
        whole = read_outcomes(
            platform.engine,
            spec,
            platform.settings.words,
            (windows[part[0]][0], windows[part[-1]][1]),
            part[-1],
        )
        found |= {day: whole.between(*windows[day]) for day in part}
    return found


def performance_window(platform: Platform, spec: ModelSpec, day: date) -> tuple[date, date]:
    """Return the first and last feature day whose predictions are judged on a day."""
    last = day - timedelta(days=spec.horizon_days)
    length = platform.settings.monitoring.performance.window_days
    return last - timedelta(days=length - 1), last


def _parts(days: Sequence[date], quiet: set[date]) -> Iterable[list[date]]:
    """Yield all days that are not quiet, then each run of days that are."""
    loud = [day for day in days if day not in quiet]
    if loud:
        yield loud
    run: list[date] = []
    for day in sorted(quiet):
        if run and (day - run[-1]).days > 1:
            yield run
            run = []
        run.append(day)
    if run:
        yield run


def read_outcomes(
    engine: Engine, spec: ModelSpec, words: Words, span: tuple[date, date], known: date
) -> Outcomes:
    """Return the predictions of the feature days `span` with their labels as known on a day.

    Labels are those of training: the same SQL, column and rows. Predictions without an output
    speak of rows their version knew nothing of and are left out.

    Args:
        engine: Reads the tables.
        spec: Which label, baseline and output.
        words: Settings that label SQL may refer to.
        span: First and last feature day; the last plus the horizon is at most `known`.
        known: Nothing dated later is read.
    """
    contract = prediction_contract(spec)
    query = Query(
        _outcomes_sql(spec, contract),
        {"start_date": span[0], "end_date": span[1], **label_parameters(words)},
        Window(end=known),
    )
    rows = engine.frame(query)
    order = [contract.partition, *contract.entity_key]
    return _outcomes(spec, rows.sort_values(order, kind="stable"), contract.partition)


def _outcomes_sql(spec: ModelSpec, contract: TableContract) -> str:
    day, output = contract.partition, _output_column(spec)
    keys = ", ".join(contract.key)
    asked = f"{day} BETWEEN :start_date AND :end_date"
    joined = " AND ".join(f"l.{name} = p.{name}" for name in contract.key)
    return (
        f"SELECT {', '.join(f'p.{name}' for name in contract.key)}, p.model_version AS version__, "
        f"p.{output} AS output__, l.label__, l.baseline__ FROM (SELECT {keys}, model_version, "
        f"{output} FROM {contract.full_name} WHERE {asked} AND {output} IS NOT NULL) AS p "
        f"LEFT JOIN ({_labels_sql(spec, contract)}) AS l ON {joined}"
    )


def ripe_labels(engine: Engine, spec: ModelSpec, words: Words, first: date, day: date) -> int:
    """Return how many rows of feature days from `first` on have a label by the end of a day.

    Args:
        engine: Reads the tables.
        spec: Which rows and which label.
        words: Settings that label SQL may refer to.
        first: First feature day.
        day: Nothing dated later is read, and the horizon is over.
    """
    last = day - timedelta(days=spec.horizon_days)
    if last < first:
        return 0
    sql = f"SELECT COUNT(label__) AS n FROM ({_labels_sql(spec, prediction_contract(spec))})"
    bounds = {"start_date": first, "end_date": last}
    rows = engine.rows(Query(sql, {**bounds, **label_parameters(words)}, Window(end=day)))
    return int(rows[0]["n"])


def _labels_sql(spec: ModelSpec, contract: TableContract) -> str:
    """Return the labels and baselines of the rows that concern the model."""
    day, condition = contract.partition, spec.rows.where or "TRUE"
    columns = f"{spec.target.column} AS label__, {spec.baseline.column} AS baseline__"
    joined = " AND ".join(f"t.{name} = r.{name}" for name in contract.key)
    return (
        f"SELECT {', '.join(f'r.{name}' for name in contract.key)}, {columns} "
        f"FROM (SELECT {', '.join(contract.key)} FROM features.{spec.feature_table} "
        f"WHERE {day} BETWEEN :start_date AND :end_date AND ({condition})) AS r "
        f"JOIN ({label_sql(spec.feature_table)}) AS t ON {joined}"
    )


def _output_column(spec: ModelSpec) -> str:
    """Return the column of a prediction table that the metric judges."""
    kinds = {
        "binary": "probability",
        "anomaly": "anomaly_score",
        "multiclass": "predicted_label",
    }
    return kinds.get(spec.problem, "prediction")


def _outcomes(spec: ModelSpec, rows: pd.DataFrame, day: str) -> Outcomes:
    import numpy as np

    if spec.problem == "multiclass":
        names = {name for name in (*rows["label__"], *rows["output__"]) if isinstance(name, str)}
        classes = sorted(names)
        output, truth, baseline = (
            class_positions(rows[name].tolist(), classes)
            for name in ("output__", "label__", "baseline__")
        )
    else:
        output, truth, baseline = (
            rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
            for name in ("output__", "label__", "baseline__")
        )
    return Outcomes(
        dates=rows[day].to_numpy().astype("datetime64[D]"),
        versions=rows["version__"].to_numpy(dtype=np.int64),
        output=output,
        truth=truth,
        baseline=baseline,
    )
