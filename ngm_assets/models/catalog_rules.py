"""What a catalogue entry must be true to: feature tables, label columns, estimators, metrics."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ngm_assets.errors import ConfigError
from ngm_assets.models.estimators.base import (
    EstimatorEntry,
    registered_estimators,
    resolve_estimator,
)
from ngm_assets.models.metrics import metrics
from ngm_assets.models.spec import OUTPUT_PLACEHOLDERS, ModelSpec, template_placeholders


@dataclass(frozen=True)
class Fault:
    """Something an entry names that is not there, with its path inside the entry."""

    path: tuple[str | int, ...]
    what: str
    mend: str


@dataclass(frozen=True)
class Tables:
    """What there is: columns by feature table, label columns by domain, keys by feature table."""

    features: Mapping[str, Collection[str]]
    labels: Mapping[str, Collection[str]]
    keys: Mapping[str, Collection[str]] | None = None


def nearest(name: str, known: Collection[str]) -> str:
    """Return "Did you mean ...?" for the nearest known name, or the list of known names."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    if close:
        return f"Did you mean {close[0]}?"
    return f"Known: {', '.join(sorted(known)) or 'none'}."


def faults_of(spec: ModelSpec, tables: Tables) -> Iterator[Fault]:
    """Yield everything the entry names that does not exist or does not fit."""
    yield from _feature_faults(spec, tables)
    yield from _label_faults(spec, tables)
    yield from _estimator_faults(spec)
    yield from _metric_faults(spec)
    if spec.feature_table in tables.features:
        yield from _action_faults(spec, tables)


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
    known = tables.labels.get(spec.domain, ())
    target = "proxy" if spec.problem == "anomaly" else "label"
    for path, column in ((target, spec.target.column), ("baseline", spec.baseline.column)):
        if column not in known:
            what = f"labels/{spec.domain}.sql has no column {column}."
            yield Fault((path, "column"), what, nearest(column, known))


def _estimator_faults(spec: ModelSpec) -> Iterator[Fault]:
    name, known = spec.estimator.type, registered_estimators()
    entry = known.get(name)
    if entry is None:
        if "." not in name:
            yield Fault(("estimator", "type"), f"unknown estimator {name}.", nearest(name, known))
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
    yield from _param_faults(spec, entry)


def _param_faults(spec: ModelSpec, entry: EstimatorEntry) -> Iterator[Fault]:
    for name, value in spec.estimator.params.items():
        path = ("estimator", "params", name)
        if name not in entry.params:
            yield Fault(path, f"unknown parameter {name}.", nearest(name, entry.params))
        elif name in entry.feature_params:
            named = value if isinstance(value, Mapping) else [value]
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
    for name in asked:
        if name not in allowed:
            yield Fault(path, f"unknown placeholder {{{name}}}.", nearest(name, allowed))


def _keys(spec: ModelSpec, tables: Tables) -> Collection[str] | None:
    return None if tables.keys is None else tables.keys.get(spec.feature_table, ())
