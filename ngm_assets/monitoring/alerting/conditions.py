"""What monitoring found on each day, one entry per thing an alert can be about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from ngm_assets.days import days_between
from ngm_assets.engine.base import Query, Window
from ngm_assets.monitoring.drift.metrics import ALL
from ngm_assets.monitoring.drift.severity import worst
from ngm_assets.monitoring.drift.statistics.base import DRIFT_SEVERITIES, DriftSeverity
from ngm_assets.monitoring.reruns.standing import NONE

if TYPE_CHECKING:
    from ngm_assets.engine.base import Engine

Kind = Literal["drift", "performance", "data_quality", "pipeline_failure"]
Rows = Sequence[Mapping[str, Any]]
EVERYTHING = "*"
"""In `parts`, everything of a model, or of the subject."""
ALERTED = ("drift_metrics", "model_performance", "data_quality", "pipeline_failures")
"""Tables of monitoring whose findings become alerts."""
TOLD = 5
"""Columns, checks or assets that a detail names."""


@dataclass(frozen=True)
class Condition:
    """What was found of one subject on one day.

    Attributes:
        kind: What it is about.
        subject: Table, model or asset.
        severity: none where nothing was found.
        models: Models that are touched, sorted.
        title: One line.
        detail: What was found; empty where nothing was.
        parts: What it was found in, sorted: model/column/statistic, check, metric or asset.
        unknown: Parts that could not be evaluated, sorted; `model/*` = everything of a model, `*` =
            everything. An alert one of whose parts is among them is not taken for recovered.
    """

    kind: Kind
    subject: str
    severity: DriftSeverity
    models: tuple[str, ...] = ()
    title: str = ""
    detail: str = ""
    parts: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def hides(self, part: str) -> bool:
        """Return whether a part could not be evaluated."""
        model = f"{part.partition('/')[0]}/{EVERYTHING}"
        return any(name in self.unknown for name in (EVERYTHING, model, part))


def conditions(engine: Engine, start: date, end: date) -> dict[date, list[Condition]]:
    """Return what was found on each day of `start..end`, by kind and subject.

    A kind that was not looked at on a day has no entry there, neither good nor bad. Where a kind
    was looked at, every subject there is has one.

    Raises:
        ComputeError: A table cannot be read.
    """
    made = {day: list[Condition]() for day in days_between(start, end)}
    window = Window(start, end)
    for day, found in [
        *_drift(engine, window),
        *_performance(engine, window),
        *_quality(engine, window),
        *_failures(engine, start, end),
    ]:
        made[day].append(found)
    for each in made.values():
        each.sort(key=lambda found: (found.kind, found.subject))
    return made


def _drift(engine: Engine, window: Window) -> Iterable[tuple[date, Condition]]:
    tables = engine.rows(
        Query(
            "SELECT monitor_date, table_name, model_name, severity, status, reason "
            "FROM monitoring.drift_metrics WHERE column_name = '*' AND statistic = '*'",
            {},
            window,
        )
    )
    columns = engine.rows(
        Query(
            "SELECT monitor_date, table_name, model_name, column_name, statistic, severity, value, "
            "reason FROM monitoring.drift_metrics WHERE column_name <> '*' AND "
            "(severity <> 'none' OR status = 'could_not_evaluate')",
            {},
            window,
        )
    )
    of_table = _grouped(columns, "monitor_date", "table_name")
    for (day, table), rows in _grouped(tables, "monitor_date", "table_name").items():
        yield day, _drift_of(table, rows, of_table.get((day, table), []))


def _drift_of(table: str, rows: Rows, columns: Rows) -> Condition:
    severity = worst(row["severity"] for row in rows)
    models = sorted(row["model_name"] for row in rows if row["severity"] != "none")
    told = {row["model_name"] for row in columns}
    whole = {
        f"{row['model_name']}/{EVERYTHING}"
        for row in rows
        if row["status"] == "could_not_evaluate" and row["model_name"] not in told
    }
    bad = [row for row in columns if row["severity"] != "none"]
    judged = [row for row in bad if row["statistic"] == ALL and row["model_name"] in models]
    drifted = {(row["model_name"], row["column_name"]) for row in judged}
    single = [row for row in columns if row["severity"] == "none" and row["statistic"] != ALL]
    return Condition(
        "drift",
        table,
        severity,
        tuple(models),
        f"{table} drifted",
        _columns_told(judged, columns) if models else "",
        _sorted(_part(row) for row in bad if (row["model_name"], row["column_name"]) in drifted),
        _sorted(whole | {_part(row) for row in single}),
    )


def _part(row: Mapping[str, Any]) -> str:
    return f"{row['model_name']}/{row['column_name']}/{row['statistic']}"


def _columns_told(judged: Rows, columns: Rows) -> str:
    """Name the worst columns, each as the model sees it for which it is worst."""
    values = {
        (row["model_name"], row["column_name"]): row["value"]
        for row in columns
        if row["statistic"] == "psi" and row["value"] is not None
    }
    ranks: dict[str, tuple[int, float, str]] = {}
    for row in judged:
        name = row["column_name"]
        psi = values.get((row["model_name"], name))
        said = row["reason"].replace("_", " ") if psi is None else f"PSI {psi:.2f}"
        text = f"{name} {row['severity']}" + (f" ({said})" if said else "")
        rank = (DRIFT_SEVERITIES.index(row["severity"]), psi or 0.0, text)
        ranks[name] = max(rank, ranks.get(name, rank))
    ordered = sorted(ranks.values(), key=lambda rank: (-rank[0], -rank[1], rank[2]))
    return _listed([text for _, _, text in ordered], "columns")


def _performance(engine: Engine, window: Window) -> Iterable[tuple[date, Condition]]:
    rows = engine.rows(
        Query(
            "SELECT monitor_date, model_name, metric, value, holdout_value, labels, relative_loss, "
            "severity, status FROM monitoring.model_performance WHERE model_version = 0",
            {},
            window,
        )
    )
    for (day, model), found in _grouped(rows, "monitor_date", "model_name").items():
        bad = [row for row in found if row["status"] == "degraded"]
        unknown = [row["metric"] for row in found if row["status"] == "could_not_evaluate"]
        yield (
            day,
            Condition(
                "performance",
                model,
                worst(row["severity"] for row in bad),
                (model,) if bad else (),
                f"{model} predicts worse than its holdout promised",
                "; ".join(_loss(row) for row in sorted(bad, key=lambda row: str(row["metric"]))),
                _sorted(row["metric"] for row in bad),
                _sorted(unknown),
            ),
        )


def _loss(row: Mapping[str, Any]) -> str:
    value, promised, loss = row["value"], row["holdout_value"], row["relative_loss"]
    text = f"{row['metric']} " + ("unknown" if value is None else f"{value:.4g}")
    text += "" if promised is None else f", on the holdout {promised:.4g}"
    text += "" if loss is None else f", {loss:.0%} worse"
    return f"{text}, over {row['labels']} labels"


def _quality(engine: Engine, window: Window) -> Iterable[tuple[date, Condition]]:
    rows = engine.rows(
        Query(
            "SELECT monitor_date, table_name, check_name, status, "
            "CASE WHEN status = 'failed' THEN detail ELSE '' END AS detail "
            "FROM monitoring.data_quality",
            {},
            window,
        )
    )
    touched = _readers()
    for (day, table), found in _grouped(rows, "monitor_date", "table_name").items():
        failed = sorted(
            (row["check_name"], row["detail"]) for row in found if row["status"] == "failed"
        )
        told = [f"{name}: {detail}" if detail else name for name, detail in failed]
        yield (
            day,
            Condition(
                "data_quality",
                table,
                "severe" if failed else "none",
                touched.get(table, ()) if failed else (),
                f"{table} fails {len(failed)} check{'' if len(failed) == 1 else 's'}",
                _listed(told, "checks"),
                _sorted(name for name, _ in failed),
                _sorted(r["check_name"] for r in found if r["status"] == "could_not_evaluate"),
            ),
        )


def _readers() -> dict[str, tuple[str, ...]]:
    """Return the models that read or write a table, by its full name."""
    from ngm_assets.models.data.dataset import catalog
    from ngm_assets.predictions.tables import prediction_contract

    found: dict[str, set[str]] = defaultdict(set)
    for spec in catalog():
        found[f"features.{spec.feature_table}"].add(spec.name)
        found[prediction_contract(spec).full_name].add(spec.name)
    return {table: _sorted(models) for table, models in found.items()}


def _failures(engine: Engine, start: date, end: date) -> Iterable[tuple[date, Condition]]:
    """Give every day the newest report there was; none before the first one."""
    rows = engine.rows(
        Query(
            "SELECT * FROM monitoring.pipeline_failures WHERE monitor_date >= (SELECT "
            "MAX(monitor_date) FROM monitoring.pipeline_failures WHERE monitor_date <= :start_date)"
            " OR monitor_date > :start_date",
            {"start_date": start},
            Window(end=end),
        )
    )
    reports = _grouped(rows, "monitor_date")
    touched = _readers()
    for day in days_between(start, end):
        newest = max((known for (known,) in reports if known <= day), default=None)
        for row in [] if newest is None else reports[(newest,)]:
            yield day, _failure(row, touched)


def _failure(row: Mapping[str, Any], touched: Mapping[str, tuple[str, ...]]) -> Condition:
    asset = row["asset"]
    if asset == NONE:
        return Condition("pipeline_failure", asset, "none")
    schema, _, name = asset.partition(".")
    many = row["partitions"] != 1
    span = row["first_partition"]
    span += f" to {row['last_partition']}" if row["last_partition"] != span else ""
    run = f"(run {row['run_id']})" if row["run_id"] else ""
    return Condition(
        "pipeline_failure",
        asset,
        "severe",
        (name,) if schema == "models" else touched.get(asset, ()),
        f"{asset} failed on {row['partitions']} partition{'s' if many else ''}",
        " ".join(part for part in (f"{span}:" if span else "", row["detail"], run) if part),
        (asset,),
    )


def _grouped(rows: Rows, *names: str) -> dict[tuple[Any, ...], list[Mapping[str, Any]]]:
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return groups


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _listed(texts: Sequence[str], what: str) -> str:
    more = len(texts) - TOLD
    return "; ".join(texts[:TOLD]) + (f"; and {more} more {what}" if more > 0 else "")
