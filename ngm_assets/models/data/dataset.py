"""Builds the rows a model learns from, as of a Monday, out of feature tables and label SQL."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.engine.base import Engine, Query, Window
from ngm_assets.engine.sql import output_columns, read_sql
from ngm_assets.errors import ConfigError, ModelError
from ngm_assets.features.tables import feature_contracts
from ngm_assets.models.catalog.reader import load_catalog
from ngm_assets.models.catalog.rules import nearest, row_faults
from ngm_assets.models.catalog.spec import ModelSpec
from ngm_assets.models.data.frames import ModelFrame, class_positions
from ngm_assets.models.registry.loaded import FeatureContract

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.settings import Words

LABELS = Path(__file__).parents[1] / "labels"


@cache
def catalog() -> tuple[ModelSpec, ...]:
    """Return the package's models, validated against feature contracts and label SQL.

    Raises:
        ConfigError: At least one entry is wrong; all faults are listed.
    """
    contracts = feature_contracts().values()
    return load_catalog(
        feature_columns={contract.name: contract.column_names for contract in contracts},
        label_columns={
            contract.name: output_columns(label_sql(contract.name)) for contract in contracts
        },
        key_columns={contract.name: contract.key for contract in contracts},
        text_columns={
            contract.name: [c.name for c in contract.columns if c.type == "string"]
            for contract in contracts
        },
    )


def model_spec(name: str) -> ModelSpec:
    """Return the specification of a model; KeyError when there is none."""
    for spec in catalog():
        if spec.name == name:
            return spec
    raise KeyError(name)


def named(name: str) -> ModelSpec:
    """Return the specification of a model that a person names.

    Raises:
        ConfigError: There is no such model; the message gives the nearest name.
    """
    known = {spec.name: spec for spec in catalog()}
    if name not in known:
        raise ConfigError(f"There is no model {name!r}.", where=name, mend=nearest(name, known))
    return known[name]


def label_sql(feature_table: str) -> str:
    """Return the label SQL of a feature table: labels/cost.sql for cost_features."""
    return read_sql(LABELS / f"{feature_table.removesuffix('_features')}.sql")


def label_sql_hash(feature_table: str) -> str:
    """Return the sha256 of a feature table's label SQL."""
    return hashlib.sha256(label_sql(feature_table).encode()).hexdigest()


def label_parameters(words: Words) -> dict[str, Any]:
    """Return what label SQL may refer to besides the days."""
    return {"commitment_discount": words.commitment_discount, "team_tag": words.team_tag}


def feature_contract(spec: ModelSpec) -> FeatureContract:
    """Return the part of the feature table's contract the model depends on."""
    contract = feature_contracts()[spec.feature_table]
    return FeatureContract(
        table=contract.name,
        key_columns=contract.entity_key,
        date_column=contract.partition,
        types={name: contract.column(name).type for name in spec.features},
        table_fingerprint=hashlib.sha256(contract.model_dump_json().encode()).hexdigest(),
    )


def training_frame(engine: Engine, spec: ModelSpec, as_of: date, words: Words) -> ModelFrame:
    """Return the rows known on the morning of `as_of`.

    Features are of days before `as_of`; a label counts only where t + horizon < `as_of`. Nothing
    dated `as_of` or later can be read: the query's window ends the day before.

    Args:
        engine: Reads the tables.
        spec: Which rows, features, label and baseline.
        as_of: The Monday that opens the partition.
        words: Settings that label SQL may refer to.
    """
    contract = feature_contracts()[spec.feature_table]
    query = Query(
        _training_sql(spec, contract),
        {
            "start_date": as_of - timedelta(days=spec.training.window_days),
            "end_date": as_of - timedelta(days=1),
            "last_ripe": as_of - timedelta(days=1 + spec.horizon_days),
            **label_parameters(words),
        },
        Window(end=as_of - timedelta(days=1)),
    )
    return to_frame(engine.frame(query), contract, spec)


def _training_sql(spec: ModelSpec, contract: TableContract) -> str:
    names = [*contract.key, *spec.features]
    columns = ", ".join(f"f.{name}" for name in dict.fromkeys(names))
    day = contract.partition
    joined = " AND ".join(f"l.{name} = f.{name}" for name in contract.key)
    label = f"CASE WHEN f.{day} <= :last_ripe THEN l.{spec.target.column} END"
    ripe = "" if spec.problem == "anomaly" else f" AND {label} IS NOT NULL"
    rows = f"SELECT * FROM {contract.full_name} WHERE {spec.rows.where or 'TRUE'}"
    return (
        f"SELECT {columns}, {label} AS label__, l.{spec.baseline.column} AS baseline__ "
        f"FROM ({rows}) AS f LEFT JOIN ({label_sql(spec.feature_table)}) AS l ON {joined} "
        f"WHERE f.{day} BETWEEN :start_date AND :end_date{ripe}"
    )


def scoring_frame(
    engine: Engine, spec: ModelSpec, model: FeatureContract, start: date, end: date
) -> ModelFrame:
    """Return every key to score on the days `start..end` with the model's features.

    Args:
        engine: Reads the feature table.
        spec: The specification stored with the version: which rows concern it.
        model: The feature contract stored with the version.
        start: First day.
        end: Last day.
    """
    contract = feature_contracts()[model.table]
    return scored_rows(engine.frame(scoring_query(spec, model, start, end)), contract, model)


def scoring_query(spec: ModelSpec, model: FeatureContract, start: date, end: date) -> Query:
    """Return the query for keys and features of the rows to score on the days `start..end`.

    Raises:
        ModelError: A condition stored with the version reads more than a row of the table.
    """
    contract = feature_contracts()[model.table]
    faults = list(row_faults(spec, contract.column_names))
    if faults:
        raise ModelError(
            f"The stored rows.{faults[0].path[-1]} cannot be used: {faults[0].what}",
            where=f"{spec.name}, spec.json of the version",
            mend="Restore the artifact store, or train the partition again.",
        )
    columns = ", ".join(dict.fromkeys((*contract.key, *model.features)))
    sql = f"SELECT {columns} FROM {contract.full_name} WHERE {spec.rows.scored()}"
    return Query(sql, {}, Window(start, end))


def scored_rows(rows: pd.DataFrame, contract: TableContract, model: FeatureContract) -> ModelFrame:
    """Split rows of `scoring_query` into keys, days and features, sorted by date and key."""
    return _parts(_sorted(rows, contract), contract, model.features)


def eligible_keys(engine: Engine, spec: ModelSpec, start: date, end: date) -> dict[date, int]:
    """Return how many keys are to be scored per day; days without any are left out."""
    contract = feature_contracts()[spec.feature_table]
    day = contract.partition
    sql = (
        f"SELECT {day} AS day, COUNT(*) AS keys FROM {contract.full_name} "
        f"WHERE {spec.rows.scored()} GROUP BY {day}"
    )
    rows = engine.rows(Query(sql, {}, Window(start, end)))
    return {row["day"]: int(row["keys"]) for row in rows}


def to_frame(rows: pd.DataFrame, contract: TableContract, spec: ModelSpec) -> ModelFrame:
    """Split query rows into keys, days, features, label and baseline, sorted by date and key."""
    import numpy as np

    rows = _sorted(rows, contract)
    parts = _parts(rows, contract, spec.features)
    if spec.problem != "multiclass":
        label, baseline = (
            rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
            for name in ("label__", "baseline__")
        )
        return replace(parts, label=label, baseline=baseline)
    classes = spec.classes or tuple(sorted({str(name) for name in rows["label__"].dropna()}))
    return replace(
        parts,
        label=class_positions(rows["label__"].tolist(), classes),
        baseline=class_positions(rows["baseline__"].tolist(), classes),
        classes=classes,
    )


def _sorted(rows: pd.DataFrame, contract: TableContract) -> pd.DataFrame:
    order = [contract.partition, *contract.entity_key]
    return rows.sort_values(order, kind="stable").reset_index(drop=True)


def _parts(rows: pd.DataFrame, contract: TableContract, features: Sequence[str]) -> ModelFrame:
    """Return keys, days and features of rows that are sorted by date and key."""
    import pandas as pd

    keys = rows[list(contract.key)].copy()
    keys[contract.partition] = pd.to_datetime(keys[contract.partition]).astype("datetime64[ns]")
    columns = {name: _values(rows[name], contract.column(name).type) for name in features}
    return ModelFrame(
        keys=keys,
        dates=keys[contract.partition].to_numpy().astype("datetime64[D]"),
        features=pd.DataFrame(columns, columns=list(features)),
    )


def _values(column: pd.Series, kind: str) -> pd.Series:
    import pandas as pd

    if kind == "string":
        texts = column.astype(object)
        return texts.where(texts.notna(), None)
    return pd.to_numeric(column).astype("float64")
