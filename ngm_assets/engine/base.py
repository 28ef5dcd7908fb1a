"""What an engine offers to the layers: windows of tables in, whole date partitions out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from ngm_assets.lakehouse.contract import TableContract

Value = str | int | float | date | list[str]


@dataclass(frozen=True)
class Window:
    """Partition dates a query may read from lakehouse tables, both ends inclusive; None = open."""

    start: date | None = None
    end: date | None = None


@dataclass(frozen=True)
class Query:
    """A query in the Databricks dialect with named parameters and the window it may read."""

    sql: str
    parameters: Mapping[str, Value]
    window: Window = Window()


class Engine(Protocol):
    """Runs queries over raw and lakehouse tables."""

    def overwrite(
        self,
        contract: TableContract,
        query: Query,
        start: date,
        end: date,
        *,
        also: tuple[date, ...] = (),
    ) -> None:
        """Replace the partitions `start..end` (and `also`) of a table by the query's rows."""

    def rows(self, query: Query) -> list[dict[str, Any]]:
        """Return a small result as dictionaries."""

    def frame(self, query: Query) -> pd.DataFrame:
        """Return a result as a pandas frame."""
