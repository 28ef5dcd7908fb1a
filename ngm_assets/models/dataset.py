"""Builds the rows a model learns from, as of a Monday, out of feature tables and label SQL."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ngm_assets.engine.base import Engine, Query, Window
from ngm_assets.engine.sql import output_columns, read_sql
from ngm_assets.features.tables import feature_contracts
from ngm_assets.models.catalog_reader import load_catalog
from ngm_assets.models.frames import ModelFrame
from ngm_assets.models.loaded import FeatureContract
from ngm_assets.models.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.lakehouse.contract import TableContract

LABELS = Path(__file__).parent / "labels"
DOMAINS = ("cost", "performance", "quality", "reliability", "security")


@cache
def catalog() -> tuple[ModelSpec, ...]:
    """Return the package's models, validated against feature contracts and label SQL.

    Raises:
        ConfigError: At least one entry is wrong; all faults are listed.
    """
    contracts = feature_contracts().values()
    return load_catalog(
        feature_columns={contract.name: contract.column_names for contract in contracts},
        label_columns={domain: output_columns(label_sql(domain)) for domain in DOMAINS},
        key_columns={contract.name: contract.key for contract in contracts},
    )


def model_spec(name: str) -> ModelSpec:
    """Return the specification of a model; KeyError when there is none."""
    for spec in catalog():
        if spec.name == name:
            return spec
    raise KeyError(name)


def label_sql(domain: str) -> str:
    """Return the label SQL of a domain."""
    return read_sql(LABELS / f"{domain}.sql")


def label_sql_hash(domain: str) -> str:
    """Return the sha256 of a domain's label SQL."""
    return hashlib.sha256(label_sql(domain).encode()).hexdigest()


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


def training_frame(engine: Engine, spec: ModelSpec, as_of: date) -> ModelFrame:
    """Return the rows known on the morning of `as_of`.

    Features are of days before `as_of`; a label counts only where t + horizon < `as_of`. Nothing
    dated `as_of` or later can be read: the query's window ends the day before.
    """
    contract = feature_contracts()[spec.feature_table]
    query = Query(
        _training_sql(spec, contract),
        {
            "start_date": as_of - timedelta(days=spec.training.window_days),
            "end_date": as_of - timedelta(days=1),
            "last_ripe": as_of - timedelta(days=1 + spec.horizon_days),
        },
        Window(as_of - timedelta(days=spec.training.window_days), as_of - timedelta(days=1)),
    )
    return to_frame(engine.frame(query), contract, spec.features, labelled=True)


def _training_sql(spec: ModelSpec, contract: TableContract) -> str:
    names = [*contract.key, *spec.features]
    columns = ", ".join(f"f.{name}" for name in dict.fromkeys(names))
    day = contract.partition
    joined = " AND ".join(f"l.{name} = f.{name}" for name in contract.key)
    label = f"CASE WHEN f.{day} <= :last_ripe THEN l.{spec.target.column} END"
    ripe = "" if spec.problem == "anomaly" else f" AND {label} IS NOT NULL"
    return (
        f"SELECT {columns}, {label} AS label__, l.{spec.baseline.column} AS baseline__ "
        f"FROM {contract.full_name} AS f LEFT JOIN ({label_sql(spec.domain)}) AS l ON {joined} "
        f"WHERE f.{day} BETWEEN :start_date AND :end_date{ripe}"
    )


def scoring_frame(engine: Engine, model: FeatureContract, start: date, end: date) -> ModelFrame:
    """Return every key of the feature table on the days `start..end` with the model's features."""
    contract = feature_contracts()[model.table]
    columns = ", ".join(dict.fromkeys((*contract.key, *model.features)))
    sql = f"SELECT {columns} FROM {contract.full_name}"
    frame = engine.frame(Query(sql, {}, Window(start, end)))
    return to_frame(frame, contract, model.features, labelled=False)


def to_frame(
    rows: pd.DataFrame, contract: TableContract, features: Sequence[str], *, labelled: bool
) -> ModelFrame:
    """Split query rows into keys, days, features, label and baseline, sorted by date and key."""
    import numpy as np
    import pandas as pd

    order = [contract.partition, *contract.entity_key]
    rows = rows.sort_values(order, kind="stable").reset_index(drop=True)
    keys = rows[list(contract.key)].copy()
    keys[contract.partition] = pd.to_datetime(keys[contract.partition]).astype("datetime64[ns]")
    numbers = {name: pd.to_numeric(rows[name]).astype("float64") for name in features}
    return ModelFrame(
        keys=keys,
        dates=keys[contract.partition].to_numpy().astype("datetime64[D]"),
        features=pd.DataFrame(numbers, columns=list(features)),
        label=rows["label__"].to_numpy(dtype=np.float64, na_value=np.nan) if labelled else None,
        baseline=rows["baseline__"].to_numpy(dtype=np.float64, na_value=np.nan)
        if labelled
        else None,
    )
