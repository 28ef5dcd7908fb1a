"""A fitted model together with what it must be fed: what scoring needs and nothing more."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from ngm_assets.errors import ModelError
from ngm_assets.lakehouse.contract import NAME

if TYPE_CHECKING:
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.estimators.base import Fitted


@dataclass(frozen=True)
class FeatureContract:
    """The part of the feature table a model was trained on.

    Attributes:
        table: Name of the feature table.
        key_columns: Keys besides the date, in order.
        date_column: The table's day column.
        types: Type of each feature as the table's contract states it, in the spec's order.
        table_fingerprint: Fingerprint of the whole table's contract at training, for lineage.
    """

    table: str
    key_columns: tuple[str, ...]
    date_column: str
    types: Mapping[str, str]
    table_fingerprint: str = ""

    @property
    def features(self) -> tuple[str, ...]:
        """Feature names in order."""
        return tuple(self.types)

    def fingerprint(self) -> str:
        """Return the sha256 of what must fit: table, keys, date column, features and types."""
        fitting = [self.table, self.key_columns, self.date_column, list(self.types.items())]
        return hashlib.sha256(json.dumps(fitting).encode()).hexdigest()

    def require(self, table: str, columns: Mapping[str, str]) -> None:
        """Refuse a feature table that no longer fits; further columns do not matter.

        Args:
            table: Name of the table at hand.
            columns: Type by column of the table at hand, as its contract states them.

        Raises:
            ModelError: Another table, missing columns, or changed types; all are named.
        """
        faults = [] if table == self.table else [f"table {table}, trained on {self.table}"]
        for name in (*self.key_columns, self.date_column):
            if name not in columns:
                faults.append(f"key column {name} is missing")
        for name, kind in self.types.items():
            if name not in columns:
                faults.append(f"column {name} is missing")
            elif columns[name].lower() != kind.lower():
                faults.append(f"column {name} is {columns[name]}, trained on {kind}")
        if faults:
            raise ModelError(
                f"The feature table no longer fits the model: {'; '.join(faults)}.",
                where=f"features/{self.table}",
                mend="Restore the columns, or train and promote a version on the new table.",
            )

    def to_json(self) -> dict[str, Any]:
        """Return JSON values, with the fingerprint for readers."""
        columns = [{"name": name, "type": kind} for name, kind in self.types.items()]
        content = asdict(self) | {"fingerprint": self.fingerprint(), "columns": columns}
        content.pop("types")
        return content

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> FeatureContract:
        """Restore what `to_json` returned.

        Raises:
            ModelError: A name is none; queries are made of them.
        """
        columns = [column["name"] for column in data["columns"]]
        named = [data["table"], data["date_column"], *data["key_columns"], *columns]
        wrong = [name for name in named if not re.fullmatch(NAME, str(name))]
        if wrong:
            raise ModelError(
                f"The stored feature contract has names that are none: {wrong}.",
                where="contract.json of the version",
                mend="Restore the artifact store, or train the partition again.",
            )
        return FeatureContract(
            table=data["table"],
            key_columns=tuple(data["key_columns"]),
            date_column=data["date_column"],
            types={column["name"]: column["type"] for column in data["columns"]},
            table_fingerprint=data["table_fingerprint"],
        )


@dataclass(frozen=True)
class LoadedModel:
    """One version, ready to score.

    Attributes:
        spec: The specification it was trained with.
        version: Version number in the registry.
        run_id: MLflow run that made it.
        fitted: The fitted estimator.
        contract: What the feature table must look like.
        as_of: The day it was trained for; it knows nothing of that day or later.
        trained_through: Last feature day of its training rows.
        reference: Training statistics per feature, for drift.
    """

    spec: ModelSpec
    version: int
    run_id: str
    fitted: Fitted
    contract: FeatureContract
    as_of: date
    trained_through: date
    reference: Mapping[str, Any]
