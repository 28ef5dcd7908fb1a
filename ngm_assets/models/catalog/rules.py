"""What a catalogue entry must be true to: feature tables, label columns, estimators, metrics."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ngm_assets.errors import ConfigError
from ngm_assets.models.catalog.spec import OUTPUT_PLACEHOLDERS, ModelSpec, template_placeholders
from ngm_assets.models.estimators.base import (
    EstimatorEntry,
    named_estimators,
    registered_estimators,
    resolve_estimator,
)
from ngm_assets.models.evaluation.metrics import metrics

if TYPE_CHECKING:
    from sqlglot.expressions import Condition


@dataclass(frozen=True)
class Fault:
    """Something an entry names that is not there, with its path inside the entry."""

    path: tuple[str | int, ...]
    what: str
    mend: str


@dataclass(frozen=True)
class Tables:
    """What there is, by feature table: columns, label columns, keys, columns that hold texts."""

    features: Mapping[str, Collection[str]]
    labels: Mapping[str, Collection[str]]
    keys: Mapping[str, Collection[str]] | None = None
    texts: Mapping[str, Collection[str]] = field(default_factory=dict)


def nearest(name: str, known: Collection[str]) -> str:
    """Return "Did you mean ...?" for the nearest known name, or the list of known names."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    if close:
        return f"Did you mean {close[0]}?"
    return f"Known: {', '.join(sorted(known)) or 'none'}."


def faults_of(spec: ModelSpec, tables: Tables) -> Iterator[Fault]:
    """Yield everything the entry names that does not exist or does not fit."""
    yield from _feature_faults(spec, tables)
    if spec.feature_table in tables.features:
        yield from _label_faults(spec, tables)
        yield from row_faults(spec, tables.features[spec.feature_table])
        yield from _action_faults(spec, tables)
    yield from _reason_faults(spec)
    yield from _estimator_faults(spec, tables)
    yield from _metric_faults(spec)


def _feature_faults(spec: ModelSpec, tables: Tables) -> Iterator[Fault]:
    columns = tables.features.get(spec.feature_table)
    if columns is None:
        what = f"unknown feature table {spec.feature_table}."
        yield Fault(("feature_table",), what, nearest(spec.feature_table, tables.features))
        return
    keys = _keys(spec, tables) or ()
    for index, name in enumerate(spec.features):
        if name in keys:
            what = f"{name} is a key of {spec.feature_table}, not a feature."
            yield Fault(("features", index), what, "Leave it out.")
        elif name not in columns:
            what = f"unknown feature {name}."
            yield Fault(("features", index), what, nearest(name, columns))


def _label_faults(spec: ModelSpec, tables: Tables) -> Iterator[Fault]:
    known = tables.labels.get(spec.feature_table, ())
    target = "proxy" if spec.problem == "anomaly" else "label"
    for path, column in ((target, spec.target.column), ("baseline", spec.baseline.column)):
        if column not in known:
            file = spec.feature_table.removesuffix("_features")
            what = f"labels/{file}.sql has no column {column}."
            yield Fault((path, "column"), what, nearest(column, known))


def row_faults(spec: ModelSpec, columns: Collection[str]) -> Iterator[Fault]:
    """Yield conditions that are not plain SQL over the columns of the feature table."""
    for name in ("where", "scored_where"):
        condition = getattr(spec.rows, name)
        if condition is not None:
            yield from _condition_faults(("rows", name), condition, columns)


def _condition_faults(
    path: tuple[str | int, ...], condition: str, columns: Collection[str]
) -> Iterator[Fault]:
    from sqlglot import Dialect, exp
    from sqlglot.errors import SqlglotError

    try:
        parts = Dialect.get_or_raise("databricks").parse_into(exp.Condition, condition)
    except SqlglotError:
        known = ", ".join(sorted(columns))
        yield Fault(path, f"{condition!r} is not an SQL condition.", f"Columns: {known}.")
        return
    parsed = parts[0]
    if len(parts) != 1 or not isinstance(parsed, exp.Condition) or _is_more(parsed):
        yield Fault(path, f"{condition!r} is more than a condition on one row.", "Simplify it.")
        return
    for column in parsed.find_all(exp.Column):
        if column.table or column.name not in columns:
            yield Fault(path, f"unknown column {column.sql()}.", nearest(column.name, columns))


def _is_more(condition: Condition) -> bool:
    """Return whether a condition looks beyond its row, or hides what follows it."""
    from sqlglot import exp

    beyond = (exp.Query, exp.AggFunc, exp.Window, exp.Placeholder, exp.Parameter)
    return condition.find(*beyond) is not None or any(node.comments for node in condition.walk())


def _reason_faults(spec: ModelSpec) -> Iterator[Fault]:
    for reason, features in spec.reasons.items():
        for name in features:
            if name not in spec.features:
                what = f"{name} is not among the model's features."
                yield Fault(("reasons", reason), what, nearest(name, spec.features))


def _estimator_faults(spec: ModelSpec, tables: Tables) -> Iterator[Fault]:
    name, known, names = spec.estimator.type, registered_estimators(), named_estimators()
    entry = known.get(name)
    if entry is None:
        if not {".", ":"} & set(name) and name not in names:
            yield Fault(("estimator", "type"), f"unknown estimator {name}.", nearest(name, names))
            return
        try:
            resolve_estimator(name)
        except ConfigError as error:
            yield Fault(("estimator", "type"), error.what, error.mend)
        return
    if spec.problem not in entry.problems:
        fitting = [other for other, one in known.items() if spec.problem in one.problems]
        what = f"{name} does not serve problem {spec.problem}."
        yield Fault(("estimator", "type"), what, f"Use one of {', '.join(fitting)}.")
    texts = tables.texts.get(spec.feature_table, ())
    for index, feature in enumerate(spec.features):
        kind = "text" if feature in texts else "number"
        if kind not in entry.inputs:
            what = (
                f"{feature} is a {kind}, {name} takes only {' and '.join(sorted(entry.inputs))}s."
            )
            yield Fault(("features", index), what, "Leave it out or use another estimator.")
    yield from _param_faults(spec, entry)


def _param_faults(spec: ModelSpec, entry: EstimatorEntry) -> Iterator[Fault]:
    for name, value in spec.estimator.params.items():
        path = ("estimator", "params", name)
        if name not in entry.params:
            yield Fault(path, f"unknown parameter {name}.", nearest(name, entry.params))
        elif name in entry.feature_params:
            named = value if isinstance(value, Mapping | list) else [value]
            for feature in named:
                if feature not in spec.features:
                    inner = (*path, str(feature)) if isinstance(value, Mapping) else path
                    what = f"{feature} is not among the model's features."
                    yield Fault(inner, what, nearest(str(feature), spec.features))


def _metric_faults(spec: ModelSpec) -> Iterator[Fault]:
    known = {name: one for name, one in metrics().items() if spec.problem in one.problems}
    if spec.metric.name not in known:
        what = f"no metric {spec.metric.name} for problem {spec.problem}."
        yield Fault(("metric", "name"), what, nearest(spec.metric.name, known))


def _action_faults(spec: ModelSpec, tables: Tables) -> Iterator[Fault]:
    path = ("recommended_action",)
    try:
        asked = template_placeholders(spec.recommended_action)
    except ValueError as error:
        yield Fault(path, f"the template is malformed: {error}.", "Write {{ for a brace.")
        return
    keys = _keys(spec, tables)
    allowed = {*OUTPUT_PLACEHOLDERS, *spec.features}
    allowed |= set(tables.features.get(spec.feature_table, ()) if keys is None else keys)
    known = True
    for name in asked:
        if name not in allowed:
            known = False
            yield Fault(path, f"unknown placeholder {{{name}}}.", nearest(name, allowed))
    if known:
        texts = {*(keys or ()), *tables.texts.get(spec.feature_table, ()), "predicted_label"}
        sample = {name: "text" if name in texts else 1.0 for name in asked}
        try:
            spec.recommended_action.format(**sample)
        except ValueError as error:
            yield Fault(path, f"a format does not fit its value: {error}.", "Mend the format.")


def _keys(spec: ModelSpec, tables: Tables) -> Collection[str] | None:
    return None if tables.keys is None else tables.keys.get(spec.feature_table, ())
